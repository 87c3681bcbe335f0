"""Options as fields of a frozen model."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, get_args
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class _OfSuite:
    """Marks a text that is a path."""


SuitePath = Annotated[str, _OfSuite()]
"""A file that a suite names: relative to the suite's file; to the working folder where `-o` or a
suite from Python says it."""


def _describe(schema: dict[str, Any], cls: type[BaseModel]) -> None:
    """Describe the properties of a JSON Schema by the strings below the fields.

    pydantic can do so itself, for each class when it is made, which takes a command that asks for
    no help half a second.
    """
    properties = schema.get("properties", {})
    for name, text in strings_below(cls).items():
        if name in properties:
            properties[name].setdefault("description", text)


def strings_below(cls: type) -> dict[str, str]:
    """The string below each annotated name of a class and of those it inherits from."""
    found: dict[str, str] = {}
    for base in reversed([each for each in cls.__mro__ if issubclass(each, Options)]):
        if base not in _STRINGS:
            _STRINGS[base] = _own_strings(base)
        found |= _STRINGS[base]
    return found


_STRINGS: WeakKeyDictionary[type, dict[str, str]] = WeakKeyDictionary()
"""Those of classes that were asked for: source is slow to read."""


def _own_strings(cls: type) -> dict[str, str]:
    """The string below each annotated name of a class itself."""
    try:
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    except (OSError, TypeError, SyntaxError):  # of no file, or made in a notebook's cell
        return {}
    found: dict[str, str] = {}
    body = node.body if isinstance(node, ast.ClassDef) else []
    for field, text in itertools.pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                found[name] = inspect.cleandoc(said)
    return found


class Options(BaseModel):
    """Options as fields: validated, frozen, unknown ones refused, help in the string below."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, json_schema_extra=_describe
    )

    def placed(self, folder: Callable[[tuple[str, ...]], Path]) -> Self:
        """The same with every `SuitePath` as seen from the working folder.

        Args:
            folder: From the keys of such a path, of options within options too, to the folder that
                it is relative to.
        """
        others: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if isinstance(value, Options):
                others[name] = value.placed(functools.partial(_below, folder, name))
            elif isinstance(value, str) and _is_path(field):
                others[name] = within(folder((name,)), value)
            elif isinstance(value, tuple) and _is_path(field):
                others[name] = tuple(within(folder((name,)), path) for path in value)
        changed = {name: value for name, value in others.items() if value != getattr(self, name)}
        return self.model_copy(update=changed) if changed else self

    def paths(self) -> Iterator[str]:
        """The files that it names, those of options within options too."""
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if isinstance(value, Options):
                yield from value.paths()
            elif _is_path(field) and value is not None:
                yield from (value,) if isinstance(value, str) else value

    def without_paths(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out what says where files lie, of options within options too.

        Args:
            values: The options as JSON types.
        """
        kept: dict[str, Any] = {}
        for name, value in values.items():
            own = getattr(self, name)
            if isinstance(own, Options):
                kept[name] = own.without_paths(value)
            elif not _is_path(type(self).model_fields[name]):
                kept[name] = value
        return kept


def _is_path(field: FieldInfo) -> bool:
    """Whether an option is a `SuitePath`, or a tuple of them."""
    return any(isinstance(mark, _OfSuite) for mark in (*field.metadata, *_marks(field.annotation)))


def _marks(annotation: Any) -> Iterator[Any]:
    """What types within a type are annotated with."""
    for within_it in get_args(annotation):
        yield from (*getattr(within_it, "__metadata__", ()), *_marks(within_it))


def _below(folder: Callable[[tuple[str, ...]], Path], name: str, keys: tuple[str, ...]) -> Path:
    return folder((name, *keys))


def within(folder: Path, path: str) -> str:
    """A path that is relative to a folder as seen from the working folder.

    What lies below the working folder is relative to it, however the folder is named.
    """
    if folder == Path() or Path(path).expanduser().is_absolute():
        return path
    whole = os.path.normpath(folder / path)
    here = os.path.relpath(whole)
    return whole if Path(here).parts[0] == os.pardir else here
