"""The kind `split`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mtbench.data.parts import Parts

if TYPE_CHECKING:
    from mtbench.data.dataset import Data

from .component import Component


class Split(Component):
    """A way to divide interactions into a training, a test and a validation part."""

    kind: ClassVar[str] = "split"

    def to_validate(self) -> str | None:
        """Say what to change where the options leave no validation part, such as to raise a share.

        None, the default, where they may leave one.
        """
        return None

    def require(self) -> None:
        """Find out, in seconds and without TensorFlow, whether `build` can work.

        Raises:
            DataError: A file that the options name is not there.
        """

    def content(self) -> str | None:
        """Digest of the files that `build` would read, as `Dataset.content`; None without any."""
        return None

    def build(self, data: Data, seed: int) -> Parts:
        """Divide the data.

        The order of the rows in a part is of no account: runs take them up in the data's order.

        Args:
            data: The whole dataset.
            seed: The run's seed; the same one gives the same split.

        Raises:
            DataError: The data cannot be divided so that something is left to train and to test.
        """
        raise NotImplementedError
