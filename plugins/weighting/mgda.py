"""Multiple gradient descent (Désidéri, 2012; Sener and Koltun, NeurIPS 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import tensorflow as tf

import mtbench
from mtbench.kit import solvers


class MGDA(mtbench.GramianWeighting):
    """The shortest vector in the convex hull of the gradients: no task gets worse along it.

    w minimises ‖Σ_i w_i g_i‖² on the simplex (Sener and Koltun, eq. 3). The gradients can be
    normalised first, as in the authors' code.
    """

    name = "mgda"
    degree = 1
    most_tasks = solvers.MOST_TASKS
    normalization: Literal["none", "l2", "loss", "loss+"] = "none"
    """Divide each gradient by nothing, its length, its loss, or both."""
    gradients: Literal["exact", "outputs"] = "exact"
    """`outputs`: by the towers' outputs in place of their parameters (MGDA-UB): cheaper and only
    approximate, since ids repeat."""

    @property
    def at_outputs(self) -> bool:
        """Whether gradients are those by the towers' outputs."""
        return self.gradients == "outputs"

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""

        def weigh(losses: Any, gramian: Any) -> Any:
            lengths = tf.sqrt(tf.linalg.diag_part(gramian))
            divisor = {
                "none": tf.ones_like(losses),
                "l2": lengths,
                "loss": losses,
                "loss+": losses * lengths,
            }[self.normalization]
            factor = tf.math.divide_no_nan(tf.ones_like(divisor), divisor)
            return factor * solvers.min_norm_weights(factor[:, None] * gramian * factor)

        return weigh


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [MGDA]
