"""Write the reference of what a plugin may import: `python docs/reference.py docs/reference.md`.

Names are those of `__all__`; all else is read from the sources, so that the page depends neither on
the version of Python nor on how a default happens to print.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtbench.plugin.hooks import SPECS
from mtbench.plugin.kinds import KINDS

ROOT = Path(__file__).parent.parent
PACKAGES = (
    *("mtbench", "mtbench.data", "mtbench.metrics", "mtbench.kit", "mtbench.testing"),
    "mtbench.workers",
)
WIDTH = 100
"""Of a signature on one line."""
SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises|Example):$")
Function = ast.FunctionDef | ast.AsyncFunctionDef
INTRODUCTION = """\
# Reference

What a plugin may import, with the hooks and the kinds of component. How to write one is in
[plugins.md](plugins.md). `python docs/reference.py docs/reference.md` makes this page.
"""


@dataclass(frozen=True)
class Entry:
    """A public name and where its source is."""

    name: str
    module: str
    node: ast.stmt | ast.Module
    text: str
    """Its docstring, empty where it has none."""


def entries(package: str) -> list[Entry]:
    """Every public name of a package, in the order of `sorted`."""
    return [find(package, name) for name in sorted(names(package))]


def names(package: str) -> list[str]:
    """`__all__` of a package, which is imported only where its source does not spell it out."""
    for node in tree(package).body:
        if isinstance(node, ast.Assign) and "__all__" in defined(node):
            try:
                return [*ast.literal_eval(node.value)]
            except ValueError:
                break
    return [*importlib.import_module(package).__all__]


def find(module: str, name: str) -> Entry:
    """Look a name up in the source of a module, and where that imports it from.

    Raises:
        LookupError: It is not there.
    """
    body = [*statements(tree(module))]
    for node, after in zip(body, [*body[1:], None], strict=True):
        if name in defined(node):
            return Entry(name, module, node, docstring(node, after))
    for node in body:
        if isinstance(node, ast.ImportFrom) and name in {a.asname or a.name for a in node.names}:
            (alias,) = (a for a in node.names if (a.asname or a.name) == name)
            source = absolute(module, node)
            if path(f"{source}.{alias.name}") is None:
                return find(source, alias.name)
            whole = tree(f"{source}.{alias.name}")
            text = inspect.cleandoc(ast.get_docstring(whole) or "")
            return Entry(name, f"{source}.{alias.name}", whole, text)
    raise LookupError(f"{module} has no {name}")


@functools.cache
def tree(module: str) -> ast.Module:
    """The syntax of a module."""
    source = path(module)
    if source is None:
        raise LookupError(f"no module {module}")
    return ast.parse(source.read_text(encoding="utf-8"))


def path(module: str) -> Path | None:
    """The source of a module of this project; None if there is none."""
    place = ROOT.joinpath(*module.split("."))
    choices = (place / "__init__.py", place.with_suffix(".py"))
    return next((choice for choice in choices if choice.is_file()), None)


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The module that `from … import` means."""
    if not node.level:
        return node.module or ""
    source = path(module)
    package = module if source and source.name == "__init__.py" else module.rpartition(".")[0]
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def statements(module: ast.Module) -> Iterator[ast.stmt]:
    """Those at the top, and those of `if TYPE_CHECKING:`."""
    for node in module.body:
        yield from node.body if isinstance(node, ast.If) else [node]


def defined(node: ast.stmt) -> set[str]:
    """Names that a statement gives a meaning."""
    if isinstance(node, Function | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def docstring(node: ast.stmt, after: ast.stmt | None) -> str:
    """What a definition says of itself, or for a variable the string below it."""
    if isinstance(node, Function | ast.ClassDef):
        return inspect.cleandoc(ast.get_docstring(node) or "")
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        value = after.value.value
        return inspect.cleandoc(value) if isinstance(value, str) else ""
    return ""


def written(node: ast.expr | ast.stmt) -> str:
    """Code in one line, with the quotes that the project's sources have."""
    code = ast.unparse(node)
    return code if '"' in code else code.replace("'", '"')


def segment(module: str, node: ast.stmt) -> str:
    """Code as it stands in the source."""
    source = path(module)
    return ast.get_source_segment(source.read_text("utf-8"), node) or "" if source else ""


def parameters(node: Function, bound: bool = False) -> list[str]:
    """The parameters as they are written, without `self` where the function is a method."""
    given = node.args
    places = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(places) - len(given.defaults)) + [*given.defaults]
    found = [_parameter(one, value) for one, value in zip(places, defaults, strict=True)]
    found = found[1:] if bound else found
    if given.vararg:
        found.append(f"*{_parameter(given.vararg, None)}")
    elif given.kwonlyargs:
        found.append("*")
    pairs = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    found += [_parameter(one, value) for one, value in pairs]
    return [*found, *([f"**{_parameter(given.kwarg, None)}"] if given.kwarg else [])]


def _parameter(one: ast.arg, default: ast.expr | None) -> str:
    text = f"{one.arg}: {written(one.annotation)}" if one.annotation else one.arg
    if default is None:
        return text
    return f"{text} = {written(default)}" if one.annotation else f"{text}={written(default)}"


def signature(name: str, given: list[str], returns: ast.expr | None) -> str:
    """`name(a: int) -> str`, over several lines where one is too long."""
    end = f") -> {written(returns)}" if returns else ")"
    line = f"{name}({', '.join(given)}{end}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name}(", *(f"    {one}," for one in given), end])


