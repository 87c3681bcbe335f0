"""The kind `tower`, and what one may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from mtbench.data.encoding import Feature

from .component import Component, Tensor


@dataclass(frozen=True)
class Features:
    """What a tower may look at: one side's features."""

    key: str
    """Name of the id feature."""
    num_values: Mapping[str, int]
    """For the id, and each categorical or multi-hot feature, its number of values: an id or a
    category is an integer 0 ≤ x < `num_values`, a multi-hot feature a row of so many 0 and 1."""
    columns: Mapping[str, Feature] = field(default_factory=dict)
    """All features but the id, with a row for each id of the side."""
    num_other: int = 0
    """Number of ids of the other side, which a query's history is made of; 0 if unknown."""
    context: Mapping[str, Feature] = field(default_factory=dict)
    """Of the query side what is known of each interaction before its outcome, with a row for each
    interaction of the data: a tower names in `needs` what of it it reads."""


class Tower(Component):
    """A network from the features of one side, query or candidate, to an embedding."""

    kind: ClassVar[str] = "tower"
    sides: ClassVar[tuple[str, ...]] = ("query", "candidate")
    """Which side it can be the tower of; a tower of histories is one of queries."""

    def needs(self) -> tuple[str, ...]:
        """Return what the tower reads besides its side's features.

        `history`: for each example, int32, how many training interactions its query has before it
        (by timestamp, equal ones in the order of the data); in evaluation, how many it has at all.
        Any other name is one of the data's context. A tower that needs something is more than a
        function of the id: its `by_id` is False; and it is one of queries.
        """
        return ()

    def embedding_size(self) -> int | None:
        """Size of the embedding, where the options say it; default: the option `embedding_dim`."""
        size = getattr(self, "embedding_dim", None)
        return size if isinstance(size, int) else None

    def share_unknown(self) -> float:
        """Share of the ids of a batch that training replaces by an unknown one, 0 for none.

        Default: the option `unknown_share`, where there is one. Above 0 `Features.num_values` of
        the id is one more than there are ids, and the last stands for those without a training row.
        """
        return float(getattr(self, "unknown_share", 0.0))

    @property
    def by_id(self) -> bool:
        """Whether the embedding is a function of the id and its fixed features alone.

        If so the tower is called once for each distinct id of a batch. A tower with dropout, or
        with context that differs between two examples of one user, answers False.
        """
        return True

    def build(self, features: Features, tasks: Sequence[str]) -> Callable[..., Tensor]:
        """Make the layer.

        Args:
            features: The features of this side.
            tasks: Names of all tasks of the suite.

        Returns:
            A Keras layer or another callable; called with `{feature: tensor}` and `training`, it
            gives a float32 tensor `[n, embedding_dim]`, or a dictionary of one for each task. The
            id and categorical features are int32 `[n]`, numeric ones float32 `[n]`, multi-hot ones
            float32 `[n, num_values]`, vectors float32 `[n, length]`; and the columns that `needs`
            names come as they are. An object may have `adapt(train)`, as a `Head`.
        """
        raise NotImplementedError
