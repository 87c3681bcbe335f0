"""A dataset: interactions as integer arrays, and what is known of both sides."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import cache
from .cache import cache_dir
from .encoding import Coded, Feature, Ids, encode_candidates, encode_queries
from .errors import DataError, SealedError

if TYPE_CHECKING:
    from .components import Dataset

__all__ = ["Data", "Feature", "Interactions", "Side", "cache_dir", "joined", "load_data"]

CACHE_FORMAT = 2
"""Raised when what lies in the cache changes its form."""


class Seal:
    """Whether some rows may be read: one for a part of the data and for all that is taken of it."""

    def __init__(self) -> None:
        self._closed = 0

    @property
    def is_closed(self) -> bool:
        """Whether nobody may read the rows now."""
        return self._closed > 0

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Let nobody read the rows in the meantime."""
        self._closed += 1
        try:
            yield
        finally:
            self._closed -= 1


def require_open(seals: Iterable[Seal]) -> None:
    """Refuse what is made of sealed rows.

    Raises:
        SealedError: One of their seals is closed.
    """
    for seal in seals:
        if seal.is_closed:
            raise SealedError(
                "the test part is sealed while a model trains: expected the training or the "
                "validation part to be used"
            )


class Interactions:
    """Columns of equal length, a row an interaction.

    Args:
        columns: `query` and `candidate`, int32 positions in `Data.query.ids` and
            `Data.candidate.ids`, and what else is known of an interaction: `user_rating` float32,
            NaN where it is missing, `timestamp` int64 seconds.
        num_queries: Number of queries (users) of the dataset.
        num_candidates: Number of candidates (movies) in the catalogue.
        seals: Of the rows these were taken from; default: one of their own.
    """

    def __init__(
        self,
        columns: Mapping[str, np.ndarray],
        num_queries: int,
        num_candidates: int,
        seals: Iterable[Seal] = (),
    ) -> None:
        self._columns = columns
        self.seals = tuple(seals) or (Seal(),)
        self.num_queries, self.num_candidates = num_queries, num_candidates

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """The columns by name, `[n]` each.

        Raises:
            SealedError: They hold the test part, and the model is being trained.
        """
        require_open(self.seals)
        return self._columns

    @property
    def is_sealed(self) -> bool:
        """Whether nobody may read them now."""
        return any(seal.is_closed for seal in self.seals)

    @property
    def dtypes(self) -> dict[str, np.dtype[Any]]:
        """Type of each column; no secret of a sealed part."""
        return {name: column.dtype for name, column in self._columns.items()}

    @contextlib.contextmanager
    def sealed(self) -> Iterator[None]:
        """Let nobody read these rows, nor any taken from them, in the meantime."""
        with contextlib.ExitStack() as stack:
            for seal in self.seals:
                stack.enter_context(seal.closed())
            yield

    def __len__(self) -> int:
        return len(self._columns["query"])

    @property
    def query(self) -> np.ndarray:
        """Who: int32 `[n]`."""
        return self.columns["query"]

    @property
    def candidate(self) -> np.ndarray:
        """What: int32 `[n]`."""
        return self.columns["candidate"]

    def take(self, rows: np.ndarray) -> Interactions:
        """Return the rows of these numbers, in their order; sealed whenever these are."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Interactions(columns, self.num_queries, self.num_candidates, self.seals)

    def part(self, rows: np.ndarray) -> Interactions:
        """Return the rows of these numbers as a part with a seal of its own."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Interactions(columns, self.num_queries, self.num_candidates)


def joined(first: Interactions, second: Interactions) -> Interactions:
    """Return the rows of both, one after the other; sealed whenever one of the two is."""
    if not len(second):
        return first
    columns = {
        name: np.concatenate([column, second.columns[name]])
        for name, column in first.columns.items()
    }
    seals = (*first.seals, *second.seals)
    return Interactions(columns, first.num_queries, first.num_candidates, seals)


@dataclass(frozen=True)
class Side:
    """One side of the interactions: its id feature, all values of it and what is known of them."""

    key: str
    """Name of the id feature, such as `user_id`."""
    ids: np.ndarray
    """Every id, as text, in the order of the integers that stand for them."""
    features: Mapping[str, Feature] = field(default_factory=dict)
    """Further features by name."""


