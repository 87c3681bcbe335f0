"""The kinds of component: frozen, validated options, each with one method that builds.

A component is data. Only what its `build` (a dataset: `load`) returns holds tensors, so a suite can
be read, checked and hashed without TensorFlow. What `build` returns is a callable or an object; the
Keras layers and `tf.Variable`s it needs are its attributes, and that is how the model finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from mtbench.config.options import Options
from mtbench.data.parts import Parts
from mtbench.metrics.metric import Metric

from .errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path

    from mtbench.data.dataset import Data
    from mtbench.data.encoding import Feature
    from mtbench.data.interactions import Interactions

    from .batch import Batch
    from .evaluation import TestView

Tensor = Any
"""A `tf.Tensor`; TensorFlow has no types of its own to name."""


class Component(Options):
    """Base of every kind."""

    kind: ClassVar[str]
    """What it is: dataset, split, tower, task, weighting or observer."""
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
    """A way to divide interactions into a training, a test and a validation part."""

    kind: ClassVar[str] = "split"

    def build(self, data: Data, seed: int) -> Parts:
        """Divide the data.

        Args:
            data: The whole dataset.
            seed: The run's seed; the same one gives the same split.

        Raises:
            DataError: The data cannot be divided so that something is left to train and to test.
        """
        raise NotImplementedError


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


class Tower(Component):
    """A network from the features of one side, query or candidate, to an embedding."""

    kind: ClassVar[str] = "tower"
    sides: ClassVar[tuple[str, ...]] = ("query", "candidate")
    """Which side it can be the tower of; a tower of histories is one of queries."""

    def needs(self) -> tuple[str, ...]:
        """Return what the tower reads besides its side's features.

        `history`: for each example, int32, how many training interactions its query has before it
        (by timestamp, equal ones in the order of the data); in evaluation, how many it has at all.
        A tower that needs something is more than a function of the id: its `by_id` is False.
        """
        return ()

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
            float32 `[n, num_values]`; and the columns that `needs` names come as they are. An
            object may have `adapt(train)`, as a `Head`.
        """
        raise NotImplementedError


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
        """Metrics of the task on the test part, exactly the names of `Task.metrics`.

        Values for each query can be put into `view.by_query`.
        """


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

    def floors(
        self, train: Interactions, test: Interactions, known: Interactions
    ) -> dict[str, dict[str, float]]:
        """Score trivial predictors: `{floor: {metric: value}}`, NumPy only.

        Args:
            train: The training part, all that they may learn from.
            test: The part to score.
            known: What a query has seen: the training part, and the validation part where the test
                part is scored.
        """
        raise NotImplementedError


class Weighting(Component):
    """A strategy that combines the tasks of a scenario.

    There are three forms, by what a strategy needs: `LossWeighting`, `GramianWeighting` and
    `GradientWeighting`. What `build` returns is called once in each training step, and never while
    evaluating; an object may have, besides `__call__`,

    - `epoch_ended(losses)`, called between epochs with the mean of each task's loss, float32
      `[tasks]`, to assign to its variables;
    - `after_step(before, after)`, called with the losses of the batch before the model's step and
      after it, float32 `[tasks]` each, which costs a second forward pass. It returns a scalar that
      the strategy's trainable variables are to minimise.

    All that changes while training is kept in `tf.Variable`s: they are set anew for each seed.
    Trainable ones have an optimizer of their own, of the same kind as the model's. Its learning
    rate is the strategy's option `learning_rate`, where it declares one and that is not None, else
    the model's.

    The class variables declare how a strategy behaves with its default options;
    `mtbench.testing.check_component` holds it to them.
    """

    kind: ClassVar[str] = "weighting"
    needs: ClassVar[str]
    """What it works on, for people."""
    adaptive: ClassVar[bool] = True
    """Whether weights depend on the losses, on gradients, on time or on chance."""
    symmetric: ClassVar[bool] = True
    """Whether exchanging two tasks exchanges their weights and changes nothing else."""
    most_tasks: ClassVar[int | None] = None
    """How many tasks it can weigh; None for any number."""
    degree: ClassVar[float | None] = None
    """Degree of homogeneity: with every loss multiplied by c > 0 the update of the shared
    parameters is multiplied by c^degree. None where that does not hold."""

    def check(self, tasks: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Name what is wrong with the options for these tasks: pairs of option path and fault.

        An empty path stands for the strategy as a whole.
        """
        if self.most_tasks is not None and len(tasks) > self.most_tasks:
            yield "", f"expected at most {self.most_tasks} tasks, found {len(tasks)}"


class LossWeighting(Weighting):
    """A strategy that makes one loss of several."""

    needs: ClassVar[str] = "losses"

    def build(self, tasks: Mapping[str, Task]) -> Callable[[Tensor], Tensor]:
        """Make the function.

        Args:
            tasks: The trained tasks by name, in the order of the losses.

        Returns:
            A callable from losses, float32 `[tasks]`, to the scalar that the model's parameters
            and the strategy's own minimise. A task's weight is its derivative by the task's loss.
        """
        raise NotImplementedError


class GramianWeighting(Weighting):
    """A strategy that weighs the tasks' gradients, given their inner products.

    The gradients g_i are those by the shared parameters: those that more than one trained task
    depends on. They are exact, but no matrix of them is formed. Other parameters get the gradient
    of their own task's loss.
    """

    needs: ClassVar[str] = "Gramian"
    weighs_heads: ClassVar[bool] = False
    """Whether a task's weight applies to the parameters of its own as well."""

    @property
    def at_outputs(self) -> bool:
        """Whether the gradients are those by the towers' outputs: cheaper, and approximate."""
        return False

    def build(self, tasks: Mapping[str, Task]) -> Callable[[Tensor, Tensor], Tensor]:
        """Make the function.

        Args:
            tasks: The trained tasks by name, in the order of the losses.

        Returns:
            A callable from losses, float64 `[tasks]`, and G with G_ij = g_i · g_j, float64
            `[tasks, tasks]`, to weights w, `[tasks]`: the update is Σ w_i g_i. Where the strategy
            has trainable variables it returns a pair of the weights and a scalar that these
            variables minimise. An object may have `scale(losses)`, which replaces the losses,
            float32 `[tasks]`, each by a function of its own that increases, such as its logarithm;
            losses, Gramian and gradients are then those of the result, and its sum is a further
            scalar that trainable variables minimise.
        """
        raise NotImplementedError


class GradientWeighting(Weighting):
    """A strategy that makes one gradient of the tasks' gradients.

    As `GramianWeighting`, but it sees the gradients themselves, in a dense matrix.
    """

    needs: ClassVar[str] = "gradient matrix"

    def build(
        self, tasks: Mapping[str, Task], sizes: Sequence[int]
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Make the function.

        Args:
            tasks: The trained tasks by name, in the order of the losses.
            sizes: Number of elements of each shared variable.

        Returns:
            A callable from losses, float32 `[tasks]`, and gradients, float32
            `[tasks, sum(sizes)]`, a row for each task and in it one shared variable after the
            other, to the update, float32 `[sum(sizes)]`. An object may have `scale(losses)`, see
            `GramianWeighting.build`.
        """
        raise NotImplementedError
