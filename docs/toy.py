"""Draw every strategy on a problem of two tasks: `python docs/toy.py docs/toy.svg`.

The problem is that of CAGrad (Liu et al., NeurIPS 2021) in the form of Nash-MTL (Navon et al., ICML
2022), with its five starts: two parameters, the first loss multiplied by 0.1. Adam has the papers'
learning rate, 1e-3, and the 100,000 steps of CAGrad's code. The second loss has the sign of
`tanh` that both papers' code has, where their text has the other.

The losses fall to -2 and -20, and many strategies need positive ones. Every strategy is therefore
given L_i - b_i, with the lower bounds b = (-2.1, -21) of FAMO's code for this problem. That moves
the front and does not change its shape; pictures and distances are those of L_i.

All options have their defaults. An epoch, for the strategies that count them, has 1,000 steps.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rich.console import Console
from rich.table import Table

from mtbench.plugin.registry import installed
from mtbench.plugin.weighting import LossWeighting, Weighting
from mtbench.testing.tiny import TinyTask
from mtbench.train.forms import Weighed
from mtbench.train.gradients import TaskGradients
from mtbench.train.state import state_of, variables_of
from mtbench.train.weigher import Weigher

Tensor = Any

STARTS = ((-8.5, 7.5), (0.0, 0.0), (9.0, 9.0), (-7.5, -0.5), (9.0, -1.0))
SCALE = np.array([0.1, 1.0])
"""Factor of each loss."""
BOUNDS = -21.0 * SCALE
"""b: below every value of the losses."""
LEARNING_RATE = 1e-3
"""Of the parameters, and of a strategy's variables where it has no such option."""
STEPS, EPOCH, RECORD = 100_000, 1_000, 100
"""Steps of a descent, of an epoch, and from one recorded point to the next."""
TOLERANCE = 0.01
"""At this distance from the front a descent has reached it; 1 is the front's extent."""
NOT_COMPILED = ("graddrop", "rlw")
"""Strategies that draw: with XLA their draws would follow no seed."""

COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")
COLUMNS = 5
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "toy",
    "path.simplify_threshold": 1.0,
    "font.size": 8,
    "axes.edgecolor": "#999999",
    "axes.labelcolor": "#444444",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
}


def losses(theta: Tensor) -> Tensor:
    """Both losses, float64 `[…, 2]`, of the parameters, float64 `[…, 2]`."""
    x, y = tf.unstack(theta, axis=-1)
    upper, lower = (tf.maximum(tf.tanh(sign * 0.5 * y), 0.0) for sign in (1.0, -1.0))
    valleys = (0.5 * (-x - 7.0) - tf.tanh(-y), 0.5 * (-x + 3.0) + tf.tanh(-y) + 2.0)
    bowls = ((-x + 7.0) ** 2, (-x - 7.0) ** 2)
    found = [
        upper * (tf.math.log(tf.maximum(tf.abs(valley), 5e-6)) + 6.0)
        + lower * ((bowl + 0.1 * (-y - 8.0) ** 2) / 10.0 - 20.0)
        for valley, bowl in zip(valleys, bowls, strict=True)
    ]
    return SCALE * tf.stack(found, -1)


def pareto_set(points: int = 1001) -> np.ndarray:
    """Parameters of the Pareto front, float64 `[points, 2]`.

    They lie where y < 0 and -7 ≤ x ≤ 7. There L_i = c q_i, with c = tanh(-y / 2) and a quadratic
    q_i, and the two gradients are opposite where
    c' (20 - (y + 8)² / 100 - (49 - x²) / 10) = 0.02 c (y + 8): for every x at one y, a little below
    -8.
    """
    x = np.linspace(-7.0, 7.0, points)
    low, high = np.full(points, -9.0), np.full(points, -8.0)
    for _ in range(60):  # bisection
        y = 0.5 * (low + high)
        c = np.tanh(-0.5 * y)
        slope = -0.5 * (1.0 - c**2)
        depth = 20.0 - (y + 8.0) ** 2 / 100.0 - (49.0 - x**2) / 10.0
        above = slope * depth > 0.02 * c * (y + 8.0)
        low, high = np.where(above, y, low), np.where(above, high, y)
    return np.stack([x, y], 1)


def front() -> np.ndarray:
    """Losses along the Pareto front, float64 `[points, 2]`."""
    return losses(tf.constant(pareto_set())).numpy()