def described(text: str, indent: str = "") -> list[str]:
    """A Google-style docstring as Markdown: its sections become lists."""
    lines: list[str] = []
    section = ""
    for line in text.splitlines():
        if match := SECTION.fullmatch(line):
            section = match[1]
            lines += [f"*{section}*", ""]
        elif not section:
            lines.append(line)
        elif section == "Example":
            lines.append(line)  # an indented block, which Markdown takes for code
        elif section in ("Returns", "Yields"):
            lines.append(line.strip())
        elif named := re.match(r"    (\*{0,2}\w+): (.*)", line):
            lines.append(f"- `{named[1]}`: {named[2]}")
        elif line.startswith("    "):
            lines.append(f"  {line.strip()}" if line[4] == " " else f"- {line.strip()}")
        else:
            lines.append(line.strip())
    return [f"{indent}{line}" if line else "" for line in lines]


def members(node: ast.ClassDef) -> Iterator[str]:
    """The fields and methods of a class that have no underscore, in the order of the source."""
    for each, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(each, Function):
            if not each.name.startswith("_") or each.name in ("__call__", "__getitem__"):
                yield from method(each)
        elif isinstance(each, ast.AnnAssign | ast.Assign):
            for name in sorted(defined(each)):
                if not name.startswith("_") and name not in ("kind", "model_config"):
                    yield from item(written(each))
                    yield from described(docstring(each, after), "  ")


def method(node: Function) -> Iterator[str]:
    """A method or property of a class, with its docstring."""
    marks = [written(mark).rpartition(".")[2] for mark in node.decorator_list]
    if "field_validator" in str(marks) or "model_validator" in str(marks):
        return
    if "property" in marks or "cached_property" in marks:
        of = f": {written(node.returns)}" if node.returns else ""
        yield from item(node.name + of, " (property)")
    else:
        given = parameters(node, bound="staticmethod" not in marks)
        of = "".join(f" ({mark})" for mark in marks if mark in ("classmethod", "staticmethod"))
        yield from item(signature(node.name, given, node.returns), of)
    yield from described(docstring(node, None), "  ")


def shown(entry: Entry) -> Iterator[str]:
    """A heading, the signature and the docstring of a public name; and its members."""
    node, before = entry.node, ""
    yield from ["", f"### `{entry.name}`", ""]
    if isinstance(node, ast.Module):
        yield from [f"Module `{entry.module}`.", "", *described(entry.text)]
        yield from contents(node)
        return
    if isinstance(node, Function):
        before = "def " + signature(node.name, parameters(node), node.returns)
    elif isinstance(node, ast.ClassDef):
        before = "class " + signature(node.name, [written(base) for base in node.bases], None)
        before = before.removesuffix("()")
        made = [n for n in node.body if isinstance(n, Function) and n.name == "__init__"]
        if made:
            before += "\n" + signature(node.name, parameters(made[0], bound=True), None)
    elif entry.name != "__version__":  # whose value the page would have to follow
        before = segment(entry.module, node)
    yield from ["```python", before, "```", ""] if before else []
    yield from described(entry.text)
    if isinstance(node, ast.ClassDef) and (found := [*members(node)]):
        yield from ["", "*Members*", "", *found]


def contents(module: ast.Module) -> Iterator[str]:
    """Functions and classes of a module that is public whole, with the first paragraph of each."""
    for node in module.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                yield from item(f"class {node.name}")
            else:
                yield from item(signature(node.name, parameters(node), node.returns))
            yield from described(docstring(node, None).partition("\n\n")[0], "  ")


def item(code: str, after: str = "") -> list[str]:
    """The head of an item of a list: code in its line, or in a block where it has several."""
    if "\n" not in code and len(code) <= WIDTH:
        return ["", f"- `{code}`{after}", ""]
    block = [f"  {line}" for line in wrapped(code).splitlines()]
    return ["", "- ```python", *block, "  ```", *(["", f"  {after.strip()}"] if after else []), ""]


def wrapped(code: str) -> str:
    """Code of one long line over several."""
    return code if "\n" in code else textwrap.fill(code, WIDTH, subsequent_indent="    ")


def kinds() -> Iterator[str]:
    """The list of kinds."""
    yield from ["", "## Kinds", ""]
    for kind in KINDS.values():
        bases = " or ".join(f"`mtbench.{base.__name__}`" for base in kind.bases)
        where = "a suite names it" if kind.in_suite else "`--track` names it"
        yield f"- `{kind.name}`: {kind.about}"
        yield from textwrap.wrap(
            f"Subclass {bases}.", 118, initial_indent="  ", subsequent_indent="  "
        )
        yield f"  The hook is `{kind.hook}`; {where}."


def hooks() -> Iterator[str]:
    """Every hook with what it is handed."""
    yield from ["", "## Hooks", ""]
    yield "What implements one carries `@mtbench.hookimpl`, and takes the arguments it needs."
    for name, spec in SPECS.items():
        of = inspect.signature(spec).parameters.values()
        yield from item(signature(name, [f"{one.name}: {one.annotation}" for one in of], None))
        yield from described(inspect.cleandoc(spec.__doc__ or ""), "  ")


def page() -> str:
    """The whole page."""
    lines = [INTRODUCTION, *kinds(), *hooks()]
    there: set[tuple[str, str]] = set()
    for package in PACKAGES:
        text = inspect.cleandoc(ast.get_docstring(tree(package)) or "")
        lines += ["", f"## `{package}`", "", text.partition("\n\n")[0]]
        for entry in entries(package):
            if (entry.module, entry.name) in there:
                lines += [
                    "",
                    f"### `{entry.name}`",
                    "",
                    f"That of [`mtbench`](#{entry.name.lower()}).",
                ]
            else:
                lines += shown(entry)
            there.add((entry.module, entry.name))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def main(target: str) -> None:
    """Write the page."""
    Path(target).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
