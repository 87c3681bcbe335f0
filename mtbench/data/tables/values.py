"""Values of a user's table: what is a text, a number, a time, and what is none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from mtbench.data.moments import moment
from mtbench.extras import require

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
"""What stands for a number that is missing."""


class WrongTypeError(Exception):
    """Values of a type, which is the message, that cannot be what is expected."""


def texts(values: Any) -> Any:
    """Return values as strings, missing ones as empty.

    Raises:
        WrongTypeError: They are neither text nor integers.
    """
    pyarrow, types = require("pyarrow", "tables"), require("pyarrow.types", "tables")
    values = values.dictionary_decode() if types.is_dictionary(values.type) else values
    kind = values.type
    accepted = (types.is_string, types.is_large_string, types.is_integer, types.is_boolean)
    if not any(matches(kind) for matches in (*accepted, types.is_null)):
        raise WrongTypeError(kind)
    return compute().fill_null(values.cast(pyarrow.string()), "")


def absent(values: Any) -> np.ndarray:
    """Which values are missing, bool `[n]`: null, NaN, or text that stands for it."""
    pyarrow, types = require("pyarrow", "tables"), require("pyarrow.types", "tables")
    missing = values.is_null(nan_is_null=True)
    if types.is_string(values.type) or types.is_large_string(values.type):
        stripped = compute().utf8_trim_whitespace(values.cast(pyarrow.string()))
        missing = compute().or_(missing, compute().is_in(stripped, pyarrow.array(MISSING)))
    return as_array(missing)


def lists(values: Any, separator: str) -> list[list[str]]:
    """Return the texts in each value: a list of them, or a text with a separator.

    Raises:
        WrongTypeError: They are of another type.
    """
    types = require("pyarrow.types", "tables")
    if is_list(values):
        inner = values.type.value_type
        if types.is_floating(inner) or types.is_decimal(inner) or types.is_nested(inner):
            raise WrongTypeError(f"{values.type}, which is a `vector` if it is of numbers")
        rows = values.to_pylist()
        return [[str(each) for each in row or () if each is not None] for row in rows]
    return [[part.strip() for part in text.split(separator)] for text in texts(values).to_pylist()]


def vectors(values: Any, separator: str) -> tuple[np.ndarray, np.ndarray]:
    """Return values as float64 `[n, length]`, NaN where missing, and which are none.

    Args:
        values: Lists of numbers, or texts of numbers with a separator, a comma or blanks between
            them, in brackets or not.
        separator: What may separate them in a text.

    Raises:
        WrongTypeError: They are of another type.
    """
    pyarrow, types = require("pyarrow", "tables"), require("pyarrow.types", "tables")
    unread = np.zeros(len(values), bool)
    if not is_list(values):
        rows = [_vector(text, separator) for text in texts(values).to_pylist()]
        unread = np.array([row is None for row in rows], bool)
        values = pyarrow.array([row or None for row in rows], pyarrow.list_(pyarrow.float64()))
    inner = values.type.value_type
    if not any(matches(inner) for matches in (types.is_integer, types.is_floating, types.is_null)):
        raise WrongTypeError(values.type)
    lengths = as_array(compute().fill_null(compute().list_value_length(values), 0))
    numbers = as_array(compute().list_flatten(values).cast(pyarrow.float64()))
    length = int(lengths[lengths > 0][0]) if lengths.any() else 0
    fits = lengths == length
    found = np.full((len(values), length), np.nan)
    if length:
        found[fits] = numbers[np.repeat(fits, lengths)].reshape(-1, length)
    return found, unread | (~fits & (lengths > 0)) | np.isinf(found).any(1)


def _vector(text: str, separator: str) -> list[float] | None:
    """The numbers in a text; None where something else is."""
    parts = text.strip().strip("[]()").replace(separator, " ").replace(",", " ").split()
    try:
        return [float(part) for part in parts]
    except ValueError:
        return None


def is_list(values: Any) -> bool:
    """Whether values are lists."""
    types, kind = require("pyarrow.types", "tables"), values.type
    each = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    return any(matches(kind) for matches in each)


def reals(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return values as float64, NaN where missing, and which are no numbers.

    Raises:
        WrongTypeError: They are of a type that has none.
    """
    pyarrow, types = require("pyarrow", "tables"), require("pyarrow.types", "tables")
    kind = values.type
    if not types.is_string(kind) and not types.is_large_string(kind):
        accepted = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
        if not any(matches(kind) for matches in (*accepted, types.is_null)):
            raise WrongTypeError(kind)
        return as_array(values.cast(pyarrow.float64())), np.zeros(len(values), bool)
    ways: tuple[Callable[[Any], Any], ...] = (_as_it_is, _without_missing, _truth)
    for prepare in ways:
        try:
            numbers = as_array(prepare(values).cast(pyarrow.float64()))
        except pyarrow.ArrowInvalid:
            continue
        return numbers, np.zeros(len(values), bool)
    return _each(values, _real)


