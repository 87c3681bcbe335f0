"""What a user's table seems to be: which column is whom, what, how much and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from mtbench.data.tables import TableFile, TableReader, Texts, guess
from mtbench.data.tables.faults import Faults, shown
from mtbench.data.tables.values import WrongTypeError, is_list, reals, seconds
from mtbench.errors import DataError

ROWS = 100_000
"""Rows that are looked at."""
NAMES = {
    "query": ("user_id", "userid", "user", "uid", "reader", "customer_id", "reviewerid"),
    "candidate": (
        "item_id", "itemid", "movie_id", "movieid", "item", "movie", "product_id", "asin"
    ),
    "user_rating": ("rating", "user_rating", "stars", "score", "overall"),
    "timestamp": ("timestamp", "time", "date", "unixtime", "datetime", "created_at"),
}  # fmt: skip
"""By what mtbench calls a column, what files call it, in lower case."""
PARTS = {
    "query": ("user", "reader", "customer", "member", "client", "session", "visitor"),
    "candidate": ("item", "movie", "product", "book", "track", "song", "article", "game", "artist"),
    "user_rating": ("rating", "stars", "score", "label", "click"),
}
"""What is part of such a name."""
UNITS = {
    "s": (10**8, 10**10),
    "ms": (10**11, 10**13),
    "us": (10**14, 10**16),
    "ns": (10**17, 10**19),
}
"""Numbers that are times in a unit: from the years 1973 to 2286."""
FEW = 25
"""Different numbers that a rating may have."""


class Seen(NamedTuple):
    """A column of the first rows."""

    name: str
    numbers: np.ndarray | None
    """float64 `[n]`, NaN where one is missing; None where some value is no number."""
    codes: np.ndarray | None
    """Which text it is, int `[n]`; None where there can be none."""
    missing: int
    example: str
    unit: str
    """Of a time what a number counts, `date` for dates; nothing for what is none."""

    @property
    def distinct(self) -> int:
        """How many different texts there are."""
        return 0 if self.codes is None else len(np.unique(self.codes))


@dataclass
class Look:
    """What a table seems to be."""

    file: dict[str, Any]
    """Options of the file that differ from the defaults."""
    roles: dict[str, str] = field(default_factory=dict)
    """The column of each of `NAMES` that there is one for."""
    unit: str = "s"
    features: dict[str, dict[str, str]] = field(default_factory=dict)
    """By side the form of each column that says something of its ids."""
    missing: dict[str, int] = field(default_factory=dict)
    """By column of a user, an item or a time, how many values are missing."""
    unread: dict[str, str] = field(default_factory=dict)
    """By column of which nothing is made, what it has."""
    candidates: int = 0
    """How many items there are in the rows."""
    labelled: str = ""
    """What ratings there are."""


def look(path: str) -> Look:
    """Look at the first rows of a file.

    Raises:
        DataError: It is no table, or has no column of users or of items.
    """
    found = Look(guess(path, ("user_id", "item_id", "rating", "timestamp")))
    reader = TableReader(TableFile(path=path, **found.file))
    columns = {column.name: column for column in _columns(reader)}
    _assign(found, columns, reader)
    query, candidate = (columns[found.roles[side]] for side in ("query", "candidate"))
    found.candidates = candidate.distinct
    if time := columns.get(found.roles.get("timestamp", "")):
        found.unit = time.unit if time.unit in UNITS else "s"
    if rating := columns.get(found.roles.get("user_rating", "")):
        assert rating.numbers is not None  # noqa: S101 - else it has no such role
        least, most = np.nanmin(rating.numbers), np.nanmax(rating.numbers)
        found.labelled = f"numbers from {least:g} to {most:g}"
    for role in ("query", "candidate", "timestamp"):
        column = columns.get(found.roles.get(role, ""))
        if column and column.missing:
            found.missing[column.name] = column.missing
    sides = {"candidate": candidate, "query": query}
    for column in columns.values():
        if column.name in found.roles.values():
            continue
        side = _described(column, sides)
        form = _form(column, sides[side]) if side else None
        if side and form:
            found.features.setdefault(side, {})[column.name] = form
        else:
            found.unread[column.name] = column.example
    return found


def _columns(reader: TableReader) -> Iterator[Seen]:
    """The first rows, column by column."""
    names = reader.columns()
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(f"{reader.name}:1: column {min(twice)!r} is there twice")
    batch = next(iter(reader.batches(names, first=True)), None)
    if batch is None:
        raise DataError(f"{reader.name}: expected rows, found none")
    for name in names:
        yield _seen(name, batch[name][:ROWS], reader)


def _seen(name: str, values: Any, reader: TableReader) -> Seen:
    """What the values of a column are."""
    present = [value for value in values[:FEW].to_pylist() if value not in (None, "")]
    example = shown(present[0]) if present else "nothing"
    numbers, codes, unit = None, None, ""
    if not is_list(values):
        try:
            found, bad = reals(values)
            numbers = None if bad.any() or np.isnan(found).all() else found
        except WrongTypeError:
            pass
        try:
            column = Texts(name)
            column.add(values, np.arange(len(values)), Faults(reader))
            codes = column.result().codes
        except WrongTypeError:
            pass
        unit = _unit(values, numbers)
    column = Texts(name)
    missing = int(np.count_nonzero(column.absent(values))) if codes is not None else 0
    return Seen(name, numbers, codes, missing, example, unit)


def _unit(values: Any, numbers: np.ndarray | None) -> str:
    """What a time counts, `date` where it is one; nothing where it is none."""
    if numbers is not None:
        known = numbers[~np.isnan(numbers)]
        for unit, (least, most) in UNITS.items():
            if len(known) and known.min() >= least and known.max() < most:
                return unit
        return ""
    try:
        present = values.drop_null()
        _, bad = seconds(present, 1)
    except WrongTypeError:
        return ""
    return "date" if len(bad) and np.count_nonzero(~bad) > len(bad) // 2 else ""


def _assign(found: Look, columns: dict[str, Seen], reader: TableReader) -> None:
    """Find the column of each role: by its whole name, by a part of it, by what it has."""
    for role in ("query", "candidate", "user_rating", "timestamp"):
        free = [each for each in columns.values() if each.name not in found.roles.values()]
        by_values = _has_values(role)
        for fits in (_has_name(role), _has_part(role), by_values):
            able = [each for each in free if fits(each) and _can_be(role, each)]
            if fits is by_values and role == "user_rating":
                sides = {side: columns[found.roles[side]] for side in ("query", "candidate")}
                able = [each for each in able if not _described(each, sides)]
            if able:
                found.roles[role] = able[0].name
                break
        if role in ("query", "candidate") and role not in found.roles:
            what = "users" if role == "query" else "items"
            raise DataError(
                f"{reader.name}:1: expected a column of {what}, such as {NAMES[role][0]}, found "
                f"{', '.join(columns)}"
            )


def _plain(name: str) -> str:
    return name.strip().strip('"').partition(":")[0].lower()


def _has_name(role: str) -> Any:
    return lambda column: _plain(column.name) in NAMES[role]


def _has_part(role: str) -> Any:
    return lambda column: any(part in _plain(column.name) for part in PARTS.get(role, ()))


def _has_values(role: str) -> Any:
    """Whether the values are what a role has, and the name is not that of another."""
    others = [name for other, names in NAMES.items() if other != role for name in names]

    def fits(column: Seen) -> bool:
        few = role != "user_rating" or column.distinct <= FEW
        return few and _plain(column.name) not in others

    return fits


def _can_be(role: str, column: Seen) -> bool:
    """Whether a column's values suit a role."""
    if role == "timestamp":
        return bool(column.unit)
    if role == "user_rating":
        return column.numbers is not None and not column.unit and _differs(column.numbers)
    fraction = column.numbers is not None and np.any(column.numbers % 1 > 0)
    return column.distinct > 1 and not fraction and not column.unit


def _differs(numbers: np.ndarray) -> bool:
    return bool(np.nanmin(numbers) < np.nanmax(numbers))


def _described(column: Seen, sides: dict[str, Seen]) -> str | None:
    """The side of whose ids a column says the same in every row of an id."""
    for side, ids in sides.items():
        if column.codes is None or ids.codes is None or ids.distinct == len(ids.codes):
            continue
        pairs = np.unique(np.stack([ids.codes, column.codes]), axis=1).shape[1]
        if pairs == ids.distinct and column.distinct > 1:
            return side
    return None


def _form(column: Seen, ids: Seen) -> str | None:
    """The form of a feature; None where hardly two ids share a text."""
    if column.numbers is not None:
        return "numeric"
    return "categorical" if column.distinct * 2 <= max(ids.distinct, 4) else None


def lengths(candidates: int, known: Sequence[int] = (1, 5, 10, 50, 100)) -> list[int]:
    """Lengths of lists that are no longer than a third of the catalogue."""
    return [k for k in known if k * 3 <= candidates] or [1]
