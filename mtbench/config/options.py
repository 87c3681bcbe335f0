"""Options as fields of a frozen model."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict


class _OfSuite:
    """Marks a text that is a path."""


SuitePath = Annotated[str, _OfSuite()]
"""A file that a suite names: relative to the suite's file; to the working folder where `-o` or a
suite from Python says it."""


class Options(BaseModel):
    """Options as fields: validated, frozen, unknown ones refused, help in the string below."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True
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
            elif isinstance(value, str) and any(isinstance(m, _OfSuite) for m in field.metadata):
                others[name] = within(folder((name,)), value)
        changed = {name: value for name, value in others.items() if value != getattr(self, name)}
        return self.model_copy(update=changed) if changed else self


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