def seconds(values: Any, per_second: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values as seconds since 1970, int64, and which are no times.

    Args:
        values: Times, numbers, or texts of either.
        per_second: How many of what numbers count make a second.

    Raises:
        WrongTypeError: They are of a type that has none.
    """
    pyarrow, types = require("pyarrow", "tables"), require("pyarrow.types", "tables")
    kind, none = values.type, np.zeros(len(values), bool)
    if types.is_timestamp(kind) or types.is_date(kind):
        missing = as_array(values.is_null())
        whole = values.cast(pyarrow.timestamp("s"), safe=False).cast(pyarrow.int64())
        return as_array(whole.fill_null(0)), missing
    if types.is_integer(kind) or types.is_floating(kind):
        return _whole(as_array(values), per_second)
    if not types.is_string(kind) and not types.is_large_string(kind):
        raise WrongTypeError(kind)
    for target in (pyarrow.int64(), pyarrow.timestamp("us"), pyarrow.timestamp("us", "UTC")):
        try:
            times = values.cast(target)
        except pyarrow.ArrowInvalid:
            continue
        if target == pyarrow.int64():
            return _whole(as_array(times), per_second)
        return as_array(times.cast(pyarrow.int64())) // 10**6, none
    times, bad = _each(values, functools.partial(moment, per_second=per_second))
    return _clipped(times), bad


def _whole(numbers: np.ndarray, per_second: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole seconds of numbers, and which are none."""
    bad = ~np.isfinite(numbers)
    return _clipped(np.where(bad, 0, numbers) // per_second), bad


def _clipped(numbers: np.ndarray) -> np.ndarray:
    """Numbers as int64, those that it cannot hold as ones that are no times either."""
    if numbers.dtype.kind == "f":
        numbers = np.clip(numbers, -(2.0**62), 2.0**62)
    elif numbers.dtype == np.uint64:
        numbers = np.minimum(numbers, np.uint64(2**62))
    return numbers.astype(np.int64)


def _each(values: Any, convert: Callable[[str | None], float]) -> tuple[np.ndarray, np.ndarray]:
    """Convert one by one: the slow way to find those that cannot be converted."""
    converted, bad = np.zeros(len(values)), np.zeros(len(values), bool)
    for n, text in enumerate(values.to_pylist()):
        try:
            converted[n] = convert(text)
        except (ValueError, TypeError):
            bad[n] = True
    return converted, bad


def _real(text: str | None) -> float:
    """A number, NaN for a missing one."""
    text = (text or "").strip()
    if text in MISSING:
        return np.nan
    if text.lower() in ("true", "false"):
        return float(text.lower() == "true")
    if "_" in text:  # which Python takes
        raise ValueError
    return float(text)


def _as_it_is(values: Any) -> Any:
    """The values."""
    return values


def _without_missing(values: Any) -> Any:
    """Texts without spaces around them, null where they stand for a missing number."""
    pyarrow = require("pyarrow", "tables")
    stripped = compute().utf8_trim_whitespace(values.cast(pyarrow.string()))
    missing = compute().is_in(stripped, value_set=pyarrow.array(MISSING))
    return compute().if_else(missing, pyarrow.scalar(None, stripped.type), stripped)


def _truth(values: Any) -> Any:
    """Truth values, null where missing."""
    pyarrow = require("pyarrow", "tables")
    return _without_missing(values).cast(pyarrow.bool_())


def as_array(values: Any) -> np.ndarray:
    """Return a `pyarrow.Array` as an array, NaN for null."""
    return np.asarray(values.to_numpy(zero_copy_only=False))


def compute() -> Any:
    """Return the functions of pyarrow on arrays."""
    return require("pyarrow.compute", "tables")
