"""The kind `weighting`, in its four forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from .component import Component, Tensor
from .task import Task


class Weighting(Component):
    """A strategy that combines the tasks of a scenario.

    There are four forms, by what a strategy needs: `LossWeighting`, `GramianWeighting`,
    `GradientWeighting` and `BatchesWeighting`. What `build` returns is called once in each training
    step, and never while evaluating; an object may have, besides `__call__`,

    - `epoch_ended(losses)`, called between epochs with the mean of each task's loss, float32
      `[tasks]`, to assign to its variables;
    - `after_step(before, after)`, called with the losses of the batch before the model's step and
      after it, float32 `[tasks]` each, which costs a second forward pass. It returns a scalar that
      the strategy's trainable variables are to minimise.

    A strategy is handed the losses of the tasks that the step's batch has a label of, and their
    gradients. Where one has none, what `build` returns for the other tasks alone is asked: it is
    called for these sets as well, for six tasks that may lack labels at most for all of them. A
    strategy of some tasks has their part of the variables of all: a dimension as long as there are
    tasks is one of tasks, any other must not depend on their number. Losses of an epoch are means
    over the rows that have a label of the task.

    All that changes while training is kept in `tf.Variable`s: they are set anew for each seed, and
    a graph reads what Python keeps only once, when it is traced.
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
    main_option: ClassVar[str | None] = None
    """The option that names its main task, which is the suite's `main` where it says none and the
    scenario trains that; None where it has no main task."""
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

    The gradients g_i are those by the shared parameters: those that more than one trained loss
    reaches, in towers or, where tasks read others, in heads. They are exact, but no matrix of them
    is formed. Other parameters get the gradient of their own task's loss.
    """

    needs: ClassVar[str] = "Gramian"
    weighs_heads: ClassVar[bool] = False
    """Whether a task's weight applies to the parameters of its own as well."""

    @property
    def at_outputs(self) -> bool:
        """Whether the gradients are those by the towers' outputs: cheaper, and approximate.

        Those by parameters that heads share are beside them.
        """
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


@dataclass(frozen=True)
class Ahead:
    """Steps that are made to look, and undone: θ ← θ − Σ_i s_i ∇L_i(θ), of the first batch.

    θ are all parameters of the model, and s is what the strategy's `step_ahead` returns: plain
    descent, whatever optimizer the run has.
    """

    of: Literal["gradients", "losses"]
    """What is asked for there: losses and gradients of the further batches, in the place of those
    where the step starts; or losses of the first batch, beside all the others."""
    steps: int = 1
    """How many."""


class BatchesWeighting(Weighting):
    """A strategy that weighs the gradients of several batches, given their inner products.

    Each is a batch of the training part, as large as the first, in an order of its own that the
    run's seed decides: where a paper has held-out data, this is an independent sample of the rows
    that are trained on, and no other part is touched. Gradients are those by the shared parameters,
    as in `GramianWeighting`, or by all that the strategy weighs. The losses that a run reports are
    of the first batch. A task that one of the batches has no label of is absent from the step.
    """

    needs: ClassVar[str] = "several batches"
    weighs_heads: ClassVar[bool] = False
    """Whether weights apply to the parameters of each task's own as well; the inner products are
    then of the gradients by these too."""
    weighs_all: ClassVar[bool] = False
    """Whether it weighs the gradients of all batches, or those of the first."""

    @property
    def batches(self) -> int:
        """How many batches there are in a step, at least 1."""
        return 2

    @property
    def ahead(self) -> Ahead | None:
        """The look ahead that it asks for."""
        return None

    def build(
        self, tasks: Mapping[str, Task]
    ) -> Callable[[Tensor, Callable[[int, int], Tensor]], Tensor]:
        """Make the function.

        Args:
            tasks: The trained tasks by name, in the order of the losses.

        Returns:
            A callable from losses, float64 `[batches, tasks]`, and P, to weights w, `[tasks]`: the
            update is Σ_i w_i g_i of the first batch; if `weighs_all`, `[batches, tasks]`: it is
            Σ_b Σ_i w_bi g_bi. P(a, b) has the inner products of the gradients of batch a, counted
            from 0, with those of batch b: float64 `[tasks, tasks]`, a row for each of a's; what is
            not asked for is not computed. Where `ahead` asks for losses, these are a last row of
            the losses. A pair of the weights and a scalar is as in `GramianWeighting.build`, and
            an object whose strategy looks ahead has `step_ahead()`, which returns s, `[tasks]`.
        """
        raise NotImplementedError
