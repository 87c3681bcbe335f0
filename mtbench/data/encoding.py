"""From ids and what is known of them, as they were read, to integers and arrays."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from mtbench.errors import DataError

CHUNK = 2**20
"""Ids that are sorted at once."""
MOST = 2**30
"""Elements that a multi-hot feature may have."""

K = TypeVar("K", bound=Hashable)
Form = Literal["categorical", "numeric", "multi_hot", "vector"]
"""Of a feature: one value of several, a number, any number of several values, or as many numbers
for each id, such as an embedding that was made elsewhere."""


@dataclass(frozen=True)
class Feature:
    """What is known of each id of a side besides the id."""

    form: Form
    """One value of several, a number, any number of several values, or a given vector."""
    values: np.ndarray
    """A row for each id: categorical int32 `[ids]`, positions in `names`; numeric float32 `[ids]`,
    finite; multi-hot uint8 `[ids, len(names)]`, 0 or 1; vector float32 `[ids, length]`, finite."""
    names: np.ndarray = field(default_factory=lambda: np.empty(0, "U1"))
    """What the values mean, as text, in order; empty for a numeric feature and a vector. A missing
    value is a value of its own, the empty text; of a numeric feature and a vector the mean of the
    others; of a multi-hot one no value."""


class Numbers(dict[K, int]):
    """Numbers ids in the order in which they come: a dictionary from ids to numbers."""

    def __missing__(self, key: K) -> int:
        number = self[key] = len(self)
        return number

    def of(self, ids: Iterable[K]) -> np.ndarray:
        """The number of each id, int32 `[n]`."""
        return np.fromiter(map(self.__getitem__, ids), np.int32)


class Coded(NamedTuple):
    """Ids of interactions whose reader has counted them out: lean where there are millions."""

    ids: np.ndarray
    """Ids, bytes, text or integers, in any order; may hold some that no interaction has."""
    codes: np.ndarray
    """Position in `ids` for each interaction, int `[n]`."""


class Raw(NamedTuple):
    """A feature as it was read."""

    form: Form
    values: Sequence[Any] | np.ndarray | Coded
    """A value for each id. Categorical: text, the empty one where it is missing, maybe counted out;
    numeric: numbers, NaN where it is missing; multi-hot: a sequence of texts; vector: numbers
    `[n, length]`, NaN where they are missing."""


class Known(NamedTuple):
    """What is known of the ids of a side."""

    ids: np.ndarray
    """Distinct ids, bytes, text or integers `[n]`, in any order."""
    features: Mapping[str, Raw] = {}
    """Features by name."""
    names: np.ndarray | None = None
    """What each is called, `[n]`: those of one name become one id, with every value of a multi-hot
    feature and else what is known of the first. Default: as the id."""


class Ids(NamedTuple):
    """One side of the interactions as it was read."""

    key: str
    """Name of the id feature."""
    values: np.ndarray | Coded
    """The id of each interaction: bytes, text or integers `[n]`."""
    known: Known | None = None
    """What is known of the ids. Queries (users) without an interaction are left out, those that
    are not here have nothing but missing values; candidates are all that are here."""


def as_text(ids: np.ndarray) -> np.ndarray:
    """Ids as text, whatever they were."""
    ids = np.asarray(ids)
    return np.char.decode(ids, "utf-8") if ids.dtype.kind == "S" else ids.astype(str)


def distinct(values: np.ndarray | Coded) -> tuple[np.ndarray, np.ndarray]:
    """Number ids in the order of their texts.

    Returns:
        The distinct ids as text, and the position of each interaction's in them, int32 `[n]`.
    """
    if not isinstance(values, Coded):
        values = _coded(np.asarray(values))
    used = np.flatnonzero(np.bincount(values.codes, minlength=len(values.ids)))
    texts, positions = np.unique(as_text(values.ids[used]), return_inverse=True)
    numbers = np.zeros(len(values.ids), np.int32)
    numbers[used] = positions
    return texts, numbers[values.codes]


def _coded(ids: np.ndarray) -> Coded:
    """Find the distinct ids chunk by chunk: sorting all at once would take several copies."""
    if ids.dtype.kind == "S" and ids.dtype.itemsize <= 8:  # numbers of the same order sort faster
        coded = _coded(ids.astype("S8").view(">u8").astype(np.uint64))
        return Coded(coded.ids.astype(">u8").view("S8"), coded.codes)
    starts = range(0, len(ids), CHUNK)
    chunks = [np.unique(ids[start : start + CHUNK], return_inverse=True) for start in starts]
    union = np.unique(np.concatenate([chunk_ids for chunk_ids, _ in chunks]))
    codes = np.empty(len(ids), np.int32)
    for start, (chunk_ids, positions) in zip(starts, chunks, strict=True):
        codes[start : start + CHUNK] = np.searchsorted(union, chunk_ids)[positions]
    return Coded(union, codes)


def encode_queries(ids: Ids, source: str) -> tuple[np.ndarray, np.ndarray, dict[str, Feature]]:
    """Encode the query side.

    Returns:
        Its ids as text, the code of each interaction's, int32 `[n]`, and its features.
    """
    texts, codes = distinct(ids.values)
    if ids.known is None:
        return texts, codes, {}
    described = _sorted(ids, source)
    place, there = _rows_of(described, texts)
    rows = np.where(there, place, -1)
    return texts, codes, _features(ids, rows, np.arange(len(rows)), source)


def encode_candidates(ids: Ids, source: str) -> tuple[np.ndarray, np.ndarray, dict[str, Feature]]:
    """Encode the candidate side, as `encode_queries`.

    Raises:
        DataError: An interaction has a candidate that is not in the catalogue.
    """
    texts, codes = distinct(ids.values)
    if ids.known is None:
        return texts, codes, {}
    described = _sorted(ids, source)
    place, there = _rows_of(described, texts)
    if not there.all():
        raise DataError(f"{source}: {ids.key} {str(texts[~there][0])!r} is not in the catalogue")
    names = ids.known.ids if ids.known.names is None else ids.known.names
    merged, owner = np.unique(as_text(names), return_inverse=True)
    features = _features(ids, np.arange(len(owner)), owner, source)
    return merged, owner.astype(np.int32)[place][codes], features


def _sorted(ids: Ids, source: str) -> tuple[np.ndarray, np.ndarray]:
    """The ids of which something is known, in order, and the row of each."""
    assert ids.known  # noqa: S101 - the callers have looked
    texts = as_text(ids.known.ids)
    order = np.argsort(texts, kind="stable")
    texts = texts[order]
    twice = texts[1:][texts[1:] == texts[:-1]]
    if len(twice):
        raise DataError(f"{source}: {ids.key} {str(twice[0])!r} is described twice")
    return texts, order


def _rows_of(
    described: tuple[np.ndarray, np.ndarray], texts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The row of each id among those described, and whether it is there."""
    names, order = described
    places, there = places_in(names, texts)
    return order[places] if len(names) else places, there


