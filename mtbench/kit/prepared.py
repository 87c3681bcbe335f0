"""Data sets of tensorflow-datasets: whether they are prepared, or can be, and their rows."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sys
import urllib.request
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.errors import DataError, did_you_mean, nearest

_TIMEOUT = 4.0
"""Seconds to wait for the server before it counts as out of reach."""
_FLAT = {"pythonClassName", "description", "tensor", "text", "classLabel", "scalar"}
"""Keys of a feature that is one value, as tensorflow-datasets stores it."""
_ROWS = 2**14
"""Examples that are parsed at once."""


def data_dir() -> Path:
    """Where tensorflow-datasets keeps prepared data."""
    return Path(os.environ.get("TFDS_DATA_DIR") or Path.home() / "tensorflow_datasets")


@dataclass(frozen=True)
class Prepared:
    """A data set of tensorflow-datasets, in the folder for prepared data."""

    config: str
    """Its name, and after a slash that of its configuration."""

    def folder(self) -> Path | None:
        """Where it is prepared, None where it is not.

        The usual case, one version that is there, is seen without importing tensorflow-datasets.
        """
        infos = (data_dir() / self.config).glob("*/dataset_info.json")
        versions = [path.parent for path in infos]
        if len(versions) == 1:
            return versions[0]
        builder = self.builder()
        return Path(builder.data_path) if builder.is_prepared() else None

    def builder(self) -> Any:
        """Its builder.

        Raises:
            DataError: There is no such data set.
        """
        return _builder(self.config, str(data_dir()))

    def features(self) -> dict[str, bool]:
        """Its features by name, and whether each is one value.

        Those of a prepared set are read without importing tensorflow-datasets.
        """
        folder = self.folder()
        try:
            stored = json.loads((folder / "features.json").read_text()) if folder else None
            found = stored["featuresDict"]["features"]  # type: ignore[index]
            return {
                name: {*feature} <= _FLAT
                and not feature.get("tensor", {}).get("shape", {}).get("dimensions")
                for name, feature in found.items()
            }
        except (OSError, ValueError, KeyError, TypeError):
            infos = self.builder().info.features.get_serialized_info()
            return {
                name: not isinstance(info, Mapping) and not info.shape
                for name, info in infos.items()
            }

    def check(self, names: Iterable[str]) -> None:
        """Find what is to be read and is no feature, or not one value.

        Raises:
            DataError: There is such a name.
        """
        known = self.features()
        for name in names:
            if name not in known:
                raise DataError(f"{self.config}: no feature {name!r}{did_you_mean(name, known)}")
            if not known[name]:
                raise DataError(
                    f"{self.config}: feature {name!r}: expected one value in each row, found a "
                    "list or an array"
                )

    def digest(self, archive: Path | None = None) -> str:
        """SHA-256 over its files; prepares them where they are not.

        Args:
            archive: As for `prepare`, which says too what is raised.
        """
        digest = hashlib.sha256()
        folder = self.folder() or Path(self.prepare(archive).data_path)
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            digest.update(f"{self.config}/{file.name}".encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    def prepare(self, archive: Path | None = None) -> Any:
        """Return its builder, after preparing it where that was not done.

        Args:
            archive: What it is made of, if a user brought it.

        Raises:
            DataError: The archive is not the official one, or cannot be fetched.
        """
        builder = self.builder()
        if builder.is_prepared():
            return builder
        import tensorflow_datasets as tfds  # noqa: PLC0415 - as late as `tensorflow` is in plugins

        tfds.disable_progress_bar()
        try:
            with contextlib.redirect_stdout(sys.stderr):  # it prints, and stdout is a report
                builder.download_and_prepare()
        except Exception as error:
            if archive and type(error).__name__ == "NonMatchingChecksumError":  # private
                raise DataError(
                    f"{archive} is not the official archive: its checksum differs"
                ) from error
            raise DataError(f"{self.config} cannot be prepared in {data_dir()}: {error}") from error
        return builder

    def batches(
        self, builder: Any, split: str, names: Collection[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Features in the order of its files, many rows at a time; text as bytes.

        Serialised examples are parsed many at a time too: tfds's own way, one by one, takes 15
        times as long.

        Args:
            builder: What `prepare` gave.
            split: Part of the data set.
            names: Features to read; default: all.

        Raises:
            DataError: A file is damaged.
        """
        infos = builder.info.features.get_serialized_info()
        wanted = infos if names is None else names
        spec = {name: _parser(infos[name]) for name in wanted}
        settings = tf.data.Options()
        settings.autotune.enabled = False  # it can hold up the end for seconds
        files = [str(path) for path in builder.info.splits[split].filepaths]
        examples = tf.data.TFRecordDataset(files).batch(_ROWS).with_options(settings)
        try:
            for batch in examples.map(lambda texts: tf.io.parse_example(texts, spec)):
                yield {
                    name: value.to_list() if isinstance(value, tf.RaggedTensor) else value.numpy()
                    for name, value in batch.items()
                }
        except tf.errors.OpError as error:
            raise DataError(
                f"{builder.data_path} is damaged: remove it, and it is prepared again ({error})"
            ) from error


def in_reach(url: str) -> bool:
    """Whether the server of an address answers; tfds itself would retry for minutes."""
    try:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - tfds's own
        with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310
            return True
    except OSError:
        return False


def _parser(info: Any) -> Any:
    """How to parse a feature that tfds serialised."""
    stored = {"f": tf.float32, "i": tf.int64, "u": tf.int64, "b": tf.int64}
    dtype = stored.get(np.dtype(info.np_dtype).kind, tf.string)
    return tf.io.RaggedFeature(dtype) if info.shape else tf.io.FixedLenFeature([], dtype)


@functools.cache
def _builder(config: str, folder: str) -> Any:
    """Tfds's builder of a config."""
    import tensorflow_datasets as tfds  # noqa: PLC0415 - as late as `tensorflow` is in plugins

    try:
        return tfds.builder(config, data_dir=folder)
    except (ValueError, tfds.core.DatasetNotFoundError) as error:
        name, _, rest = config.partition("/")
        known = tfds.list_builders(with_community_datasets=False)
        if name in known:
            what = f"configuration or version {rest!r}"
        else:
            near = nearest(name, known)
            what = "data set of that name" + (f" (did you mean {near!r}?)" if near else "")
        raise DataError(f"{config}: tensorflow-datasets has no {what}") from error
