"""MovieLens (Harper and Konstan, ACM TiiS 2015) through tensorflow-datasets."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow_datasets as tfds

import mtbench

_SHAPES = {  # users, movies, ratings of each release; what the synthetic stand-in imitates
    "100k": (943, 1682, 100_000),
    "1m": (6040, 3883, 1_000_209),
    "20m": (138_493, 27_278, 20_000_263),
    "25m": (162_541, 62_423, 25_000_095),
    "latest-small": (610, 9742, 100_836),
}
_TIMEOUT = 4.0
"""Seconds to wait for the server before it counts as out of reach."""


class MovieLens(mtbench.Dataset):
    """Ratings of movies, 0.5 to 5 stars, by users of movielens.org."""

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
        """Read ratings and movies."""
        movies = self._read("movies", "movie_id", "movie_title")
        ratings = self._read("ratings", "user_id", "movie_id", "user_rating", "timestamp")
        title = self.candidate == "title"
        return mtbench.Data.encode(
            query=("user_id", ratings["user_id"]),
            candidate=("movie_title" if title else "movie_id", ratings["movie_id"]),
            columns={name: ratings[name] for name in ("user_rating", "timestamp")},
            source=str(self._builder("ratings").info.full_name),
            catalogue=(movies["movie_id"], movies["movie_title" if title else "movie_id"]),
        )

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
        """Made-up data with as many users, movies and ratings."""
        users, movies, ratings = _SHAPES[self.config]
        return {
            "name": "synthetic",
            "num_users": users,
            "num_items": movies,
            "num_ratings": ratings,
        }

    def _folder(self, part: str) -> Path | None:
        """Where a part is prepared, None where it is not.

        The usual case, one version that is there, is seen without importing tensorflow-datasets.
        """
        found = (Path(_data_dir()) / "movielens" / f"{self.config}-{part}").glob(
            "*/dataset_info.json"
        )
        versions = [path.parent for path in found]
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

    def _read(self, part: str, *features: str) -> dict[str, np.ndarray]:
        """Columns of a part in the order of its file; text as bytes."""
        dataset = self._prepared(part).as_dataset(
            split="train",
            decoders=tfds.decode.PartialDecoding(dict.fromkeys(features, True)),
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
        batches = list(tfds.as_numpy(dataset.batch(2**14)))
        columns = {}
        for name in features:
            parts = [batch[name] for batch in batches]
            text = parts[0].dtype == object
            columns[name] = np.concatenate([np.array(p.tolist()) if text else p for p in parts])
        return columns


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
