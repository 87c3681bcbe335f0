"""What `mtbench plugins` prints: the components there are, and the options of one."""

from __future__ import annotations

import inspect
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mtbench.plugin.component import Component
from mtbench.plugin.registry import Origin, Registry
from mtbench.plugin.weighting import Weighting


def components(registry: Registry, kind: str | None, console: Console) -> None:
    """Print all components, or those of a kind, with their origin."""
    grid = Table(box=None, pad_edge=False)
    for heading in ("kind", "name", "from", "what it is"):
        grid.add_column(heading, no_wrap=heading != "what it is")
    for cls, origin in registry:
        if kind in (None, cls.kind):
            grid.add_row(
                cls.kind, f"[bold]{escape(cls.name)}[/]", str(origin), escape(_first_line(cls))
            )
    console.print(grid)
    for line in registry.problems:
        console.print(f"[yellow]{escape(line)}[/]")


def component(cls: type[Component], origin: Origin, console: Console) -> None:
    """Print the documentation and options of a component."""
    console.print(f"[bold]{cls.kind} {escape(cls.name)}[/]  ({escape(str(origin))})\n")
    console.print(escape(inspect.getdoc(cls) or ""), highlight=False)
    if issubclass(cls, Weighting):
        console.print(f"\n[bold]needs[/] {escape(cls.needs)}", highlight=False)
    grid = Table(box=None, pad_edge=False)
    for heading in ("option", "type", "default", "help"):
        grid.add_column(heading, no_wrap=heading == "option")
    schema = cls.schema_of_options()
    for name, option in schema.get("properties", {}).items():
        default = (
            "required"
            if name in schema.get("required", ())
            else _value(option.get("default", "made anew"))
        )
        help_text = " ".join(option.get("description", "").split())
        grid.add_row(f"[bold]{escape(name)}[/]", escape(_type(option)), default, escape(help_text))
    if grid.row_count:
        console.print()
        console.print(grid)


def _first_line(cls: type[Component]) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return escape(f"[{', '.join(map(str, value))}]")
    return escape(str(value))


_BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
}


def _type(option: dict[str, Any] | bool) -> str:
    """A JSON Schema type in words: `number > 0`, `one of a, b`, `list of integer ≥ 1`."""
    if isinstance(option, bool):  # `true` is the schema of what may be anything
        option = {}
    if "anyOf" in option:
        return " or ".join("none" if o.get("type") == "null" else _type(o) for o in option["anyOf"])
    if "enum" in option:
        return "one of " + ", ".join(map(str, option["enum"]))
    if "const" in option:
        return str(option["const"])
    kind = str(option.get("type", "any"))
    if kind == "array":
        return f"list of {_type(option.get('items', {}))}"
    if kind == "object":
        return f"mapping to {_type(option.get('additionalProperties') or {})}"
    bounds = [form.format(option[key]) for key, form in _BOUNDS.items() if key in option]
    return " ".join([kind, ", ".join(bounds)]) if bounds else kind
