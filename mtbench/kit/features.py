"""A side's id and features as one vector: what most towers begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
from pydantic import Field

from mtbench.data.encoding import Feature
from mtbench.errors import MtbenchError, did_you_mean
from mtbench.plugin.tower import Features, Tower

Tensor = Any
Positive = Annotated[int, Field(ge=1)]


class FeatureTower(Tower):
    """Base of towers that read any mix of their side's id and features.

    `build` begins with `inputs` and `vector`, goes on in Keras' functional style, and ends with a
    `tf.keras.Model` of the inputs and one output, or a dictionary of one for each task.
    """

    embedding_dim: int = Field(32, ge=1)
    """Length of the output."""
    id_dim: int = Field(32, ge=0)
    """Length of the vector of an id; 0 leaves the id out."""
    features: tuple[str, ...] | None = None
    """Features to read besides the id; default: all that the side has."""
    feature_dim: int = Field(8, ge=1)
    """Length of the vector of a feature; a numeric one that is not bucketised is one number, and a
    given vector stays as long as it is."""
    dims: dict[str, Positive] = Field({})
    """Lengths of single features' vectors, by name, where they are not `feature_dim`; a given
    vector is brought to it by a trained linear map."""
    num_buckets: int = Field(0, ge=0)
    """Buckets of a numeric feature, divided at its quantiles over all ids; 0 standardises it."""
    buckets: dict[str, Annotated[int, Field(ge=0)]] = Field({})
    """Buckets of single numeric features, by name, where they are not `num_buckets`."""
    multi_hot: Literal["mean", "sum"] = "mean"
    """How the vectors of a multi-hot feature's values become one."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of hidden units dropped in training, drawn anew for each example."""
    context: tuple[str, ...] = ()
    """What to read of the context of an interaction, such as the device: of the query side alone,
    in scoring too."""
    unknown_share: float = Field(0.0, ge=0, lt=1)
    """Share of the ids of a step that are replaced by an unknown one, whose vector those without a
    training row have in scoring, beside their features; 0 for none: theirs is what it was at
    first."""

    @property
    def by_id(self) -> bool:
        """With dropout two examples of one id differ, and in two contexts."""
        return self.dropout == 0 and not self.context

    def needs(self) -> tuple[str, ...]:
        """The context that is read."""
        return self.context

    def inputs(self, features: Features) -> dict[str, Tensor]:
        """Return Keras inputs of the id and of the features that are read, by name.

        Raises:
            MtbenchError: An option names a feature that the side lacks or that is not read.
        """
        own = tuple(features.columns) if self.features is None else self.features
        self._refuse("features", own, features.columns)
        self._refuse("context", self.context, features.context)
        read = (*own, *self.context)
        self._refuse("dims", self.dims, read)
        self._refuse("buckets", self.buckets, read)
        keras_inputs = {features.key: tf.keras.Input([], dtype=tf.int32, name=features.key)}
        for name in read:
            feature = _known(features, name)
            shape = feature.values.shape[1:]
            dtype = tf.int32 if feature.form == "categorical" else tf.float32
            keras_inputs[name] = tf.keras.Input(shape, dtype=dtype, name=name)
        return keras_inputs

    def vector(self, inputs: Mapping[str, Tensor], features: Features) -> Tensor:
        """Make one vector of the inputs: the id's, then each feature's.

        Returns:
            float32 `[n, id_dim + …]`.

        Raises:
            MtbenchError: There is neither an id nor a feature to read; or an option does not suit
                its feature.
        """
        parts = self.parts(inputs, features)
        if not parts:
            raise MtbenchError(
                f"tower {self.name!r}: expected an id or a feature to read, found neither: give "
                "an id_dim of at least 1"
            )
        return join(parts)

    def parts(self, inputs: Mapping[str, Tensor], features: Features) -> list[Tensor]:
        """The vectors that `vector` puts together, float32 `[n, …]` each; maybe none."""
        vectors = []
        if self.id_dim:
            table = tf.keras.layers.Embedding(features.num_values[features.key], self.id_dim)
            vectors.append(table(inputs[features.key]))
        for name, feature in inputs.items():
            if name != features.key:
                vectors.append(self._part(name, feature, features))
        return vectors

    def _part(self, name: str, values: Tensor, features: Features) -> Tensor:
        """The vector of one feature, float32 `[n, …]`."""
        feature = _known(features, name)
        dim = self.dims.get(name, self.feature_dim)
        num_buckets = self.buckets.get(name, self.num_buckets)
        if feature.form != "numeric" and name in self.buckets:
            raise MtbenchError(
                f"tower {self.name!r}: buckets: expected numeric features, found {name!r}, which "
                f"is {feature.form}"
            )
        if feature.form == "categorical":
            return tf.keras.layers.Embedding(features.num_values[name], dim)(values)
        if feature.form == "multi_hot":
            return _bag(values, dim, self.multi_hot)
        if feature.form == "vector":
            scaled = _centred(values, feature)
            return (
                tf.keras.layers.Dense(dim, use_bias=False)(scaled) if name in self.dims else scaled
            )
        if num_buckets:
            boundaries = quantile_boundaries(feature.values, num_buckets)
            bucket = tf.searchsorted(boundaries, values, side="right")
            return tf.keras.layers.Embedding(len(boundaries) + 1, dim)(bucket)
        if name in self.dims:
            raise MtbenchError(
                f"tower {self.name!r}: dims: expected features with a vector, found {name!r}, "
                f"which is one number: bucketise it with `buckets: {{{name}: 10}}`"
            )
        return _standardised(values, feature)[:, None]

    def _refuse(self, option: str, names: Any, allowed: Any) -> None:
        """Find a name in an option that is not allowed."""
        for name in names:
            if name not in allowed:
                raise MtbenchError(
                    f"tower {self.name!r}: {option}: unknown feature {name!r}"
                    f"{did_you_mean(name, allowed)}"
                )


