"""Any flat data set of tensorflow-datasets, a row for each interaction."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import tensorflow_datasets
from pydantic import Field, model_validator

import mtbench
from mtbench.data import RESERVED, Coded, ColumnName, Ids, Known, Numbers, Raw, as_text
from mtbench.data.tables import ROW
from mtbench.kit import Prepared, data_dir, in_reach

Form = Literal["categorical", "numeric"]


class Archive(NamedTuple):
    """What a data set is made of, where tensorflow-datasets has no checksum of it."""

    url: str
    """Whence tensorflow-datasets fetches it."""
    columns: tuple[str, ...]
    """Its first line."""

    @property
    def name(self) -> str:
        """How the file is called."""
        return self.url.rpartition("/")[2]


ARCHIVES = {
    "hillstrom": Archive(
        "http://www.minethatdata.com/Kevin_Hillstrom_MineThatData_E-MailAnalytics_"
        "DataMiningChallenge_2008.03.20.csv",
        (
            *("recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie"),
            *("channel", "segment", "visit", "conversion", "spend"),
        ),
    ),
    "criteo": Archive(
        "http://go.criteo.net/criteo-research-uplift-v2.1.csv.gz",
        (*(f"f{n}" for n in range(12)), "treatment", "conversion", "visit", "exposure"),
    ),
}


class Tfds(mtbench.Dataset):
    """A data set that tensorflow-datasets prepares, such as `hillstrom` or `criteo`.

    It has to be flat: one number or text a feature. What is a user and what an item is yours to
    say; where a row is one of a user of its own, `"#row"` numbers them, and features say who it is.
    """

    name = "tfds"
    config: str = Field("hillstrom", pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")
    """The data set, and after a slash its configuration, as tensorflow-datasets calls it."""
    splits: tuple[str, ...] = Field(("train",), min_length=1)
    """Parts of the data set to read, one after the other."""
    query: str = ROW
    """Feature with the id of the user; `"#row"` makes each row a user of its own."""
    candidate: str = "segment"
    """Feature with the id of the item; `"#row"` makes each row an item of its own."""
    columns: dict[ColumnName, str] = Field({"visit": "visit"}, min_length=1)
    """Labels to read, by the name that tasks use; a `timestamp` is in seconds."""
    query_features: dict[str, Form] = Field({})
    """Form of each feature of the users: `categorical` or `numeric`. Rows of one user agree."""
    candidate_features: dict[str, Form] = Field({})
    """Form of each feature of the items."""

    @model_validator(mode="after")
    def _distinct(self) -> Tfds:
        if self.query == self.candidate != ROW:
            raise ValueError(f"expected two features of ids, found {self.query!r} twice")
        for name in RESERVED:
            if name in self.columns:
                raise ValueError(f"columns: expected a name of your own, found {name!r}")
        for side in ("query", "candidate"):
            if getattr(self, side) in getattr(self, f"{side}_features"):
                raise ValueError(f"{side}_features: expected features, found the id")
        return self

    def require(self) -> None:
        """Check that it is prepared, or can be, and has what is to be read."""
        prepared = Prepared(self.config)
        prepared.check(self._names())
        if prepared.folder():
            return
        archive = ARCHIVES.get(self.config)
        urls = [archive.url] if archive else [*(prepared.builder().url_infos or ())]
        fetched = archive is not None and _place(archive).is_file()
        if fetched or not urls or in_reach(urls[0]):
            return
        bring = f"\n  - bring the file: mtbench data import {archive.name}" if archive else ""
        raise mtbench.DataError(
            f"{self.config} is not prepared in {data_dir()}, and its server is out of reach. "
            f"{'Two ways' if archive else 'The way'} out:\n"
            "  - name a tensorflow-datasets folder that has it: --data-dir DIR or TFDS_DATA_DIR"
            f"{bring}"
        )

    def source_digest(self) -> str:
        """SHA-256 over the prepared files; prepares them where they are not."""
        return Prepared(self.config).digest()

    def load(self) -> mtbench.Data:
        """Read the rows."""
        prepared = Prepared(self.config)
        prepared.check(self._names())
        builder = prepared.prepare()
        for split in self.splits:
            if split not in builder.info.splits:
                raise mtbench.DataError(
                    f"{self.config}: no part {split!r} (it has {', '.join(builder.info.splits)})"
                )
        rows = _joined(
            batch
            for split in self.splits
            for batch in prepared.batches(builder, split, self._names())
        )
        infos = builder.info.features
        return mtbench.Data.encode(
            query=self._side("query", rows, infos),
            candidate=self._side("candidate", rows, infos),
            columns={name: self._label(name, rows[key]) for name, key in self.columns.items()},
            source=str(builder.info.full_name),
        )

    @classmethod
    def bring(cls, archive: Path) -> Path | None:
        """Take in a file known by its name, after a look at its first line."""
        known = next((each for each in ARCHIVES.values() if each.name == archive.name), None)
        if known is None:
            return None
        open_text = gzip.open if archive.suffix == ".gz" else open
        try:
            with open_text(archive, "rt", encoding="utf-8-sig", newline="") as stream:
                found = tuple(next(csv.reader(stream), ()))
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise mtbench.DataError(f"{archive} cannot be read: {error}") from error
        if found != known.columns:
            raise mtbench.DataError(
                f"{archive} is not the official file: expected the columns "
                f"{','.join(known.columns)}, found {','.join(found)[:100] or 'none'}"
            )
        return _bring(archive, known)

    def _names(self) -> list[str]:
        """Features to read."""
        named = (self.query, self.candidate, *self.columns.values())
        names = dict.fromkeys((*named, *self.query_features, *self.candidate_features))
        return [name for name in names if name != ROW]

    def _label(self, name: str, values: np.ndarray) -> np.ndarray:
        """A label as float32, a time as int64 seconds."""
        if values.dtype.kind == "O":
            raise mtbench.DataError(
                f"{self.config}: feature {self.columns[name]!r}: expected numbers for the label "
                f"{name!r}, found text such as {values[0].decode(errors='replace')!r}"
            )
        return np.asarray(values, np.int64 if name == "timestamp" else np.float32)

    def _side(self, side: str, rows: Mapping[str, np.ndarray], infos: Any) -> Ids:
        """The ids of a side, and what is known of them."""
        key: str = getattr(self, side)
        forms: Mapping[str, Form] = getattr(self, f"{side}_features")
        if key == ROW:
            number = len(next(iter(rows.values())))
            ids = Coded(np.arange(number, dtype=np.int32), np.arange(number, dtype=np.int32))
            first = ids.codes
        else:
            numbers: Numbers[Any] = Numbers()
            codes = numbers.of(_texts(rows[key], infos[key]).tolist())
            ids = Coded(np.array([*numbers]), codes)
            first = np.unique(codes, return_index=True)[1]
        features = {}
        for name, form in forms.items():
            values = rows[name]
            if (differ := values[first][ids.codes] != values).any():
                raise mtbench.DataError(
                    f"{self.config}: feature {name!r}: expected one value for each {key}, found "
                    f"two for {str(as_text(ids.ids)[ids.codes[differ.argmax()]])!r}"
                )
            features[name] = _feature(form, values[first], infos[name], f"{self.config}: {name}")
        known = Known(ids.ids, features) if features else None
        return Ids(f"{side}_row" if key == ROW else key, ids, known)


def _joined(batches: Iterator[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Batches as one."""
    parts: dict[str, list[np.ndarray]] = {}
    for batch in batches:
        for name, values in batch.items():
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(parts.pop(name)) for name in list(parts)}


