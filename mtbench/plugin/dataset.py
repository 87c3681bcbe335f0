"""The kind `dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mtbench.data.filters import Filters, filtered

if TYPE_CHECKING:
    from pathlib import Path

    from mtbench.data.dataset import Data

from .component import Component


class Dataset(Component):
    """Interactions between queries (users) and candidates (movies)."""

    kind: ClassVar[str] = "dataset"
    filters: Filters | None = None
    """Which interactions count: least numbers of a user's and of an item's, a range of time, ranges
    of labels. Default: all."""

    def require(self) -> None:
        """Find out, in seconds and without TensorFlow, whether `load` can work.

        Raises:
            DataError: The data is not there; the message says how to get it.
        """

    def source_digest(self) -> str | None:
        """Digest of the files `load` would read.

        Together with the options it keys the cache on disk. `None`, the default, means that the
        result is not cached.
        """
        return None

    def content(self) -> str | None:
        """Digest of what `load` would read, where the options do not say which content it has.

        It is part of what decides a run's result: with another one its runs are to be done again.
        Asked without TensorFlow. None, the default, for data that its options name.
        """
        return None

    def load(self) -> Data:
        """Read or make the data, features as integers.

        The result depends on the options alone, not on a run's seed, so that every seed of a suite
        sees the same data.
        """
        raise NotImplementedError

    def where(self, column: str) -> str:
        """Say what a suite has to say for `load` to read a column of the interactions.

        A clause for a message, asked where something reads a column that the data lacks. Empty, the
        default, where no option decides what is read.
        """
        return ""

    def read(self) -> Data:
        """What `load` gives, without what the filters leave out.

        Raises:
            DataError: They leave too little.
        """
        return filtered(self.load(), self.filters)

    @classmethod
    def at_hand(cls) -> str | None:
        """Say, in seconds and without TensorFlow, what of it is on this machine, and where.

        One line, for `mtbench doctor`. None, the default, for what needs no preparation.
        """
        return None

    @classmethod
    def bring(cls, archive: Path) -> Path | None:
        """Check an archive a user has, and put it where `load` looks for it.

        Returns:
            Where it lies now; None for an archive that is not of this dataset.

        Raises:
            DataError: It is meant to be, but is not the official one.
        """
        return None

    def stand_in(self) -> Mapping[str, Any] | None:
        """Return the `dataset:` section that `--synthetic` puts in place of this one, if any."""
        return None
