"""The site's pages that are made when it is built: a hook of mkdocs, named in `mkdocs.yml`.

What a suite can say comes from its JSON Schema, commands from their parser, components from the
registry, and of the Python API the list of what is public; mkdocstrings fills that in from the
docstrings. So none of it can be out of date, and nothing of it is stored. Formulas in the written
pages become MathML, which browsers draw without a script.
"""

from __future__ import annotations

import functools
import html
import importlib.util
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from mtbench.cli.main import commands
from mtbench.plugin.component import Component
from mtbench.plugin.kinds import KINDS, Kind
from mtbench.plugin.registry import installed
from mtbench.plugin.weighting import Weighting
from mtbench.suite.schema import suite_schema

Schema = Mapping[str, Any]
PARTS = {
    "Train": ("train", "training"),
    "Optimizer": ("train.optimizer and train.groups", "an optimizer"),
    "Schedule": ("train.schedule", "a schedule"),
    "EarlyStopping": ("train.early_stopping", "early stopping"),
    "Pretrain": ("train.pretrain", "pre-training"),
    "TowersForm": ("towers", "two towers"),
    "TowersDifference": ("towers of a scenario", "towers that differ"),
    "ScenarioForm": ("scenarios", "a scenario"),
    "ExtendingForm": ("scenarios that extend another", "one that extends another"),
    "Labels": ("labels of a scenario", "labels"),
    "Tune": ("tune", "tuning"),
    "ArmTune": ("tune of a scenario or baseline", "tuning of its own"),
    "Values": ("space of tune", "values to try"),
}
"""Parts of a suite in the order of the page: definition in the schema, heading, as a type."""
SUITE = """\
A suite is one YAML file. This page is made from the JSON Schema that `mtbench schema` prints for
editors; `mtbench check` tells every fault of a suite with its line. What can stand under `dataset`,
`split`, `towers`, `tasks`, `weighting` and `baselines`, and the options of each, is on the pages of
components, such as [tasks](tasks.md)."""
COMMAND_LINE = """\
Exit codes: 0 all good, 1 a run failed or a gate was broken, 2 a wrong suite, plugin or command
line. Options are written in full. `-h` after any command prints what is here."""
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    for path, make in pages().items():
        files.append(File.generated(config, path, content=make()))
    return files


def on_page_content(content: str, **_: Any) -> str:
    """Make MathML of formulas."""
    return FORMULA.sub(lambda found: mathml(found[2], found[1] == "div"), content)


def pages() -> dict[str, Callable[[], str]]:
    """What makes each page, by its path."""
    made: dict[str, Callable[[], str]] = {
        "reference/suite.md": suite_page,
        "reference/commands.md": commands_page,
    }
    for kind in KINDS.values():
        made[f"reference/{kind.name}s.md"] = functools.partial(components_page, kind)
    for package in reference().PACKAGES:
        path = f"reference/{package.rpartition('.')[2]}.md"
        made[path] = functools.partial(package_page, package)
    return made


def mathml(formula: str, block: bool) -> str:
    """A formula in LaTeX as MathML."""
    return convert(html.unescape(formula), display="block" if block else "inline")


def suite_page() -> str:
    """Every key of a suite."""
    schema = suite_schema(installed())
    definitions = schema["$defs"]
    lines = [
        "# Keys of a suite",
        "",
        SUITE,
        "",
        *listed(schema),
    ]
    for name, (heading, _) in PARTS.items():
        part = definitions[name]
        lines += ["", f"## {heading} {{: #{anchor(name)} }}", "", part.get("description", ""), ""]
        alone = next((one for one in part.get("anyOf", ()) if "properties" in one), part)
        lines += listed(alone)
    return "\n".join([*lines, ""])


def commands_page() -> str:
    """Every command with its arguments and options."""
    context = click.Context(commands, info_name="mtbench")
    lines = [
        "# Commands",
        "",
        COMMAND_LINE,
    ]
    for command, inner in leaves(commands, context):
        pieces = " ".join(command.collect_usage_pieces(inner))
        about = inner.command.help or ""
        lines += ["", f"## {inner.command_path}", "", f"{about[:1].upper()}{about[1:]}.", ""]
        lines += ["```text", f"{inner.command_path} {pieces}", "```", ""]
        for parameter in command.get_params(inner):
            if row := parameter.get_help_record(inner):
                lines += [f"`{row[0]}`", f":   {html.escape(sentence(row[1]))}", ""]
    return "\n".join([*lines, ""])


