"""Scores, ranks or predictions that another tool has written to a file."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import Coded
from mtbench.data.tables import Column, Reals, TableFile, TableReader, Texts, digest_of, read


class FromFile(mtbench.Baseline):
    """What another tool says of pairs of user and item, scored as all else on the same parts.

    A file has a row for each pair: ids as the data has them, and a number. Scores need not be there
    for all items: those that a user's rows leave out come after them, in random order (its
    expectation). Predictions have to be there for every pair that is scored. With a column of seeds
    each row is of that seed's split; without one the rows are of all. Reading needs pyarrow:
    `pip install 'mtbench[tables]'`.
    """

    name = "from-file"
    file: mtbench.SuitePath | TableFile = "scores.csv"
    """The file, relative to the suite's file: CSV, TSV or Parquet; or a mapping of its `path` and
    what else there is to say, as `table` has it."""
    gives_as: Literal["scores", "predictions"] = "scores"
    """Whether the numbers order a user's items, or predict the label of a pair."""
    column: str = Field("score", min_length=1)
    """Column with the numbers."""
    lowest_first: bool = False
    """Whether low numbers are the best, as of ranks."""
    query: str | None = None
    """Column with the id of the user; default: as in the data."""
    candidate: str | None = None
    """Column with the id of the item; default: as in the data."""
    seed_column: str | None = None
    """Column with the seed of the split that a row is of."""
    sha256: str | None = None
    """Digest that the file has to have; default: any. A record has the one it had."""

    @property
    def gives(self) -> tuple[Literal["scores", "predictions"], ...]:  # type: ignore[override]
        """What the numbers are."""
        return (self.gives_as,)

    def options(self) -> dict[str, Any]:
        """The options, with the digest of the file where it is there: another one is another run.

        Raises:
            PluginError: A value has no JSON form.
        """
        try:
            return {**super().options(), "sha256": self.sha256 or digest_of(self._table)}
        except mtbench.DataError:
            return super().options()

    def require(self) -> None:
        """Find out whether the file is there, and the one that is meant."""
        found = digest_of(self._table)
        if self.sha256 not in (None, found):
            raise mtbench.DataError(
                f"{self._table.path}: expected a file of SHA-256 {self.sha256}, found {found}"
            )

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Any:
        """Refuse: a file has ids.

        Raises:
            DataError: Always.
        """
        raise mtbench.DataError(f"baseline {self.name!r}: expected the ids of the data, found none")

    def fit_named(  # noqa: D102 - as its base
        self,
        rows: mtbench.Interactions,
        labels: np.ndarray | None,
        seed: int,
        sides: tuple[mtbench.Side, mtbench.Side],
    ) -> Any:
        self.require()
        reader = TableReader(self._table)
        names = [self.query or sides[0].key, self.candidate or sides[1].key]
        ids = [Texts(name, is_id=True) for name in names]
        numbers, seeds = Reals(self.column, np.float64), Reals(self.seed_column or "")
        columns: list[Column] = [*ids, numbers, *([seeds] if self.seed_column else [])]
        read(reader, columns)
        if numbers.missing:
            first = numbers.first_missing or 0
            raise mtbench.DataError(
                f"{reader.places([first])[first]}: column {self.column!r}: expected a number, "
                f"found nothing ({numbers.missing} such rows)"
            )
        codes = [_codes(reader, column, side) for column, side in zip(ids, sides, strict=True)]
        own = np.flatnonzero(seeds.result() == seed) if self.seed_column else slice(None)
        values = -numbers.result() if self.lowest_first else numbers.result()
        return _Listed(self._table.path, sides, codes[0][own], codes[1][own], values[own])

    @property
    def _table(self) -> TableFile:
        """The file."""
        return TableFile(path=self.file) if isinstance(self.file, str) else self.file


def _codes(reader: TableReader, column: Texts, side: mtbench.Side) -> np.ndarray:
    """Position of the id of each row among those of the data, int64.

    Raises:
        DataError: The data lacks one.
    """
    listed: Coded = column.result()
    texts = listed.ids.astype(str)
    at = np.minimum(np.searchsorted(side.ids, texts), len(side.ids) - 1)
    lacking = (side.ids[at] != texts)[listed.codes]
    if lacking.any():
        row = int(np.flatnonzero(lacking)[0])
        more = f" ({np.count_nonzero(lacking)} such rows)" if lacking.sum() > 1 else ""
        raise mtbench.DataError(
            f"{reader.places([row])[row]}: column {column.name!r}: expected an id of the data, "
            f"found {str(texts[listed.codes[row]])!r}{more}"
        )
    return np.asarray(at[listed.codes])


class _Listed:
    """The numbers of a file by pair, ascending."""

    def __init__(
        self,
        file: str,
        sides: tuple[mtbench.Side, mtbench.Side],
        query: np.ndarray,
        candidate: np.ndarray,
        values: np.ndarray,
    ) -> None:
        self._file, self._sides, self._width = file, sides, len(sides[1].ids)
        pairs = query * self._width + candidate
        order = np.argsort(pairs, kind="stable")
        self._pairs, self._values = pairs[order], values[order]
        again = np.flatnonzero(self._pairs[1:] == self._pairs[:-1])
        if len(again):
            shown = self._shown(int(self._pairs[again[0]]))
            raise mtbench.DataError(
                f"{file}: expected each pair once, found {shown} twice ({len(again)} such rows)"
            )

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """Scores of all candidates, −∞ where the file has none, float64."""
        found = np.full((len(queries), self._width), -np.inf)
        ends = [(queries.astype(np.int64) + n) * self._width for n in (0, 1)]
        starts, stops = (np.searchsorted(self._pairs, end) for end in ends)
        for row, start, stop in zip(found, starts, stops, strict=True):
            row[self._pairs[start:stop] % self._width] = self._values[start:stop]
        return found

    def predictions(self, query: np.ndarray, candidate: np.ndarray) -> np.ndarray:
        """The number of each pair, float64.

        Raises:
            DataError: The file lacks one.
        """
        wanted = query.astype(np.int64) * self._width + candidate
        at = np.minimum(np.searchsorted(self._pairs, wanted), max(len(self._pairs) - 1, 0))
        there = self._pairs[at] == wanted if len(self._pairs) else np.zeros(len(wanted), bool)
        if not there.all():
            lacking = np.flatnonzero(~there)
            raise mtbench.DataError(
                f"{self._file}: expected a prediction of every pair that is scored, found none of "
                f"{len(lacking)} of {len(wanted)}, such as {self._shown(int(wanted[lacking[0]]))}"
            )
        return np.asarray(self._values[at])

    def _shown(self, pair: int) -> str:
        """The ids of a pair."""
        query, candidate = divmod(pair, self._width)
        return f"{str(self._sides[0].ids[query])!r} with {str(self._sides[1].ids[candidate])!r}"


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer the baseline."""
    return [FromFile]
