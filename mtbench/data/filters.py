"""Which interactions of a dataset count: ranges of time and of labels, a core of both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from mtbench.config.options import Options
from mtbench.errors import DataError, LackingColumnError

from .context import of_columns
from .dataset import Data, Side
from .encoding import Feature
from .interactions import Interactions
from .labels import is_known
from .moments import moment

TIME = "timestamp"


def _is_moment(time: str | int) -> str | int:
    try:
        moment(str(time))
    except ValueError:
        raise ValueError("expected seconds since 1970 or an ISO 8601 date") from None
    return time


Moment = Annotated[int | str, AfterValidator(_is_moment)]
"""Seconds since 1970, or a date or time of ISO 8601, UTC where it has no zone."""


class Range(Options):
    """A range of numbers, both ends within."""

    least: float | None = Field(None, allow_inf_nan=False)
    """Smallest number."""
    most: float | None = Field(None, allow_inf_nan=False)
    """Largest number."""

    @model_validator(mode="after")
    def _is_range(self) -> Range:
        if self.least is None and self.most is None:
            raise ValueError("expected least, most or both, found neither")
        if None not in (self.least, self.most) and self.least > self.most:  # type: ignore[operator]
            raise ValueError(f"expected least below most, found {self.least:g} and {self.most:g}")
        return self

    def __str__(self) -> str:
        if self.least is None:
            return f"at most {self.most:g}"
        return (
            f"at least {self.least:g}" if self.most is None else f"{self.least:g} to {self.most:g}"
        )

    def holds(self, numbers: np.ndarray) -> np.ndarray:
        """Whether each number is within, bool `[n]`; one that is missing (NaN) is not."""
        with np.errstate(invalid="ignore"):
            keeps = is_known(numbers) & (numbers >= (-np.inf if self.least is None else self.least))
            return np.asarray(keeps & (numbers <= (np.inf if self.most is None else self.most)))


class Filters(Options):
    """Which interactions count. Ranges come first, then the core."""

    min_per_query: int | None = Field(None, ge=1)
    """Least number of interactions of a query (user); those with fewer are left out."""
    min_per_candidate: int | None = Field(None, ge=1)
    """The same of a candidate (item). Where both are given they hold for what is left, as in a
    k-core: users and items are left out until all that remain have enough."""
    since: Moment | None = None
    """First time that counts: seconds since 1970 or an ISO 8601 date."""
    before: Moment | None = None
    """First time that counts no more."""
    labels: dict[str, Range] = Field({})
    """By column, such as `user_rating`, the range of labels that count; a row without one does
    not."""

    @model_validator(mode="after")
    def _filters(self) -> Filters:
        if self == type(self).model_construct():
            raise ValueError(f"expected one of {', '.join(type(self).model_fields)}, found none")
        if self.since is not None and self.before is not None:
            since, before = moment(str(self.since)), moment(str(self.before))
            if since >= before:
                raise ValueError(f"expected since before {self.before}, found {self.since}")
        return self


def filtered(data: Data, filters: Filters | None) -> Data:
    """Leave out what does not count, and the queries and candidates that lose all they have.

    Candidates that had no interaction from the start stay in the catalogue, unless
    `min_per_candidate` asks for some.

    Returns:
        The data as if the others had never been there, with a note of how many there were. Missing
        numeric features keep the mean over all.

    Raises:
        LackingColumnError: A column is not there.
        DataError: Too little is left.
    """
    if filters is None:
        return data
    rows, dropped = _rows(data, filters)
    interactions = data.interactions
    query, candidate = interactions.query, interactions.candidate
    had = np.bincount(candidate, minlength=len(data.candidate.ids)) > 0
    stay_query = np.bincount(query[rows], minlength=len(data.query.ids)) > 0
    stay_candidate = np.bincount(candidate[rows], minlength=len(had)) > 0
    if not filters.min_per_candidate:
        stay_candidate |= ~had
    said = ", ".join(f"{count:,} by {what}" for what, count in dropped) or "none"
    counts = (
        f"{len(rows):,} of {len(interactions):,} interactions, {stay_query.sum():,} of "
        f"{len(stay_query):,} queries, {stay_candidate.sum():,} of {len(stay_candidate):,} "
        f"candidates (dropped: {said})"
    )
    if min(stay_query.sum(), (stay_candidate & had).sum()) < 2:
        raise DataError(
            f"{data.source}: expected filters to leave two queries and two candidates or more, "
            f"found {counts}"
        )
    sides, codes = [], {}
    for name, side, stay in (
        ("query", data.query, stay_query),
        ("candidate", data.candidate, stay_candidate),
    ):
        number = np.cumsum(stay, dtype=np.int32) - np.int32(1)
        codes[name] = number[interactions.columns[name][rows]]
        sides.append(_part(side, np.flatnonzero(stay)))
    others = {k: column[rows] for k, column in interactions.columns.items() if k not in codes}
    return Data(
        sides[0],
        sides[1],
        Interactions({**codes, **others}, len(sides[0].ids), len(sides[1].ids)),
        data.source,
        data.synthetic,
        (*data.notes, f"filters leave {counts}"),
        of_columns(data.context, others),
    )


def _rows(data: Data, filters: Filters) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Numbers of the rows that stay, int64, and by what how many went."""
    rows, dropped = np.arange(len(data.interactions)), []
    for what, keeps in _ranges(data, filters):
        stay = keeps[rows]
        dropped.append((what, len(rows) - int(np.count_nonzero(stay))))
        rows = rows[stay]
    least = filters.min_per_query or 1, filters.min_per_candidate or 1
    if least != (1, 1):
        core = _core(data.interactions, rows, *least)
        dropped.append(("number of interactions", len(rows) - len(core)))
        rows = core
    return rows, [(what, count) for what, count in dropped if count]


