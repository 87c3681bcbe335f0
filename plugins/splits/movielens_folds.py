"""The divisions that MovieLens 100K comes with, read from its archive."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import parts
from mtbench.kit import data_dir

_BRING = "mtbench data import ml-100k.zip"


class MovieLensFolds(mtbench.Split):
    """The files u1 to u5, ua and ub of MovieLens 100K (Harper and Konstan, ACM TiiS 2015).

    u1 to u5 are five folds of 20,000 ratings each; of ua and ub ten ratings of each user test. The
    run's seed s only chooses u(s mod 5 + 1), so that `seeds: 5` is a whole cross-validation; where
    `fold` names one, it has no influence on the test part. It draws the validation part.

    The ratings are recognised by user, movie, stars and time, whether the candidates are titles or
    movie ids. Where a user gave two movies of one title the same stars at the same time, the data
    holds two equal rows, and which of them is which makes no difference.
    """

    name = "movielens-folds"
    fold: Literal["u1", "u2", "u3", "u4", "u5", "ua", "ub"] | None = None
    """The division; null for u1 to u5, another one with each seed."""
    validation_share: float = Field(0.0, ge=0, lt=1)
    """Share of the training ratings that validates, drawn by the run's seed; 0 for none."""

    def to_validate(self) -> str | None:
        """Raise the share, where it is 0."""
        return None if self.validation_share else "give it a validation_share"

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Find the ratings of the archive in the data."""
        archive = _read(self.fold or f"u{seed % 5 + 1}")
        rows, ratings = self._match(data, archive)
        rest, test = (rows[archive.tests[ratings] == tests] for tests in (False, True))
        rest = np.random.default_rng(seed).permutation(np.sort(rest))
        validates = parts.validation_size(len(rest), self.validation_share)
        return mtbench.Parts(*map(np.sort, (rest[validates:], test, rest[:validates])))

    def _match(self, data: mtbench.Data, archive: _Archive) -> tuple[np.ndarray, np.ndarray]:
        """Pair the rows of the data with those of the archive.

        Equal ones are paired in their order, which is the same for every fold.

        Returns:
            Row numbers of either, int64 `[100000]`.

        Raises:
            DataError: The data is not MovieLens 100K.
        """
        names = ("query", "candidate", "user_rating", "timestamp")
        ours = [parts.column(self, data, name) for name in names]
        rows = np.lexsort(ours)
        user, movie, *stars_and_time = archive.ratings.T
        query = _positions(data.query.ids, user.astype(str))
        for candidates in (movie.astype(str), archive.titles):
            theirs = [query, _positions(data.candidate.ids, candidates), *stars_and_time]
            ratings = np.lexsort(theirs)
            if all(np.array_equal(a[rows], b[ratings]) for a, b in zip(ours, theirs, strict=True)):
                return rows, ratings
        raise mtbench.DataError(
            f"{data.source}: split {self.name!r} divides MovieLens 100K, expected its ratings, "
            "found others: use split 'k-fold'"
        )


class _Archive(NamedTuple):
    """What the archive holds."""

    ratings: np.ndarray
    """User, movie, stars and time of each rating, int64 `[100000, 4]`."""
    tests: np.ndarray
    """Whether it is in the fold's test part, bool `[100000]`."""
    titles: np.ndarray
    """Title of its movie, text `[100000]`."""


def _read(fold: str) -> _Archive:
    """Read the archive.

    Raises:
        DataError: It is not there, or is another file.
    """
    path = _path()
    try:
        with zipfile.ZipFile(path) as archive:
            *tables, items = (
                archive.read(f"ml-100k/{name}") for name in ("u.data", f"{fold}.test", "u.item")
            )
        ratings, tested = (np.loadtxt(io.BytesIO(table), np.int64) for table in tables)
        # user and movie identify a rating; one of the fold that is not among them is a KeyError
        row_of = {pair: row for row, pair in enumerate(_pairs(ratings))}
        tests = np.zeros(len(ratings), bool)
        tests[[row_of[pair] for pair in _pairs(tested)]] = True
        titles = ["", *(line.split("|")[1] for line in items.decode("latin-1").splitlines())]
        return _Archive(ratings, tests, np.array(titles)[ratings[:, 1]])
    except (zipfile.BadZipFile, zlib.error, LookupError, ValueError, EOFError, OSError) as error:
        raise mtbench.DataError(
            f"{path} cannot be read as the archive of MovieLens 100K ({type(error).__name__}); "
            f"bring the official one: {_BRING}"
        ) from error


def _pairs(table: np.ndarray) -> Iterator[tuple[int, int]]:
    """User and movie of each row."""
    return zip(*table[:, :2].T.tolist(), strict=True)


def _path() -> Path:
    """Where the archive is: brought by hand, or left where tensorflow-datasets downloaded it.

    Raises:
        DataError: It is in neither place.
    """
    downloads = data_dir() / "downloads"
    for path in (downloads / "manual" / "ml-100k.zip", *sorted(downloads.glob("*ml-100k*.zip"))):
        if path.is_file():
            return path
    raise mtbench.DataError(
        f"split 'movielens-folds' reads ml-100k.zip, which is not in {downloads / 'manual'}; "
        f"bring it: {_BRING}"
    )


def _positions(ids: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Position of each text among the ids, int64 `[n]`; -1 where it is none of them."""
    position_of = {name: position for position, name in enumerate(ids.tolist())}
    return np.array([position_of.get(text, -1) for text in texts.tolist()])


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [MovieLensFolds]