def places_in(names: np.ndarray, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where texts stand among names in order, int64 `[n]`, and whether each is one, bool `[n]`."""
    if not len(names):
        return np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    places = np.minimum(np.searchsorted(names, texts), len(names) - 1)
    return places, names[places] == texts


def _features(ids: Ids, rows: np.ndarray, owner: np.ndarray, source: str) -> dict[str, Feature]:
    """Make the features of a side.

    Args:
        ids: The side.
        rows: Rows of what is known, -1 for nothing.
        owner: The id each row is for, all of them at least once.
        source: What the data is.
    """
    assert ids.known  # noqa: S101 - the callers have looked
    features = {}
    first = rows[np.unique(owner, return_index=True)[1]]
    for name, raw in ids.known.features.items():
        what = f"{source}: feature {name!r} of {ids.key}"
        values: Any = raw.values
        if raw.form == "categorical":
            features[name] = _categorical(values, first)
        elif raw.form == "multi_hot":
            features[name] = _multi_hot(values, rows, owner, what)
        elif raw.form == "numeric":
            features[name] = _numeric(values, first, what)
        else:
            features[name] = Feature("vector", _known_numbers(_matrix(values, what), first, what))
    return features


def as_values(raw: Raw, what: str) -> Feature:
    """A categorical or numeric feature of rows, whatever id they are of.

    Args:
        raw: A value for each.
        what: What the feature is.

    Raises:
        DataError: A number is not finite, or missing in all rows.
    """
    values: Any = raw.values
    rows = np.arange(len(values.codes if isinstance(values, Coded) else values))
    if raw.form == "categorical":
        return _categorical(values, rows)
    return _numeric(values, rows, what)


def _numeric(values: Sequence[Any] | np.ndarray, rows: np.ndarray, what: str) -> Feature:
    """A numeric feature of some rows, -1 for nothing."""
    numbers = _known_numbers(np.asarray(values, np.float64)[:, None], rows, what)
    return Feature("numeric", numbers[:, 0])


def _categorical(values: Sequence[Any] | np.ndarray | Coded, rows: np.ndarray) -> Feature:
    """A categorical feature of some rows, -1 for nothing."""
    if not isinstance(values, Coded):
        values = Coded(np.asarray(values), np.arange(len(values)))
    texts, number = np.unique(np.append(as_text(values.ids), ""), return_inverse=True)
    codes = number[np.append(values.codes, len(values.ids))[rows]]
    used = np.flatnonzero(np.bincount(codes, minlength=len(texts)))
    place = np.zeros(len(texts), np.int32)
    place[used] = np.arange(len(used))
    return Feature("categorical", place[codes], texts[used])


def _matrix(values: Sequence[Any] | np.ndarray, what: str) -> np.ndarray:
    """Vectors as one array of floats, `[n, length]`."""
    try:
        matrix = np.asarray(values)
        matrix = matrix if matrix.dtype == np.float32 else matrix.astype(np.float64)
    except (ValueError, TypeError):
        matrix = np.empty(0)
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise DataError(f"{what}: expected vectors of numbers, all of one length")
    return matrix


def _known_numbers(numbers: np.ndarray, rows: np.ndarray, what: str) -> np.ndarray:
    """Numbers of some rows, -1 for nothing; a missing one becomes the mean of the others.

    Args:
        numbers: float `[n, length]`, NaN where one is missing.
        rows: Rows of it.
        what: What the feature is.

    Returns:
        float32 `[len(rows), length]`, finite.
    """
    numbers = np.where(rows[:, None] < 0, np.array(np.nan, numbers.dtype), numbers[rows])
    missing = np.isnan(numbers)
    if missing.all(0).any() or np.isinf(numbers).any():
        raise DataError(f"{what}: expected finite numbers, found {numbers.flat[0]}")
    if missing.any():
        means = [column[~np.isnan(column)].mean(dtype=np.float64) for column in numbers.T]
        numbers = np.where(missing, means, numbers)
    return numbers.astype(np.float32)


def _multi_hot(
    values: Sequence[Sequence[str]] | np.ndarray, rows: np.ndarray, owner: np.ndarray, what: str
) -> Feature:
    """A multi-hot feature: the union over the rows of an id."""
    lists = [[text for text in (values[row] if row >= 0 else ()) if text] for row in rows]
    flat = np.array(list(itertools.chain.from_iterable(lists)), dtype=str)
    names, codes = np.unique(flat, return_inverse=True)
    size = (int(owner.max()) + 1, len(names))
    if size[0] * size[1] > MOST:
        raise DataError(
            f"{what}: expected at most {MOST} elements, found {size[0]} ids × {size[1]} values"
        )
    table = np.zeros(size, np.uint8)
    table[np.repeat(owner, [len(each) for each in lists]), codes] = 1
    return Feature("multi_hot", table, names)
