"""Values of a user's table: what is a text, a number, a time, and what is none."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

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


def lists(values: Any, separator: str) -> list[list[str]]:
    """Return the texts in each value: a list of them, or a text with a separator.

    Raises:
        WrongTypeError: They are of another type.
    """
    types = require("pyarrow.types", "tables")
    if types.is_list(values.type) or types.is_large_list(values.type):
        rows = values.to_pylist()
        return [[str(each) for each in row or () if each is not None] for row in rows]
    return [[part.strip() for part in text.split(separator)] for text in texts(values).to_pylist()]


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
    times, bad = _each(values, functools.partial(_time, per_second=per_second))
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


def _time(text: str, per_second: int) -> float:
    """A time in whole seconds since 1970; without a zone it is UTC."""
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() // 1
    if not math.isfinite(number) or "_" in text:
        raise ValueError
    return number // per_second


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
