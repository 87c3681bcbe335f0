"""The parts that files of one's own list."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

import mtbench
from mtbench.data import Coded, parts
from mtbench.data.tables import TableFile, TableReader, Texts, digest_of, read

File = mtbench.SuitePath | TableFile
"""A file, or a mapping of its `path`, `delimiter`, `header` and `encoding`."""


class Files(mtbench.Split):
    """Every interaction is in the part whose file lists its user and item.

    Of a pair that the data has several times the files name as many rows as they have lines of it,
    in the order of the data: training, then validation, then test. An interaction that no file has
    is in no part, or trains where there is no file to train. The run's seed has no influence on the
    parts. Reading needs pyarrow: `pip install 'mtbench[tables]'`.
    """

    name = "files"
    test: File = "test.csv"
    """The file, relative to the suite's file, with the interactions to test: CSV, TSV or Parquet;
    or a mapping of its `path` and what else there is to say, as `table` has it."""
    validation: File | None = None
    """The file with those that validate."""
    train: File | None = None
    """The file with those to train; default: all that the other files do not have."""
    query: str | None = None
    """Column of the files with the id of the user; default: as in the data."""
    candidate: str | None = None
    """Column of the files with the id of the item; default: as in the data."""

    def to_validate(self) -> str | None:
        """Name a file."""
        return None if self.validation else "name a file under validation"

    def require(self) -> None:
        """Find out whether the files are there."""
        self.content()

    def content(self) -> str:
        """Digest of the files."""
        digests = [f"{part}:{digest_of(file)}" for part, file in self._files()]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Find the rows that the files list, once for all seeds."""
        known = _FOUND.get(data.interactions)
        if known is None or known[0] != (self, self.content()):
            _FOUND[data.interactions] = known = ((self, self.content()), self._parts(data))
        return known[1]

    def _files(self) -> Iterator[tuple[str, TableFile]]:
        """The files that there are, the training part's first."""
        for part in ("train", "validation", "test"):
            file: str | TableFile | None = getattr(self, part)
            if file is not None:
                yield part, TableFile(path=file) if isinstance(file, str) else file

    def _parts(self, data: mtbench.Data) -> mtbench.Parts:
        """Read the files and match their lines with the rows of the data."""
        columns = self.query or data.query.key, self.candidate or data.candidate.key
        listed = {part: _Listed.read(file, data, *columns) for part, file in self._files()}
        rows = data.interactions
        pairs = rows.query.astype(np.int64) * rows.num_candidates + rows.candidate
        wanted = np.concatenate([each.pairs for each in listed.values()])
        if np.array_equal(wanted, pairs):  # the dataset has read these files in this order
            found_at = np.arange(len(pairs))
        else:
            order = np.argsort(pairs, kind="stable")
            places, lacking = _places(pairs[order], wanted, last=self.train is None)
            self._refuse(data, listed, lacking)
            found_at = order[places]
        ends = np.cumsum([len(each.pairs) for each in listed.values()])
        found = dict(zip(listed, np.split(found_at, ends[:-1]), strict=True))
        if self.train is None:
            rest = np.ones(len(pairs), bool)
            rest[found_at] = False
            found["train"] = np.flatnonzero(rest)
        fix = {"train": "leave rows for it that no other file lists"}
        parts_ = mtbench.Parts(found["train"], found["test"], found.get("validation", found_at[:0]))
        return parts.require_parts(self, data, parts_, fix)

    def _refuse(self, data: mtbench.Data, listed: dict[str, _Listed], lacking: np.ndarray) -> None:
        """Refuse lines that the data has no row for.

        Raises:
            DataError: There is one.
        """
        start = 0
        for each in listed.values():
            own = np.flatnonzero(lacking[start : start + len(each.pairs)])
            start += len(each.pairs)
            if not len(own):
                continue
            row = int(own[0])
            more = f" ({len(own)} such rows)" if len(own) > 1 else ""
            lacks = "lacks" if each.pairs[row] < 0 else "has not, or not as often as the files"
            raise mtbench.DataError(
                f"{each.reader.places([row])[row]}: expected an interaction of {data.source}, "
                f"found {each.shown(row)}, which it {lacks}{more}: let the dataset read this file "
                "too (`further` of `table`)"
            )


class _Listed(NamedTuple):
    """What a file lists."""

    reader: TableReader
    query: Coded
    candidate: Coded
    pairs: np.ndarray
    """query · num_candidates + candidate of each row, int64; −1 where the data lacks one."""

    @staticmethod
    def read(file: TableFile, data: mtbench.Data, query: str, candidate: str) -> _Listed:
        """Read a file."""
        reader = TableReader(file)
        columns = [Texts(name, is_id=True) for name in (query, candidate)]
        read(reader, columns)
        ids = [column.result() for column in columns]
        sides = (data.query, data.candidate)
        codes = [_codes(each, side.ids) for each, side in zip(ids, sides, strict=True)]
        pairs = codes[0] * data.interactions.num_candidates + codes[1]
        return _Listed(reader, ids[0], ids[1], np.where((codes[0] < 0) | (codes[1] < 0), -1, pairs))

    def shown(self, row: int) -> str:
        """The ids of a row."""
        ids = [str(side.ids[side.codes[row]]) for side in (self.query, self.candidate)]
        return f"{ids[0]!r} with {ids[1]!r}"


def _codes(listed: Coded, ids: np.ndarray) -> np.ndarray:
    """The number in the data of the id of each row, int64; −1 for one that it lacks."""
    texts = listed.ids.astype(str)
    at = np.minimum(np.searchsorted(ids, texts), len(ids) - 1)
    return np.asarray(np.where(ids[at] == texts, at, -1).astype(np.int64)[listed.codes])


def _places(ordered: np.ndarray, wanted: np.ndarray, last: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where in ordered pairs the n-th of equal wanted ones is the n-th of equal ones.

    Args:
        ordered: Pairs, ascending.
        wanted: Pairs in any order.
        last: Take the last of equal ones, rather than the first.

    Returns:
        The places, int64, and which of those wanted have none, bool.
    """
    order = np.argsort(wanted, kind="stable")
    in_order = wanted[order]  # looked up in order, which is several times as fast
    first, end = (np.searchsorted(in_order, in_order, side) for side in ("left", "right"))
    start, stop = (np.searchsorted(ordered, in_order, side) for side in ("left", "right"))
    nth = np.arange(len(wanted)) - first
    found = (np.maximum(start, stop - (end - first)) if last else start) + nth
    places, lacking = np.empty(len(wanted), np.int64), np.empty(len(wanted), bool)
    places[order], lacking[order] = found, found >= stop
    return places, lacking


_FOUND: WeakKeyDictionary[mtbench.Interactions, tuple[tuple[Files, str], mtbench.Parts]] = (
    WeakKeyDictionary()
)


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [Files]
