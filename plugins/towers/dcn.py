"""Deep and cross network, version 2 (Wang et al., WWW 2021), on `tfrs.layers.dcn.Cross`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import tensorflow as tf
import tensorflow_recommenders as tfrs
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, dense, join


class DCN(FeatureTower):
    """Products of features, learned layer by layer, and dense layers after or beside them.

    With x_0 the vector of the features, x_{l+1} = x_0 ⊙ (W_l x_l + b_l) + x_l (eq. 1): L cross
    layers hold products of up to L + 1 of its elements. With a `projection_dim` W_l = U_l V_lᵀ is
    of that rank (eq. 2).
    """

    name = "dcn"
    num_layers: int = Field(2, ge=1)
    """Cross layers."""
    projection_dim: int | None = Field(None, ge=1)
    """Rank of their matrices; default: full."""
    structure: Literal["stacked", "parallel"] = "stacked"
    """Dense layers over what the cross layers give, or over x_0, beside them (fig. 1)."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = (64,)
    """Units of the dense layers, ReLU each; a linear layer of `embedding_dim` follows."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to float32 `[n, embedding_dim]`."""
        inputs = self.inputs(features)
        start = self.vector(inputs, features)
        crossed = start
        for _ in range(self.num_layers):
            crossed = tfrs.layers.dcn.Cross(self.projection_dim)(start, crossed)
        deep = dense(start if self.structure == "parallel" else crossed, self.units, self.dropout)
        hidden = join([crossed, deep]) if self.structure == "parallel" else deep
        return tf.keras.Model(inputs, tf.keras.layers.Dense(self.embedding_dim)(hidden))


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [DCN]