def _ranges(data: Data, filters: Filters) -> Iterator[tuple[str, np.ndarray]]:
    """What each range is of, and which rows it keeps, bool `[n]`."""
    if filters.since is not None or filters.before is not None:
        times = _column(data, TIME)
        keeps = np.ones(len(times), bool)
        if filters.since is not None:
            keeps &= times >= moment(str(filters.since))
        if filters.before is not None:
            keeps &= times < moment(str(filters.before))
        yield "time", keeps
    for name, ends in filters.labels.items():
        labels = _column(data, name)
        yield f"missing {name}", is_known(labels)
        yield name, ends.holds(labels)


def _column(data: Data, name: str) -> np.ndarray:
    columns = data.interactions.columns
    if name not in columns or name in ("query", "candidate"):
        raise LackingColumnError(
            f"dataset.filters read column {name!r}, which {data.source} lacks (it has "
            f"{', '.join(columns)})",
            name,
        )
    return columns[name]


def _core(
    interactions: Interactions, rows: np.ndarray, per_query: int, per_candidate: int
) -> np.ndarray:
    """The largest part of some rows in which each query and each candidate has enough."""
    query = interactions.query[rows].astype(np.intp)
    candidate = interactions.candidate[rows].astype(np.intp)
    while len(rows):
        stay = (np.bincount(query) >= per_query)[query]
        stay &= (np.bincount(candidate) >= per_candidate)[candidate]
        if stay.all():
            break
        query, candidate, rows = query[stay], candidate[stay], rows[stay]
    return rows


def _part(side: Side, rows: np.ndarray) -> Side:
    """Some ids of a side, with the values of features that they have."""
    features = {name: _of_rows(each, rows) for name, each in side.features.items()}
    return Side(side.key, side.ids[rows], features)


def _of_rows(feature: Feature, rows: np.ndarray) -> Feature:
    values = feature.values[rows]
    if feature.form == "categorical":
        used, codes = np.unique(values, return_inverse=True)
        return Feature(feature.form, codes.astype(np.int32), feature.names[used])
    if feature.form == "multi_hot":
        used = np.flatnonzero(values.any(0))
        return Feature(feature.form, values[:, used], feature.names[used])
    return Feature(feature.form, values)