def leaves(
    group: click.Command, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """Every command below a group that has none below it."""
    if not isinstance(group, click.Group):
        yield group, context
        return
    for name in group.list_commands(context):
        if command := group.get_command(context, name):
            yield from leaves(command, click.Context(command, parent=context, info_name=name))


def components_page(kind: Kind) -> str:
    """Every component of a kind with its options."""
    found = [(cls, origin) for cls, origin in installed() if cls.kind == kind.name]
    lines = [
        f"# {kind.name.capitalize()}s",
        "",
        f"{kind.about} `mtbench plugins {kind.name}` lists them, with those of yours.",
        f"How to write one: [{kind.name}](../plugins/{kind.name}.md).",
    ]
    for cls, _ in found:
        lines += ["", f"## {cls.name}", "", inspect.getdoc(cls) or "", ""]
        if issubclass(cls, Weighting):
            lines += [f"Needs: {cls.needs}.", ""]
        schema = cls.schema_of_options()
        lines += listed(schema) or ["It has no options."]
        lines += nested(cls, schema)
    return "\n".join([*lines, ""])


def nested(cls: type[Component], schema: Schema) -> Iterator[str]:
    """What stands within an option that is a mapping of its own."""
    for name, part in schema.get("$defs", {}).items():
        if part.get("properties"):
            yield from ["", f"### {cls.name}: {name} {{: #{anchor(name)} }}", ""]
            yield from [part.get("description", ""), "", *listed(part)]


def package_page(package: str) -> str:
    """The public names of a package, for mkdocstrings."""
    tool = reference()
    text = inspect.cleandoc(tool.ast.get_docstring(tool.tree(package)) or "")
    lines = [f"# {package}", "", text.partition("\n\n")[0], ""]
    for entry in tool.entries(package):
        if package != "mtbench" and (entry.module, entry.name) in of_the_top():
            lines += [f"- [`{entry.name}`][mtbench.{entry.name}] is that of `mtbench`.", ""]
            continue
        lines += [f"::: {package}.{entry.name}", ""]
    return "\n".join(lines)


@functools.cache
def of_the_top() -> frozenset[tuple[str, str]]:
    """Where the names of `mtbench` are from."""
    return frozenset((entry.module, entry.name) for entry in reference().entries("mtbench"))


@functools.cache
def reference() -> ModuleType:
    """The module beside this one that finds public names: docs/ is no package."""
    path = Path(__file__).parent / "reference.py"
    spec = importlib.util.spec_from_file_location("reference", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {path}")
    module = sys.modules["reference"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listed(schema: Schema) -> list[str]:
    """The keys of a mapping as a list of definitions: key, type, default; help."""
    lines: list[str] = []
    required = schema.get("required", ())
    options = schema.get("properties", {})
    for name in sorted(options, key=lambda name: name not in required):
        option = options[name]
        given = "required" if name in required else default(option)
        parts = [f"`{name}`", typed(option), given]
        text = " ".join(option.get("description", "").split())
        lines += [" · ".join(part for part in parts if part), f":   {text or '–'}", ""]
    return lines


def default(option: Schema) -> str:
    """The default in words; nothing where it says nothing."""
    if "default" not in option or option["default"] is None:
        return ""
    text = json.dumps(option["default"], ensure_ascii=False)
    if text in ("{}", "[]"):
        return ""
    return f"default `{text}`" if len(text) < 60 else "has a default"


def typed(option: Schema) -> str:
    """A JSON Schema type in words, with links to what has a section or page of its own."""
    if "$ref" in option:
        return linked(option["$ref"].rpartition("/")[2])
    if kind := component(option):
        return linked(kind)
    if "anyOf" in option:
        return " or ".join(dict.fromkeys(filter(None, map(typed, option["anyOf"]))))
    if "enum" in option:
        return "one of " + ", ".join(f"`{value}`" for value in option["enum"])
    if "const" in option:
        return f"`{option['const']}`"
    return of_type(option)


def component(option: Schema) -> str:
    """The kind of component that an option takes, if all its names are of one."""
    names = {str(name) for choice in option.get("anyOf", ()) for name in choice.get("enum", ())}
    return next((kind for kind in KINDS if names and names <= named(kind)), "")


@functools.cache
def named(kind: str) -> frozenset[str]:
    """The names of the components of a kind."""
    return frozenset(cls.name for cls, _ in installed() if cls.kind == kind)


def of_type(option: Schema) -> str:
    """One that is neither a reference, a choice nor a value."""
    kind = option.get("type", "any value")
    if isinstance(kind, list):  # or nothing, where a name alone will do
        kind = kind[0]
    if kind == "null":
        return ""
    if kind == "array":
        return f"list of {typed(option.get('items', {}))}"
    if kind == "object":
        values = option.get("additionalProperties")
        return f"mapping to {typed(values)}" if isinstance(values, Mapping) else "mapping"
    bounds = [f"{sign} {option[key]}" for key, sign in BOUNDS.items() if key in option]
    return " ".join([str(kind), ", ".join(bounds)]).strip()


def linked(name: str) -> str:
    """A reference to a definition of the schema."""
    kind = name.removesuffix("_difference")
    if kind in KINDS:
        return f"a [{kind}]({kind}s.md)" + (", or what is different of it" if kind != name else "")
    return f"[{PARTS[name][1] if name in PARTS else name}](#{anchor(name)})"


def anchor(name: str) -> str:
    """`early-stopping` of `EarlyStopping`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def sentence(text: str) -> str:
    """As it stands in the help, with a capital letter."""
    return f"{text[:1].upper()}{text[1:]}"
