"""Interactions as integer arrays, and their cache on disk."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import platformdirs

from .errors import DataError, SealedError

if TYPE_CHECKING:
    from .components import Dataset

CACHE_FORMAT = 1
"""Raised when what lies in the cache changes its form."""


class Interactions:
    """Columns of equal length, a row an interaction.

    Args:
        columns: `query` and `candidate`, int32 positions in `Data.query.ids` and
            `Data.candidate.ids`, and what else is known of an interaction: `user_rating` float32,
            NaN where it is missing, `timestamp` int64 seconds.
        num_queries: Number of queries (users) of the dataset.
        num_candidates: Number of candidates (movies) in the catalogue.
    """

    def __init__(
        self, columns: Mapping[str, np.ndarray], num_queries: int, num_candidates: int
    ) -> None:
        self._columns = columns
        self._sealed = False
        self.num_queries, self.num_candidates = num_queries, num_candidates

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """The columns by name, `[n]` each.

        Raises:
            SealedError: They hold the test part, and the model is being trained.
        """
        if self._sealed:
            raise SealedError(
                "the test part is sealed while a model trains: expected the training or the "
                "validation part to be used"
            )
        return self._columns

    @property
    def dtypes(self) -> dict[str, np.dtype[Any]]:
        """Type of each column; no secret of a sealed part."""
        return {name: column.dtype for name, column in self._columns.items()}

    @contextlib.contextmanager
    def sealed(self) -> Iterator[None]:
        """Let nobody read the columns in the meantime."""
        self._sealed = True
        try:
            yield
        finally:
            self._sealed = False

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
        """Return the rows of these numbers, in their order."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Interactions(columns, self.num_queries, self.num_candidates)


def joined(one: Interactions, other: Interactions) -> Interactions:
    """Return the rows of both, one after the other."""
    if not len(other):
        return one
    columns = {
        name: np.concatenate([column, other.columns[name]]) for name, column in one.columns.items()
    }
    return Interactions(columns, one.num_queries, one.num_candidates)


@dataclass(frozen=True)
class Feature:
    """What is known of each id of a side besides the id."""

    form: Literal["categorical", "numeric", "multi_hot"]
    """One value of several, a number, or any number of several values."""
    values: np.ndarray
    """A row for each id: categorical int32 `[ids]`, positions in `names`; numeric float32 `[ids]`,
    finite; multi-hot uint8 `[ids, len(names)]`, 0 or 1."""
    names: np.ndarray = field(default_factory=lambda: np.empty(0, "U1"))
    """What the values mean, as text; empty for a numeric feature. A missing value is a value of
    its own, the empty text."""


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

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids and interactions: equal for equal content, however it was stored."""
        digest = hashlib.sha256()
        for side in (self.query, self.candidate):
            digest.update("\0".join((side.key, *side.ids.tolist(), "")).encode())
            for name, feature in sorted(side.features.items()):
                digest.update("\0".join((name, feature.form, *feature.names.tolist())).encode())
                digest.update(np.ascontiguousarray(feature.values).data)
        for name, column in sorted(self.interactions.columns.items()):
            digest.update(f"{name}:{column.dtype.str}:".encode())
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    @staticmethod
    def encode(
        query: tuple[str, np.ndarray],
        candidate: tuple[str, np.ndarray],
        columns: Mapping[str, np.ndarray],
        source: str,
        catalogue: tuple[np.ndarray, np.ndarray] | None = None,
        synthetic: bool = False,
    ) -> Data:
        """Turn ids into integers.

        Args:
            query: Name of the id feature, and the id of each interaction, bytes or text.
            candidate: The same for the candidates.
            columns: Further columns of the interactions.
            source: What the data is.
            catalogue: Ids of all candidates and the name of each; candidates of one name become
                one. Default: the ids that have an interaction, each its own name.
            synthetic: Whether the data was made up.

        Raises:
            DataError: There is no interaction, or one with a candidate outside the catalogue.
        """
        if not len(query[1]):
            raise DataError(f"{source}: expected interactions, found none")
        query_ids, query_codes = np.unique(query[1], return_inverse=True)
        ids, codes = np.unique(candidate[1], return_inverse=True)
        if catalogue is None:
            names = ids
        else:
            names, name_codes = np.unique(catalogue[1], return_inverse=True)
            order = np.argsort(catalogue[0])
            found = np.searchsorted(catalogue[0], ids, sorter=order)
            found = order[np.minimum(found, len(order) - 1)] if len(order) else found
            unknown = ids[catalogue[0][found] != ids] if len(order) else ids
            if len(unknown):
                raise DataError(f"{source}: {candidate[0]} {unknown[0]!r} is not in the catalogue")
            codes = name_codes[found][codes]
        encoded = {"query": query_codes.astype(np.int32), "candidate": codes.astype(np.int32)}
        return Data(
            Side(query[0], _text(query_ids)),
            Side(candidate[0], _text(names)),
            Interactions({**encoded, **columns}, len(query_ids), len(names)),
            source,
            synthetic,
        )


def _text(ids: np.ndarray) -> np.ndarray:
    """Ids as text, whatever they were."""
    return np.char.decode(ids, "utf-8") if ids.dtype.kind == "S" else ids.astype(str)


def cache_dir() -> Path:
    """Return the folder of the encoded datasets: `$MTBENCH_CACHE_DIR`, or the user's cache."""
    return Path(os.environ.get("MTBENCH_CACHE_DIR") or platformdirs.user_cache_path("mtbench"))


def load_data(dataset: Dataset, identity: Mapping[str, Any]) -> Data:
    """Load a dataset, from the cache where it was encoded before.

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
    return data


def _read(folder: Path) -> Data | None:
    """Read what `_write` wrote, memory-mapped; None where it is absent or damaged."""
    try:
        meta = json.loads((folder / "meta.json").read_text())
        columns = {
            name: np.load(folder / f"column-{name}.npy", mmap_mode="r") for name in meta["columns"]
        }
        query, candidate = (
            Side(meta[side], np.load(folder / f"{side}.npy")) for side in ("query", "candidate")
        )
        source, synthetic, fingerprint = (
            meta[key] for key in ("source", "synthetic", "fingerprint")
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None
    interactions = Interactions(columns, len(query.ids), len(candidate.ids))
    data = Data(query, candidate, interactions, source, synthetic)
    data.__dict__["fingerprint"] = fingerprint  # where cached_property keeps it
    return data


def _write(folder: Path, data: Data) -> None:
    """Write to a folder of its own, then rename: a reader sees all of it or nothing.

    Where two processes write the same data at once the first to rename wins, the other's rename
    fails and its copy goes. A cache that cannot be written costs time, not the run.
    """
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            for name, column in data.interactions.columns.items():
                np.save(work / f"column-{name}.npy", column)
            for side, values in (("query", data.query), ("candidate", data.candidate)):
                np.save(work / f"{side}.npy", values.ids)
            meta = {
                "query": data.query.key,
                "candidate": data.candidate.key,
                "columns": list(data.interactions.columns),
                "source": data.source,
                "synthetic": data.synthetic,
                "fingerprint": data.fingerprint,
            }
            (work / "meta.json").write_text(json.dumps(meta, indent=2))
            work.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