def _known(features: Features, name: str) -> Feature:
    """A feature of the side, or of the context."""
    return features.columns[name] if name in features.columns else features.context[name]


def quantile_boundaries(values: np.ndarray, num_buckets: int) -> np.ndarray:
    """Where to divide values into buckets of about equal size: float32, distinct, increasing.

    Bucket i holds the values from boundary i − 1 on and below boundary i, at least one. Where many
    values are equal there are fewer buckets than asked for.
    """
    shares = np.arange(1, num_buckets) / num_buckets
    boundaries = np.quantile(values, shares, method="higher")  # one of the values: none is empty
    return np.unique(boundaries[boundaries > values.min()]).astype(np.float32)


def _standardised(values: Tensor, feature: Feature) -> Tensor:
    """(x − μ) / σ with mean and standard deviation over all ids; 0 where all are equal."""
    numbers = feature.values.astype(np.float64)
    mean, deviation = np.float32(numbers.mean()), np.float32(numbers.std())
    return (values - mean) / (deviation or np.float32(1))


def _centred(values: Tensor, feature: Feature) -> Tensor:
    """(x − μ) / σ with the mean vector over all ids and one σ, that of all its numbers.

    So what is far apart stays so: a direction with more spread keeps it.
    """
    numbers = feature.values.astype(np.float64)
    mean = numbers.mean(0)
    deviation = np.float32(np.sqrt(np.square(numbers - mean).mean()))
    return (values - mean.astype(np.float32)) / (deviation or np.float32(1))


def _bag(values: Tensor, dim: int, how: Literal["mean", "sum"]) -> Tensor:
    """Mean or sum of the vectors of the values that are 1; 0 where none is, float32 `[n, dim]`."""
    total = tf.keras.layers.Dense(dim, use_bias=False, kernel_initializer="uniform")(values)
    if how == "sum":
        return total
    return tf.math.divide_no_nan(total, tf.reduce_sum(values, 1, keepdims=True))


def join(parts: list[Tensor]) -> Tensor:
    """Vectors one after the other, `[n, …]`; a single one as it is."""
    return tf.concat(parts, 1) if len(parts) > 1 else parts[0]
