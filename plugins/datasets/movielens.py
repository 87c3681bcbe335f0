"""MovieLens (Harper and Konstan, ACM TiiS 2015) through tensorflow-datasets."""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

import mtbench
from mtbench.data import Coded, Ids, Known, Numbers, Raw
from mtbench.kit import Prepared, data_dir, in_reach

_IDS = ("user_id", "movie_id")

_SHAPES = {  # users, movies, ratings of each release; what the synthetic stand-in imitates
    "100k": (943, 1682, 100_000),
    "1m": (6040, 3883, 1_000_209),
    "20m": (138_493, 27_278, 20_000_263),
    "25m": (162_541, 62_423, 25_000_095),
    "latest-small": (610, 9742, 100_836),
}
_USERS = {  # features of the releases that have them
    "user_gender": {"num_values": 2},
    "bucketized_user_age": {"num_values": 7},
    "user_occupation_label": {"num_values": 21},
    "user_occupation_text": {"num_values": 21},
    "user_zip_prefix": {"num_values": 10},
}
_MOVIES = {
    "movie_genres": {"form": "multi_hot", "num_values": 19},
    "movie_year": {"form": "numeric"},
}


class MovieLens(mtbench.Dataset):
    """Ratings of movies, 0.5 to 5 stars, by users of movielens.org.

    Of movies it knows `movie_genres` and `movie_year`; of users, in the releases 100k and 1m,
    `user_gender`, `bucketized_user_age`, `user_occupation_label`, `user_occupation_text` and
    `user_zip_prefix`, in 100k also `raw_user_age`. Movies of one title have the genres of each.
    """

    name = "movielens"
    config: Literal["100k", "1m", "20m", "25m", "latest-small"] = "100k"
    """Release, as tensorflow-datasets calls it."""
    candidate: Literal["title", "id"] = "title"
    """What a candidate is: a title, as in the TFRS tutorials (some movies share one), or a movie
    id."""

    def require(self) -> None:
        """Check that both parts are prepared, or can be: archive at hand, or server in reach."""
        missing = [part for part in ("ratings", "movies") if not self._part(part).folder()]
        if not missing or self._archive().is_file() or self._in_reach():
            return
        raise mtbench.DataError(
            f"movielens/{self.config} is not prepared in {data_dir()}, and its server is out of "
            "reach. Three ways out:\n"
            "  - name a tensorflow-datasets folder that has it: --data-dir DIR or TFDS_DATA_DIR\n"
            f"  - bring the archive: mtbench data import {self._archive().name}\n"
            "  - run on made-up data of the same shape, marked as such: --synthetic"
        )

    def source_digest(self) -> str:
        """SHA-256 over the prepared files; prepares them where they are not."""
        parts = (self._part(part).digest(self._archive()) for part in ("ratings", "movies"))
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def load(self) -> mtbench.Data:
        """Read ratings and movies, and what is known of users."""
        movies = self._movies()
        ids: tuple[Numbers[bytes], ...] = (Numbers(), Numbers())
        by_user: dict[str, np.ndarray] = {}
        chunks: dict[str, list[np.ndarray]] = {}
        for batch in self._batches("ratings", "movie_title", "movie_genres"):
            codes = [number.of(batch.pop(key)) for number, key in zip(ids, _IDS, strict=True)]
            columns = {name: batch.pop(name) for name in ("user_rating", "timestamp")}
            _learn(by_user, codes[0], batch)
            for name, column in {**columns, **dict(zip(_IDS, codes, strict=True))}.items():
                chunks.setdefault(name, []).append(column)
        whole = {name: np.concatenate(chunks.pop(name)) for name in list(chunks)}
        users, rated = (
            Coded(np.array([*number]), whole.pop(key))
            for number, key in zip(ids, _IDS, strict=True)
        )
        info = self._part("ratings").builder().info
        return mtbench.Data.encode(
            query=Ids("user_id", users, Known(users.ids, _demographic(by_user, info.features))),
            candidate=Ids(f"movie_{self.candidate}", rated, movies),
            columns=whole,
            source=str(info.full_name),
        )

    def _movies(self) -> Known:
        """Every movie with its genres and, from its title, its year."""
        genres = self._part("movies").builder().info.features["movie_genres"].feature.names
        batches = list(self._batches("movies"))
        ids, titles = (
            np.array([value for batch in batches for value in batch[f"movie_{name}"]])
            for name in ("id", "title")
        )
        features = {
            "movie_genres": Raw(
                "multi_hot",
                [[genres[n] for n in row] for batch in batches for row in batch["movie_genres"]],
            ),
            "movie_year": Raw("numeric", [_year(title.decode()) for title in titles.tolist()]),
        }
        return Known(ids, features, titles if self.candidate == "title" else None)

    @classmethod
    def at_hand(cls) -> str:
        """Name the releases that are prepared."""
        folder = data_dir()
        prepared = [
            config
            for config in _SHAPES
            if all(
                [*(folder / "movielens" / f"{config}-{part}").glob("*/dataset_info.json")]
                for part in ("ratings", "movies")
            )
        ]
        named = f"{', '.join(prepared)} prepared" if prepared else "none is prepared"
        rest = "" if len(prepared) == len(_SHAPES) else "; others are fetched when a suite asks"
        return f"{named} in {folder} (TFDS_DATA_DIR, --data-dir){rest}"

    @classmethod
    def bring(cls, archive: Path) -> Path | None:
        """Take an official archive in, known by its SHA-256, whatever it is called."""
        with archive.open("rb") as stream:
            checksum = hashlib.file_digest(stream, "sha256").hexdigest()
        official: dict[str, str] = {
            info.checksum: url.rpartition("/")[2]
            for url, info in Prepared("movielens/100k-ratings").builder().url_infos.items()
        }
        if checksum in official:
            target: Path = data_dir() / "downloads" / "manual" / official[checksum]
            target.parent.mkdir(parents=True, exist_ok=True)
            if not (target.exists() and target.samefile(archive)):
                temporary = target.with_suffix(f".{os.getpid()}.tmp")
                shutil.copyfile(archive, temporary)
                temporary.replace(target)
            return target
        if archive.name in official.values():
            expected = next(digest for digest, name in official.items() if name == archive.name)
            raise mtbench.DataError(
                f"{archive} is not the official archive: expected SHA-256 {expected}, "
                f"found {checksum}"
            )
        return None

    def stand_in(self) -> Mapping[str, Any]:
        """Made-up data with as many users, movies and ratings, and features of those names."""
        users, movies, ratings = _SHAPES[self.config]
        query: dict[str, Any] = dict(_USERS if self.config in ("100k", "1m") else {})
        if self.config == "100k":
            query["raw_user_age"] = {"form": "numeric"}
        return {
            "name": "synthetic",
            "num_users": users,
            "num_items": movies,
            "num_ratings": ratings,
            "query_features": query,
            "candidate_features": _MOVIES,
        }

    def _part(self, part: str) -> Prepared:
        """The data set `ratings` or `movies` of the release."""
        return Prepared(f"movielens/{self.config}-{part}")

    def _archive(self) -> Path:
        """Where tfds looks for an archive that was brought by hand."""
        return data_dir() / "downloads" / "manual" / f"ml-{self.config}.zip"

    def _in_reach(self) -> bool:
        """Whether the server answers."""
        urls = self._part("ratings").builder().url_infos
        return any(in_reach(url) for url in urls if url.endswith(self._archive().name))

    def _batches(self, part: str, *without: str) -> Iterator[dict[str, Any]]:
        """Features of a part, many rows at a time; text as bytes."""
        prepared = self._part(part)
        builder = prepared.prepare(self._archive())
        names = [name for name in builder.info.features if name not in without]
        return prepared.batches(builder, "train", names)