def distance(found: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Distance of losses `[…, 2]` to the front, each loss in units of the front's extent."""
    extent = curve.max(0) - curve.min(0)
    return np.linalg.norm((found[..., None, :] - curve) / extent, axis=-1).min(-1)


def steps_to_front(found: np.ndarray, curve: np.ndarray) -> int | None:
    """Steps after which a descent has reached the front and stays; None where it does not."""
    outside = np.flatnonzero(distance(found, curve) > TOLERANCE)
    first = outside[-1] + 1 if outside.size else 0
    return int(first) * RECORD if first < len(found) else None


def strategies() -> dict[str, Weighting]:
    """Every registered strategy with its default options, by name."""
    return {cls.name: cls() for cls, _ in installed() if issubclass(cls, Weighting)}


def adam(moments: Tensor, gradient: Tensor, step: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """Adam for a vector.

    Args:
        moments: Means of the gradient and of its square, `[2, elements]`.
        gradient: `[elements]`.
        step: Number of the step, from 1.
        rate: Learning rate.

    Returns:
        The new moments, and what to add to the vector.
    """
    keep = tf.constant([[0.9], [0.999]], moments.dtype)
    moments = keep * moments + (1.0 - keep) * tf.stack([gradient, gradient**2])
    mean, square = tf.unstack(moments / (1.0 - keep ** tf.cast(step, keep.dtype)))
    return moments, -rate * mean / (tf.sqrt(square) + 1e-8)


def _formed(theta: Tensor) -> tuple[Tensor, TaskGradients]:
    """Losses above their bounds, float32 `[2]`, and their gradients."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(theta)
        found = tf.unstack(losses(theta))
    rows = [tf.cast(tape.gradient(loss, theta), tf.float32) for loss in found]
    return tf.cast(tf.stack(found) - BOUNDS, tf.float32), TaskGradients([rows], 2, [theta.shape])


class Descent:
    """Adam on the problem, with one strategy.

    The state of the parameters is carried through the loops in tensors: for new values of variables
    XLA may compile anew. It is the number of steps made, the parameters, and their moments.

    Args:
        weighting: The strategy.
    """

    def __init__(self, weighting: Weighting) -> None:
        self._weigher = Weigher(weighting, {f"task_{i}": TinyTask() for i in range(2)}, [2])
        state = variables_of(state_of(self._weigher.strategy))
        self._weigher.variables = [variable for variable in state if variable.trainable]
        self._moments = [tf.Variable(tf.zeros([2, tf.size(v)])) for v in self._weigher.variables]
        self._rate = getattr(weighting, "learning_rate", None) or LEARNING_RATE
        self._initial = [(variable, variable.numpy()) for variable in (*state, *self._moments)]
        compiled = weighting.name not in NOT_COMPILED
        self._advance = tf.function(self._go, autograph=False, jit_compile=compiled)

    def run(self, start: Sequence[float], steps: int = STEPS) -> np.ndarray:
        """Go down from a start, the strategy fresh.

        Args:
            start: The parameters.
            steps: A multiple of `EPOCH`.

        Returns:
            The losses before every `RECORD` steps, and at the end, float64 `[points, 2]`.
        """
        tf.random.set_seed(0)
        for variable, value in self._initial:
            variable.assign(value)
        ended = getattr(self._weigher.strategy, "epoch_ended", None)
        state = (tf.constant(0), tf.constant(start, tf.float64), tf.zeros([2, 2], tf.float64))
        found, size = [], EPOCH if ended else steps
        for last in range(size, steps + 1, size):
            state, points = self._advance(state, size // RECORD)
            found.append(points.numpy())
            if ended and last < steps:
                ended(tf.constant(np.mean(found[-1] - BOUNDS, 0), tf.float32))
        return np.concatenate([*found, [losses(state[1]).numpy()]])

    def _go(self, state: Any, records: int) -> tuple[Any, Tensor]:
        """Make `RECORD` steps `records` times; return the state and the losses before each."""

        def some(i: Tensor, state: Any, points: Tensor) -> tuple[Tensor, Any, Tensor]:
            points = points.write(i, losses(state[1]))
            _, state = tf.while_loop(
                lambda j, _: j < RECORD, lambda j, state: (j + 1, self._step(*state)), (0, state)
            )
            return i + 1, state, points

        points = tf.TensorArray(tf.float64, records, element_shape=[2])
        _, state, points = tf.while_loop(lambda i, *_: i < records, some, (0, state, points))
        return state, points.stack()

    def _step(self, step: Tensor, theta: Tensor, moments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Make a step."""
        before, gradients = _formed(theta)
        weighed = (
            self._weigh_batches(theta, before, gradients)
            if self._weigher.several
            else self._weigher(before, gradients)
        )
        update, own = weighed.update, weighed.own
        if weighed.weights is not None:
            (update,) = gradients.combine(tf.reduce_sum(tf.reshape(weighed.weights, [-1, 2]), 0))
        moments, change = adam(moments, tf.cast(update, theta.dtype), step + 1, LEARNING_RATE)
        theta += change
        if hasattr(self._weigher.strategy, "after_step"):
            after = tf.cast(losses(theta) - BOUNDS, tf.float32)
            own = self._weigher.after_step(before, after)
        self._move_own(own, step + 1)
        return step + 1, theta, moments

    def _weigh_batches(self, theta: Tensor, before: Tensor, gradients: TaskGradients) -> Weighed:
        """Weights of several batches: all are one, since nothing here is drawn."""
        strategy = self._weigher.several
        rows, each = [before] * strategy.batches, [gradients] * strategy.batches
        if strategy.ahead:
            weights, there, at = self._weigher.step_ahead(), theta, gradients
            for _ in range(strategy.ahead.steps):
                there -= tf.cast(at.combine(weights)[0], theta.dtype)
                after, at = _formed(there)
            if strategy.ahead.of == "losses":
                rows.append(after)
            else:
                rows[1:], each[1:] = [after] * (len(rows) - 1), [at] * (len(each) - 1)
        products = lambda one, other: each[one].inner(each[other])  # noqa: E731
        return self._weigher.weigh_batches(tf.stack(rows), products)

    def _move_own(self, gradients: Sequence[Tensor], step: Tensor) -> None:
        """Move the strategy's own variables."""
        for variable, moments, gradient in zip(
            self._weigher.variables, self._moments, gradients, strict=True
        ):
            new, change = adam(moments, tf.reshape(gradient, [-1]), step, self._rate)
            moments.assign(new)
            variable.assign_add(tf.reshape(change, variable.shape))


def panel(axes: Any, name: str, runs: Sequence[np.ndarray], curve: np.ndarray) -> None:
    """Draw a strategy's descents in loss space."""
    axes.plot(*curve.T, color="#bbbbbb", linewidth=6, solid_capstyle="round", zorder=1)
    reached = 0
    for run, color in zip(runs, COLORS, strict=True):
        there = steps_to_front(run, curve) is not None
        reached += there
        axes.plot(*run[::3].T, color=color, linewidth=0.9, zorder=2)
        axes.plot(*run[0], "o", color="white", markeredgecolor=color, markersize=4.5, zorder=3)
        style = {"marker": "o", "markeredgecolor": "white"} if there else {"marker": "X"}
        axes.plot(*run[-1], color=color, markersize=6.5 if there else 7.5, zorder=4, **style)
    axes.set_title(name, loc="left", fontsize=9, fontweight="bold", pad=3)
    axes.set_title(
        f"{reached} of {len(runs)}",
        loc="right",
        fontsize=8,
        pad=3,
        color="#008060" if reached == len(runs) else "#b03000",
    )
    axes.grid(color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)


def legend(figure: Any) -> None:
    """Explain the marks."""
    none = {"linestyle": "none", "color": "#555555"}
    marks = [
        Line2D([], [], color="#bbbbbb", linewidth=6, label="Pareto front"),
        Line2D([], [], marker="o", markerfacecolor="white", label="start", **none),
        Line2D([], [], marker="o", label="end, on the front", **none),
        Line2D([], [], marker="X", markersize=7.5, label="end, elsewhere", **none),
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=4, frameon=False, fontsize=9)


def draw(found: dict[str, list[np.ndarray]], target: str) -> None:
    """Draw a panel for each strategy: those of losses, then those of gradients."""
    kinds = strategies()
    by_loss = [name for name in found if isinstance(kinds[name], LossWeighting)]
    groups = {
        "Strategies that see the losses": by_loss,
        "Strategies that see the gradients": [name for name in found if name not in by_loss],
    }
    groups = {title: names for title, names in groups.items() if names}
    rows = [-(-len(names) // COLUMNS) for names in groups.values()]
    curve = front()
    with mpl.rc_context(STYLE):
        figure = Figure((11, 0.5 + 2.0 * sum(rows)), facecolor="white", layout="constrained")
        parts = figure.subfigures(len(rows), 1, height_ratios=rows, squeeze=False)[:, 0]
        for part, count, (title, names) in zip(parts, rows, groups.items(), strict=True):
            part.suptitle(title, fontsize=11, x=0.01, ha="left")
            grid = part.subplots(count, COLUMNS, sharex=True, sharey=True, squeeze=False)
            for axes in grid.flat[len(names) :]:
                axes.set_axis_off()
            for axes, name in zip(grid.flat, names, strict=False):
                panel(axes, name, found[name], curve)
            for axes in grid[:, 0]:
                axes.set_ylabel("$L_2$")
                axes.set_yticks([-20, -10, 0])
            for axes in grid[-1]:
                axes.set_xlabel("$L_1$")
        legend(figure)
        figure.savefig(target, metadata={"Date": None} if target.endswith(".svg") else None)


def table(found: dict[str, list[np.ndarray]]) -> Table:
    """After how many thousand steps each descent has reached the front, or how far it ended."""
    curve = front()
    made = Table(
        caption=f"Thousand steps, of {STEPS // 1000}, until a descent has reached the front and "
        "stays; in brackets, where it has not, its distance at the end in units of the front's "
        "extent."
    )
    made.add_column("strategy")
    for x, y in STARTS:
        made.add_column(f"{x:g}, {y:g}", justify="right")
    made.add_column("front")
    for name, runs in found.items():
        reached = [steps_to_front(run, curve) for run in runs]
        cells = [
            f"({distance(run[-1], curve):.2f})" if steps is None else f"{steps / 1000:.1f}"
            for run, steps in zip(runs, reached, strict=True)
        ]
        made.add_row(name, *cells, f"{sum(s is not None for s in reached)} of {len(runs)}")
    return made


def main(target: str) -> None:
    """Run every strategy from every start, print the table and draw the picture."""
    found = {}
    for name, weighting in strategies().items():
        descent = Descent(weighting)
        found[name] = [descent.run(start) for start in STARTS]
    Console().print(table(found))
    draw(found, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
