"""Several files of one form, read as one table."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtbench.config.options import SuitePath

from .file import TableFile, TableReader
from .quotes import Breaks


class TableFiles(TableFile):
    """A table in one file, or in several of one form."""

    further: tuple[SuitePath, ...] = ()
    """Further files of the same columns, whose rows follow those of the first."""

    def reader(self) -> TableReader:
        """What reads it."""
        return TablesReader(self, self.further) if self.further else TableReader(self)

    def digest(self) -> str:
        """The digests of all its files, one after the other.

        Raises:
            DataError: One is absent.
        """
        paths = (self.path, *self.further)
        return "".join(digest_of(self.model_copy(update={"path": path})) for path in paths)


class TablesReader(TableReader):
    """Reads the rows of files that have the same columns, one file after the other.

    Args:
        file: The first, whose options are those of all.
        further: The paths of the others.
    """

    def __init__(self, file: TableFile, further: Iterable[str]) -> None:
        super().__init__(file)
        others = [file.model_copy(update={"path": path}) for path in further]
        self._readers = [TableReader(each) for each in (file, *others)]
        self._sizes: list[int] = []

    def digest(self) -> str:
        """SHA-256 over the files, in their order."""
        digests = "".join(reader.digest() for reader in self._readers)
        return hashlib.sha256(digests.encode()).hexdigest()

    def check(self, wanted: Mapping[str, str]) -> None:
        """Find what is wrong with any of them before rows are read."""
        for reader in self._readers:
            reader.check(wanted)

    def batches(self, wanted: Sequence[str], first: bool = False) -> Iterator[Mapping[str, Any]]:
        """Read columns of all, many rows at a time."""
        self._sizes = []
        for reader in self._readers:
            self._sizes.append(0)
            for batch in reader.batches(wanted, first):
                self._sizes[-1] += len(batch[wanted[0]])
                yield batch

    @property
    def breaks(self) -> Breaks:
        """Line breaks within quotes of all, and where the first file with one has it."""
        found = [reader.breaks for reader in self._readers]
        first = next((each.first for each in found if each.number), 0)
        return Breaks(sum(each.number for each in found), first)

    def places(self, rows: Iterable[int]) -> dict[int, str]:
        """Return where some of the rows that were read are."""
        wanted, start = set(rows), 0
        places: dict[int, str] = {}
        for reader, size in zip(self._readers, self._sizes, strict=False):
            if own := [row - start for row in wanted if start <= row < start + size]:
                places |= {row + start: place for row, place in reader.places(own).items()}
            start += size
        return places


def digest_of(file: TableFile) -> str:
    """SHA-256 of a file, kept while its size and time of change stay.

    Raises:
        DataError: There is no such file.
    """
    try:
        status = Path(file.path).expanduser().stat()
    except OSError:
        return TableReader(file).digest()  # which says what is wrong
    return _digest_of(file.path, status.st_size, status.st_mtime_ns)


@functools.cache
def _digest_of(path: str, size: int, changed: int) -> str:
    return TableReader(TableFile(path=path)).digest()