def _learn(by_user: dict[str, np.ndarray], users: np.ndarray, batch: dict[str, np.ndarray]) -> None:
    """Take in what a batch of ratings says of its users.

    Args:
        by_user: The values of each feature by user, for the users so far.
        users: The user of each rating, int32 `[n]`.
        batch: The values of each feature by rating.
    """
    numbers, first = np.unique(users, return_index=True)
    for name, values in batch.items():
        before = by_user.get(name, values[:0])
        by_user[name] = np.concatenate([before, values[first[numbers >= len(before)]]])
        differ = by_user[name][users] != values
        if differ.any():
            pair = f"{by_user[name][users][differ][0]!r}, {values[differ][0]!r}"
            raise mtbench.DataError(f"{name}: expected one value a user, found {pair}")


def _demographic(by_user: Mapping[str, np.ndarray], features: Any) -> dict[str, Raw]:
    """Features of the users, in the order of their numbers."""
    raw = {}
    for name, values in by_user.items():
        if name == "raw_user_age":
            raw[name] = Raw("numeric", values)
        elif name == "user_zip_code":  # its first digit is a region; some are not of the USA
            prefixes = [code[:1].decode() if code[:1].isdigit() else "" for code in values]
            raw["user_zip_prefix"] = Raw("categorical", np.array(prefixes))
        elif name == "user_gender":
            raw[name] = Raw("categorical", np.where(values, "M", "F"))
        elif name == "bucketized_user_age":
            raw[name] = Raw("categorical", values.astype(int))
        elif name == "user_occupation_label":
            raw[name] = Raw("categorical", np.array(features[name].names)[values])
        else:
            raw[name] = Raw("categorical", np.array(values.tolist()))
    return raw


def _year(title: str) -> float:
    """The year in a title, the last number of four digits in brackets; NaN where there is none."""
    years = re.findall(r"\((\d{4})\)", title)
    return float(years[-1]) if years else math.nan


@mtbench.hookimpl
def mtbench_datasets() -> list[type[mtbench.Dataset]]:
    """Offer the dataset."""
    return [MovieLens]
