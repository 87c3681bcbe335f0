"""Encoded data sets in the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from mtbench.errors import DataError
from mtbench.files import reason

from . import cache
from .cache import cache_dir
from .dataset import Data, Side
from .encoding import Feature
from .interactions import Interactions

CACHE_FORMAT = 4
"""Raised when what lies in the cache changes its form."""


class Source(Protocol):
    """What data come from: a component of the kind `dataset`."""

    def source_digest(self) -> str | None:
        """Digest of the files that `read` would read; None where it is not to be cached."""

    def read(self) -> Data:
        """Read or make the data, without what its filters leave out."""


def load_data(source: Source, key: Mapping[str, Any]) -> Data:
    """Load a dataset, from the cache where it was encoded before.

    What comes from the cache is memory-mapped, also the first time, so that what is in memory does
    not depend on whether it was there.

    Args:
        source: What to load.
        key: What decides it besides the files: name, options and code of the component.
    """
    digest = source.source_digest()
    if digest is None:
        return source.read()
    text = json.dumps([CACHE_FORMAT, key, digest], sort_keys=True)
    folder = cache_dir() / "data" / hashlib.sha256(text.encode()).hexdigest()[:32]
    data = _read(folder)
    if data is None:
        shutil.rmtree(folder, ignore_errors=True)  # damaged, if it is there at all
        data = source.read()
        _write(folder, data)
        data = _read(folder) or data
    return data


@dataclass(frozen=True)
class Cached:
    """A dataset in the cache."""

    place: Path
    what: str
    """Such as `movielens/100k-ratings:0.1.1`."""

    @property
    def folder(self) -> Path:
        """Where all of them lie."""
        return self.place.parent

    @property
    def newest(self) -> str:
        """When it was written, local time, ISO 8601."""
        return datetime.fromtimestamp(self.place.stat().st_mtime).isoformat()

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(path.stat().st_size for path in self.place.iterdir())

    def remove(self) -> None:
        """Remove it; a reader finds all of it, or makes it anew.

        Raises:
            DataError: It cannot be removed.
        """
        try:
            cache.remove(self.place)
        except OSError as error:
            raise DataError(f"{self.place}: cannot be removed: {reason(error)}") from error


def cached() -> list[Cached]:
    """The datasets in the cache, and what is left of those that were not written to their end."""
    found = []
    for place in cache.folders(cache_dir() / "data"):
        data = _read(place)
        found.append(Cached(place, data.source if data else "damaged, or half-written"))
    return found


def _read(folder: Path) -> Data | None:
    """Read what `_write` wrote; None where it is absent or damaged."""
    stored = cache.read(folder)
    if not stored:
        return None
    meta, arrays = stored
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
        context = {
            name: Feature(form, columns[name], arrays[f"context-{n}-names"])
            for n, (name, form) in enumerate(meta["context"])
        }
    except (KeyError, TypeError, ValueError):
        return None
    interactions = Interactions(columns, len(query.ids), len(candidate.ids))
    data = Data(query, candidate, interactions, source, synthetic, tuple(notes), context)
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
        "context": [(name, feature.form) for name, feature in data.context.items()],
    }
    arrays |= {
        f"context-{n}-names": feature.names for n, feature in enumerate(data.context.values())
    }
    for name, side in (("query", data.query), ("candidate", data.candidate)):
        arrays[name] = side.ids
        meta[name] = {"key": side.key, "features": [(k, f.form) for k, f in side.features.items()]}
        for n, feature in enumerate(side.features.values()):
            arrays |= {f"{name}-{n}": feature.values, f"{name}-{n}-names": feature.names}
    cache.write(folder, meta, arrays)