@dataclass(frozen=True)
class Data:
    """A dataset, read and encoded."""

    query: Side
    candidate: Side
    interactions: Interactions
    source: str
    """What it is, for records and reports: `movielens/100k-ratings/0.1.1`."""
    synthetic: bool = False
    """Whether it was made up rather than observed."""

    notes: tuple[str, ...] = ()
    """What its reader found worth saying, such as how many labels are missing."""

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, features and interactions: equal for equal content, however stored."""
        digest = hashlib.sha256()
        for side in (self.query, self.candidate):
            digest.update("\0".join((side.key, *side.ids.tolist(), "")).encode())
            for name, feature in sorted(side.features.items()):
                values = np.ascontiguousarray(feature.values)
                kind = (name, feature.form, values.dtype.str, str(values.shape))
                digest.update("\0".join((*kind, *feature.names.tolist(), "")).encode())
                digest.update(values.data)
        for name, column in sorted(self.interactions.columns.items()):
            digest.update(f"{name}:{column.dtype.str}:".encode())
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    @staticmethod
    def encode(
        query: Ids | tuple[str, np.ndarray],
        candidate: Ids | tuple[str, np.ndarray],
        columns: Mapping[str, np.ndarray],
        source: str,
        synthetic: bool = False,
        notes: Iterable[str] = (),
    ) -> Data:
        """Turn ids into integers, in the order of their texts, and what is known into arrays.

        Args:
            query: Name of the id feature, the id of each interaction, and what is known of the ids.
            candidate: The same for the candidates. Where something is known these are all of them,
                else those that have an interaction.
            columns: Further columns of the interactions.
            source: What the data is.
            synthetic: Whether the data was made up.
            notes: What is worth saying of it.

        Raises:
            DataError: There is no interaction, or one with a candidate outside the catalogue, or
                a feature is no feature.
        """
        users, items = Ids(*query), Ids(*candidate)
        values = users.values
        if not len(values.codes if isinstance(values, Coded) else values):
            raise DataError(f"{source}: expected interactions, found none")
        query_ids, query_codes, query_features = encode_queries(users, source)
        names, codes, features = encode_candidates(items, source)
        return Data(
            Side(users.key, query_ids, query_features),
            Side(items.key, names, features),
            Interactions(
                {"query": query_codes, "candidate": codes, **columns}, len(query_ids), len(names)
            ),
            source,
            synthetic,
            tuple(notes),
        )


def load_data(dataset: Dataset, identity: Mapping[str, Any]) -> Data:
    """Load a dataset, from the cache where it was encoded before.

    What comes from the cache is memory-mapped, also the first time, so that what is in memory does
    not depend on whether it was there.

    Args:
        dataset: What to load.
        identity: Name, options and source of the component: with the dataset's `source_digest`
            the key of the cache.
    """
    digest = dataset.source_digest()
    if digest is None:
        return dataset.load()
    key = json.dumps([CACHE_FORMAT, identity, digest], sort_keys=True)
    folder = cache_dir() / "data" / hashlib.sha256(key.encode()).hexdigest()[:32]
    data = _read(folder)
    if data is None:
        shutil.rmtree(folder, ignore_errors=True)  # damaged, if it is there at all
        data = dataset.load()
        _write(folder, data)
        data = _read(folder) or data
    return data


def _read(folder: Path) -> Data | None:
    """Read what `_write` wrote; None where it is absent or damaged."""
    found = cache.read(folder)
    if not found:
        return None
    meta, arrays = found
    try:
        query, candidate = (
            Side(
                meta[side]["key"],
                arrays[side],
                {
                    name: Feature(form, arrays[f"{side}-{n}"], arrays[f"{side}-{n}-names"])
                    for n, (name, form) in enumerate(meta[side]["features"])
                },
            )
            for side in ("query", "candidate")
        )
        columns = {name: arrays[f"column-{name}"] for name in meta["columns"]}
        source, synthetic, notes, fingerprint = (
            meta[key] for key in ("source", "synthetic", "notes", "fingerprint")
        )
    except (KeyError, TypeError, ValueError):
        return None
    interactions = Interactions(columns, len(query.ids), len(candidate.ids))
    data = Data(query, candidate, interactions, source, synthetic, tuple(notes))
    data.__dict__["fingerprint"] = fingerprint  # where cached_property keeps it
    return data


def _write(folder: Path, data: Data) -> None:
    """Write to the cache."""
    arrays = {f"column-{name}": column for name, column in data.interactions.columns.items()}
    meta: dict[str, Any] = {
        "columns": list(data.interactions.columns),
        "source": data.source,
        "synthetic": data.synthetic,
        "notes": data.notes,
        "fingerprint": data.fingerprint,
    }
    for name, side in (("query", data.query), ("candidate", data.candidate)):
        arrays[name] = side.ids
        meta[name] = {"key": side.key, "features": [(k, f.form) for k, f in side.features.items()]}
        for n, feature in enumerate(side.features.values()):
            arrays |= {f"{name}-{n}": feature.values, f"{name}-{n}-names": feature.names}
    cache.write(folder, meta, arrays)