def _texts(values: np.ndarray, info: Any) -> np.ndarray:
    """Values as text or integers, classes by their names."""
    names: Sequence[str] = getattr(info, "names", None) or ()
    if names:
        return np.asarray(np.array([*names, ""])[values])  # tfds has -1 for none
    return np.array(values.tolist()) if values.dtype.kind == "O" else values


def _feature(form: Form, values: np.ndarray, info: Any, what: str) -> Raw:
    """A feature of a side."""
    if form == "categorical":
        return Raw(form, _texts(values, info))
    if values.dtype.kind == "O":
        raise mtbench.DataError(f"{what}: expected numbers, found text: it is `categorical`")
    return Raw(form, values)


def _place(archive: Archive) -> Path:
    """Where tensorflow-datasets looks for what it has fetched from an address."""
    names = tensorflow_datasets.core.download.resource
    return data_dir() / "downloads" / str(names.get_dl_fname(archive.url))


def _bring(path: Path, archive: Archive) -> Path:
    """Put a file there, with the note that tensorflow-datasets writes beside it."""
    download, place = tensorflow_datasets.core.download, _place(archive)
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f"{place.name}.tmp")
    shutil.copyfile(path, temporary)
    temporary.replace(place)
    download.resource.write_info_file(
        url=archive.url,
        path=place,
        dataset_name="mtbench",
        original_fname=archive.name,
        url_info=download.checksums.compute_url_info(place),
    )
    return place


@mtbench.hookimpl
def mtbench_datasets() -> list[type[mtbench.Dataset]]:
    """Offer the dataset."""
    return [Tfds]
