"""The kinds of component: frozen, validated options, each with one method that builds.

A component is data. Only what its `build` (a dataset: `load`) returns holds tensors, so a suite can
be read, checked and hashed without TensorFlow. What `build` returns is a callable or an object; the
Keras layers and `tf.Variable`s it needs are its attributes, and that is how the model finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from .errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from .data import Data, Interactions
    from .evaluation import TestView
    from .model import Batch

Tensor = Any
"""A `tf.Tensor`; TensorFlow has no types of its own to name."""


class Options(BaseModel):
    """Options as fields: validated, frozen, unknown ones refused, help in the string below."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True
    )


class Component(Options):
    """Base of every kind."""

    kind: ClassVar[str]
    """What it is: dataset, split, tower, task or weighting."""
    name: ClassVar[str]
    """What a suite calls it."""

    def options(self) -> dict[str, Any]:
        """Return every option with its value, as JSON types, defaults included.

        Raises:
            PluginError: A value has no JSON form.
        """
        found: dict[str, Any] = {}
        for name in type(self).model_fields:
            try:
                found |= self.model_dump(mode="json", include={name})
            except ValueError as error:
                raise PluginError(
                    f"{self.kind} {self.name!r}: option {name!r} has no JSON form: {error}"
                ) from error
        return found

    @classmethod
    def schema_of_options(cls, **arguments: Any) -> dict[str, Any]:
        """Return the JSON Schema of the options; see pydantic's `model_json_schema`.

        Raises:
            PluginError: An option's type has none.
        """
        try:
            return cls.model_json_schema(**arguments)
        except PydanticInvalidForJsonSchema as error:
            for name, option in cls.model_fields.items():
                annotation: Any = option.annotation
                try:
                    TypeAdapter(annotation).json_schema()
                except PydanticInvalidForJsonSchema:
                    message = f"{cls.kind} {cls.name!r}: option {name!r} has no JSON Schema"
                    raise PluginError(message) from error
            raise


class Dataset(Component):
    """Interactions between queries (users) and candidates (movies)."""

    kind: ClassVar[str] = "dataset"

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

    def load(self) -> Data:
        """Read or make the data, features as integers.

        The result depends on the options alone, not on a run's seed, so that every seed of a suite
        sees the same data.
        """
        raise NotImplementedError

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


class Split(Component):
    """A way to divide interactions into a training and a test part."""

    kind: ClassVar[str] = "split"

    def build(self, data: Data, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Divide the data.

        Args:
            data: The whole dataset.
            seed: The run's seed; the same one gives the same split.

        Returns:
            Row numbers of the training and of the test part, int64, disjoint.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Features:
    """What a tower may look at: one side's features, integer coded."""

    key: str
    """Name of the id feature."""
    num_values: Mapping[str, int]
    """For each feature its number of values: a feature holds integers 0 ≤ x < `num_values`."""


class Tower(Component):
    """A network from the features of one side, query or candidate, to an embedding."""

    kind: ClassVar[str] = "tower"

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
            A Keras layer or another callable; called with `{feature: int32 [n]}` and `training`, it
            gives a float32 tensor `[n, embedding_dim]`, or a dictionary of one for each task.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Metric:
    """A number that a task reports, and how to read it."""

    name: str
    higher_is_better: bool
    headline: bool = False
    """Whether the short table in the terminal shows it."""


class Head(Protocol):
    """What a task builds. The layers and variables it needs are its attributes."""

    def adapt(self, train: Interactions) -> None:
        """Set what depends on the training part (counts, means): assign to `tf.Variable`s.

        Called once for each run before it trains. Nothing else may carry over from the data into
        the graph, since further seeds of a scenario reuse it.
        """

    def loss(self, batch: Batch) -> Tensor:
        """Scalar loss of a batch, on the scale the task's options state."""

    def evaluate(self, view: TestView) -> dict[str, float]:
        """Metrics of the task on the test part, exactly the names of `Task.metrics`."""


class Task(Component):
    """Something the model must do, and is scored on."""

    kind: ClassVar[str] = "task"
    likelihood: ClassVar[Literal["regression", "classification"]]
    """Form of the loss, for strategies derived from a likelihood: squared error of a Gaussian, or
    the cross-entropy of a softmax."""

    def metrics(self) -> tuple[Metric, ...]:
        """Return the metrics `Head.evaluate` gives, in the order of a report."""
        raise NotImplementedError

    def needs(self) -> tuple[str, ...]:
        """Return the columns of the interactions that the task reads, such as its label."""
        return ()

    def build(self, num_queries: int, num_candidates: int) -> Head:
        """Make the head.

        Args:
            num_queries: Number of queries (users) of the dataset.
            num_candidates: Number of candidates (movies) in the catalogue.
        """
        raise NotImplementedError

    def floors(self, train: Interactions, test: Interactions) -> dict[str, dict[str, float]]:
        """Score trivial predictors on the test part: `{floor: {metric: value}}`, NumPy only."""
        raise NotImplementedError


class Weighting(Component):
    """A strategy that combines the tasks of a scenario.

    The variables a strategy learns have an optimizer of their own, of the same kind as the model's.
    Its learning rate is the strategy's option `learning_rate`, where it declares one and that is
    not None, else the model's.
    """

    kind: ClassVar[str] = "weighting"

    def build(self, tasks: Mapping[str, Task]) -> Callable[..., Tensor]:
        """Make the function that combines; its form is that of the subclass."""
        raise NotImplementedError

    def check(self, tasks: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Name what is wrong with the options for these tasks: pairs of option path and fault."""
        return ()


class LossWeighting(Weighting):
    """A strategy that makes one loss of several."""

    def build(self, tasks: Mapping[str, Task]) -> Callable[[Tensor], Tensor]:
        """Make the function.

        Args:
            tasks: The trained tasks by name, in the order of the losses.

        Returns:
            A callable from losses, float32 `[len(tasks)]`, to the scalar to minimise. It is called
            in training steps only. An object with `tf.Variable` attributes where it has state.
        """
        raise NotImplementedError
