"""MovieLens (Harper and Konstan, ACM TiiS 2015) through tensorflow-datasets."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
import os
import re
import shutil
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import mtbench
from mtbench.data import Coded, Ids, Known, Numbers, Raw

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
_TIMEOUT = 4.0
"""Seconds to wait for the server before it counts as out of reach."""


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
        missing = [part for part in ("ratings", "movies") if not self._folder(part)]
        if not missing or self._archive().is_file() or self._in_reach():
            return
        raise mtbench.DataError(
            f"movielens/{self.config} is not prepared in {_data_dir()}, and its server is out of "
            "reach. Three ways out:\n"
            "  - name a tensorflow-datasets folder that has it: --data-dir DIR or TFDS_DATA_DIR\n"
            f"  - bring the archive: mtbench data import {self._archive().name}\n"
            "  - run on made-up data of the same shape, marked as such: --synthetic"
        )

    def source_digest(self) -> str:
        """SHA-256 over the prepared files; prepares them where they are not."""
        digest = hashlib.sha256()
        for part in ("ratings", "movies"):
            folder = self._folder(part) or Path(self._prepared(part).data_path)
            for file in sorted(path for path in folder.iterdir() if path.is_file()):
                digest.update(f"{part}/{file.name}".encode())
                with file.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

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
        info = self._builder("ratings").info
        return mtbench.Data.encode(
            query=Ids("user_id", users, Known(users.ids, _demographic(by_user, info.features))),
            candidate=Ids(f"movie_{self.candidate}", rated, movies),
            columns=whole,
            source=str(info.full_name),
        )

    def _movies(self) -> Known:
        """Every movie with its genres and, from its title, its year."""
        genres = self._builder("movies").info.features["movie_genres"].feature.names
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
        folder = Path(_data_dir())
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
            for url, info in _builder("movielens/100k-ratings", _data_dir()).url_infos.items()
        }
        if checksum in official:
            target: Path = Path(_data_dir()) / "downloads" / "manual" / official[checksum]
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

    def _folder(self, part: str) -> Path | None:
        """Where a part is prepared, None where it is not.

        The usual case, one version that is there, is seen without importing tensorflow-datasets.
        """
        infos = (Path(_data_dir()) / "movielens" / f"{self.config}-{part}").glob(
            "*/dataset_info.json"
        )
        versions = [path.parent for path in infos]
        if len(versions) == 1:
            return versions[0]
        builder = self._builder(part)
        return Path(builder.data_path) if builder.is_prepared() else None

    def _builder(self, part: str) -> Any:
        """Tfds's builder of `ratings` or `movies`."""
        return _builder(f"movielens/{self.config}-{part}", _data_dir())

    def _archive(self) -> Path:
        """Where tfds looks for an archive that was brought by hand."""
        return Path(_data_dir()) / "downloads" / "manual" / f"ml-{self.config}.zip"

    def _in_reach(self) -> bool:
        """Whether the server answers; tfds itself would retry for minutes."""
        urls = [
            url for url in self._builder("ratings").url_infos if url.endswith(self._archive().name)
        ]
        try:
            request = urllib.request.Request(urls[0], method="HEAD")  # noqa: S310 - tfds's own
            with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310
                return True
        except (OSError, IndexError):
            return False

    def _prepared(self, part: str) -> Any:
        """Return the builder of a part, after preparing it where that was not done.

        Raises:
            DataError: The archive is not the official one, or cannot be fetched.
        """
        builder = self._builder(part)
        if not builder.is_prepared():
            tfds.disable_progress_bar()
            try:
                with contextlib.redirect_stdout(sys.stderr):  # it prints, and stdout is a report
                    builder.download_and_prepare()
            except Exception as error:
                if type(error).__name__ == "NonMatchingChecksumError":  # of a private module
                    raise mtbench.DataError(
                        f"{self._archive()} is not the official archive: its checksum differs"
                    ) from error
                raise mtbench.DataError(
                    f"movielens/{self.config} cannot be prepared in {_data_dir()}: {error}"
                ) from error
        return builder

    def _batches(self, part: str, *without: str) -> Iterator[dict[str, Any]]:
        """Features of a part in the order of its files, many rows at a time; text as bytes.

        Serialised examples are parsed many at a time too: tfds's own way, one by one, takes 15
        times as long.
        """
        builder = self._prepared(part)
        infos = builder.info.features.get_serialized_info()
        spec = {name: _parser(info) for name, info in infos.items() if name not in without}
        settings = tf.data.Options()
        settings.autotune.enabled = False  # it can hold up the end for seconds
        files = [str(path) for path in builder.info.splits["train"].filepaths]
        examples = tf.data.TFRecordDataset(files).batch(2**14).with_options(settings)
        try:
            for batch in examples.map(lambda texts: tf.io.parse_example(texts, spec)):
                yield {
                    name: value.to_list() if isinstance(value, tf.RaggedTensor) else value.numpy()
                    for name, value in batch.items()
                }
        except tf.errors.OpError as error:
            raise mtbench.DataError(
                f"{builder.data_path} is damaged: remove it, and it is prepared again ({error})"
            ) from error


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


def _parser(info: Any) -> Any:
    """How to parse a feature that tfds serialised."""
    numbers = {"float32": tf.float32, "bool": tf.int64, "int64": tf.int64}
    dtype = numbers.get(np.dtype(info.np_dtype).name, tf.string)
    return tf.io.RaggedFeature(dtype) if info.shape else tf.io.FixedLenFeature([], dtype)


@functools.cache
def _builder(config: str, data_dir: str) -> Any:
    """Tfds's builder of a config."""
    return tfds.builder(config, data_dir=data_dir)


def _data_dir() -> str:
    """Where tensorflow-datasets keeps prepared data."""
    return os.environ.get("TFDS_DATA_DIR") or str(Path.home() / "tensorflow_datasets")


@mtbench.hookimpl
def mtbench_datasets() -> list[type[mtbench.Dataset]]:
    """Offer the dataset."""
    return [MovieLens]
