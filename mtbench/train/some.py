"""The strategy of some of the tasks, for steps that have nothing of the others to learn from."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.errors import MtbenchError

from .state import state_of, variables_of

Tensor = Any
MOST_SUBSETS = 64
"""Sets of tasks that a graph has a branch for: all of six tasks that may be absent."""


def subsets_without(may_lack: Sequence[int], tasks: int) -> list[tuple[int, ...]]:
    """The sets of tasks that are there where some are not: neither all tasks nor none.

    Of more than six tasks that may be absent, only the sets that lack few of them, as many as
    `MOST_SUBSETS` allows.
    """
    most, number = 0, 1
    while most < len(may_lack) and number + math.comb(len(may_lack), most + 1) <= MOST_SUBSETS:
        most += 1
        number += math.comb(len(may_lack), most)
    return [
        there
        for lacking in range(1, most + 1)
        for absent in itertools.combinations(may_lack, lacking)
        if (there := tuple(i for i in range(tasks) if i not in absent))
    ]


class Some:
    """A strategy that was built for some of the tasks, and their part of the state of all.

    The variables of both are pairs. A dimension of a variable that is as long as there are tasks,
    here and there, is one of tasks: `load` takes the elements of these tasks, `store` puts them
    back and leaves those of the others. Any other dimension has to be the same.

    Args:
        name: Of the strategy, for errors.
        whole: What its `build` returned for all tasks.
        part: What it returned for these.
        positions: Theirs among all.
        tasks: Number of all.

    Attributes:
        strategy: What was built for these tasks.
        variables: Its variables.

    Raises:
        MtbenchError: The variables are no pairs.
    """

    def __init__(
        self, name: str, whole: Any, part: Any, positions: tuple[int, ...], tasks: int
    ) -> None:
        self.strategy, self.positions = part, positions
        everything, self.variables = (variables_of(state_of(each)) for each in (whole, part))
        shapes = [[tuple(v.shape) for v in each] for each in (everything, self.variables)]
        both = zip(*shapes, strict=False)
        axes = [_axes(a, b, tasks, len(positions)) for a, b in both]
        dims = [tuple(each) for each in axes if each is not None]
        if len(everything) != len(self.variables) or len(dims) < len(axes):
            raise MtbenchError(
                f"weighting {name!r}: expected the state of {len(positions)} of {tasks} tasks to "
                f"be a part of that of all, found variables of shapes {shapes[1]} and {shapes[0]}: "
                "let a dimension be the number of tasks, or not depend on it"
            )
        self._pairs = [*zip(everything, self.variables, dims, strict=True)]
        self._there = np.isin(np.arange(tasks), positions)
        self._place = np.maximum(np.cumsum(self._there) - 1, 0)

    @property
    def trainable(self) -> list[Any]:
        """The trainable variables."""
        return [variable for variable in self.variables if variable.trainable]

    @property
    def trainable_axes(self) -> list[tuple[int, ...]]:
        """Which dimensions of the trainable variables are of tasks."""
        return [axes for _, part, axes in self._pairs if part.trainable]

    def load(self) -> None:
        """Take these tasks' part of the state."""
        for whole, part, axes in self._pairs:
            value = tf.convert_to_tensor(whole)
            for axis in axes:
                value = self.of(value, axis)
            part.assign(value)

    def store(self) -> None:
        """Put it back; what is of no task is of all."""
        for whole, part, axes in self._pairs:
            whole.assign(self.spread(part, axes, tf.convert_to_tensor(whole)))

    def of(self, values: Tensor, axis: int = 0) -> Tensor:
        """These tasks' elements of a tensor, along one dimension."""
        return tf.gather(values, list(self.positions), axis=axis)

    def spread(
        self, values: Tensor, axes: tuple[int, ...] = (0,), others: Tensor | None = None
    ) -> Tensor:
        """Elements of these tasks as those of all, along some dimensions.

        Args:
            values: Of these tasks.
            axes: The dimensions of tasks.
            others: What the other elements are; default: 0.
        """
        values = tf.convert_to_tensor(values)
        there = np.ones([1] * len(values.shape), bool)
        for axis in axes:
            values = tf.gather(values, self._place, axis=axis)
            shape = [1] * len(values.shape)
            shape[axis] = len(self._there)
            there = there & self._there.reshape(shape)
        return tf.where(there, values, tf.zeros_like(values) if others is None else others)

    def spread_slopes(self, slopes: Sequence[Tensor]) -> list[Tensor]:
        """Gradients of the trainable variables as those of all tasks'."""
        pairs = zip(slopes, self.trainable_axes, strict=True)
        return [self.spread(slope, axes) for slope, axes in pairs]


def _axes(
    whole: tuple[int | None, ...], part: tuple[int | None, ...], tasks: int, some: int
) -> list[int] | None:
    """Which dimensions of two shapes are of tasks; None where another one differs."""
    if len(whole) != len(part):
        return None
    axes = [axis for axis, pair in enumerate(zip(whole, part, strict=True)) if pair[0] != pair[1]]
    return axes if all((whole[i], part[i]) == (tasks, some) for i in axes) else None
