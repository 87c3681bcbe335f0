"""How a network learns: steps of training, with a weighting of the trained tasks' losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from mtbench.data.dataset import Data
from mtbench.errors import MtbenchError
from mtbench.plugin.batch import Batch
from mtbench.plugin.task import Task
from mtbench.plugin.weighting import Weighting
from mtbench.suite.setup import Setup

from .diagnostics import Diagnostics
from .gradients import add, multiply, output_gradients, task_gradients
from .independent import Formed, Products, all_present, form_all, weighed
from .lessons import counted, loss_of
from .network import Network
from .rows import own_columns
from .state import state_of, variables_of
from .updates import Updates
from .weigher import Weigher

Tensor = Any


class MultiTaskModel(Network):
    """Towers, heads and weighting of one scenario, and how they learn.

    Attributes:
        weigher: The built weighting strategy; None for a scenario without.
        diagnostics: Weights and gradients of the epoch so far.
    """

    def __init__(self, setup: Setup, data: Data) -> None:
        super().__init__(setup, data)
        tasks = {name: setup.tasks[name] for name in setup.trained}
        incomplete = data.interactions.incomplete
        self._incomplete = {
            name: tuple(c for c in task.learns_from() if c in incomplete)
            for name, task in tasks.items()
        }
        self._own = tuple(own_columns(setup))
        self._weighting_state: list[Any] = []
        self.weighting_optimizer: Any = None
        self.optimization: Any = None
        self._loss_means: dict[str, Any] = {}
        self.weigher = self._initialize(data, setup.weighting, tasks)
        self._by_task = self.weigher is not None and (
            self.weigher.needs_gradients or setup.train.diagnostics
        )
        self.diagnostics = Diagnostics(self.trained, self._by_task)
        self._diagnostic_means = self.diagnostics.means  # here Keras finds them

    def compile(self, updates: Updates, weighting_optimizer: Any) -> None:
        """Make ready for training.

        Args:
            updates: What moves the variables of towers and heads.
            weighting_optimizer: Keras optimizer of the strategy's variables, if it has any.
        """
        super().compile(optimizer=updates.optimizers[0])
        self.optimization = updates
        self._loss_means = {name: tf.keras.metrics.Mean(name=name) for name in self.trained}
        if self.weighting_variables:
            self.weighting_optimizer = weighting_optimizer
            self.weighting_optimizer.build(self.weighting_variables)

    def _initialize(
        self, data: Data, weighting: Weighting | None, tasks: Mapping[str, Task]
    ) -> Weigher | None:
        """Call every part once, on two examples, so that every variable exists."""
        two = {name: tf.zeros([2], dtype) for name, dtype in data.interactions.dtypes.items()}
        state = [(v, v.numpy()) for v in self.seed_variables if not v.trainable]
        with tf.GradientTape(persistent=True) as tape:
            batches = self.batches(two, self.heads)
            for batch in batches.values():
                dims = [side.embeddings.shape[-1] for side in (batch.query, batch.candidate)]
                if dims[0] != dims[1]:
                    raise MtbenchError(
                        f"expected towers of one embedding_dim, found {dims[0]} (query) and "
                        f"{dims[1]} (candidate)"
                    )
            losses = {name: head.loss(batches[name]) for name, head in self.heads.items()}
        self._refuse_unknown(tape)
        weigher = None
        if weighting:
            losses = {name: losses[name] for name in self.trained}
            shared, gradients, private = task_gradients(
                tape, losses, batches, self.tower_variables, self.reached_variables
            )
            sizes = [variable.shape.num_elements() for variable in shared]
            counts = self._counts(batches)
            may_lack = [
                position
                for position, name in enumerate(tasks)
                if counts[name] is not None or name in self._own
            ]
            weigher = Weigher(weighting, tasks, sizes, may_lack)
            state += [(v, v.numpy()) for v in variables_of(state_of(weigher.strategy))]
            if weigher.at_outputs:
                # refuses towers it cannot work with
                output_gradients(tape, losses, batches, self.reached_variables)
            formed = Formed(tf.ones([len(tasks)]), None, shared, gradients, private)
            with tf.GradientTape() as tape:
                weigher.try_out(formed)
            self._weighting_state = state_of(weigher.strategy)
            weigher.variables = self.weighting_variables
            self._refuse_unknown(tape)
        for variable, value in state:  # a strategy may keep what it was asked: this was no step
            variable.assign(value)
        return weigher

    def _refuse_unknown(self, tape: tf.GradientTape) -> None:
        """Find variables that were used and would not be trained."""
        trained = {v.ref() for v in self.trainable_variables}
        for variable in tape.watched_variables():
            if variable.ref() not in trained:
                raise MtbenchError(
                    f"variable {variable.name!r} would not be trained: expected it, or its layer, "
                    "to be an attribute of what `build` returns"
                )

    def losses_by_task(self, columns: Mapping[str, Tensor], training: bool) -> dict[str, Tensor]:
        """The loss of each trained task, unweighted."""
        batches = self.lessons(columns, training)
        return {name: loss_of(self.heads[name], batch) for name, batch in batches.items()}

    def _counts(self, batches: Mapping[str, Batch]) -> dict[str, Tensor | None]:
        """Of how many examples each trained task's loss is, int32 scalars; None for all rows."""
        return {
            name: counted(self.heads[name], batches[name], self._incomplete[name])
            for name in self.trained
        }

    def formed(self, columns: Mapping[str, Tensor]) -> Formed:
        """Each trained task's loss of a batch and its gradient, as in a step."""
        with tf.GradientTape(persistent=True) as tape:
            batches = self.lessons(columns, training=True)
            losses = {name: loss_of(self.heads[name], batch) for name, batch in batches.items()}
        return self._formed(tape, losses, batches, _present(self._counts(batches)))

    def _formed(
        self,
        tape: tf.GradientTape,
        losses: Mapping[str, Tensor],
        batches: Mapping[str, Batch],
        present: Tensor | None,
    ) -> Formed:
        by_task = task_gradients(
            tape, losses, batches, self.tower_variables, self.reached_variables
        )
        return Formed(tf.stack(list(losses.values())), present, *by_task)

    def slopes(self, columns: Mapping[str, Tensor], weights: Tensor) -> list[tuple[Any, Any]]:
        """Σ w_i ∇L_i of a batch, for weights `[tasks]`, by each of the model's variables."""
        with tf.GradientTape() as tape:
            losses = tf.stack(list(self.losses_by_task(columns, training=True).values()))
            total = tf.reduce_sum(weights * losses)
        variables = self.model_variables
        return [*zip(tape.gradient(total, variables), variables, strict=True)]

    def train_step(
        self, inputs: Mapping[str, Tensor] | tuple[Mapping[str, Tensor], ...]
    ) -> dict[str, Tensor]:
        """One step; returns each trained task's loss, averaged over the epoch so far.

        A task that the batch has no label of is none of the strategy's in this step.

        Args:
            inputs: The columns of a batch; of each batch, for a strategy of several.
        """
        every = inputs if isinstance(inputs, tuple) else (inputs,)
        inputs = every[0]
        with tf.GradientTape(persistent=self._by_task) as tape:
            batches = self.lessons(inputs, training=True)
            losses = {name: loss_of(self.heads[name], batch) for name, batch in batches.items()}
            penalties = self.losses  # the layers' own regularisation
        counts = self._counts(batches)
        present = _present(counts)
        if self._by_task:
            if self.weigher and self.weigher.several:
                first = self._formed(tape, losses, batches, present)
                gradients, of_strategy, present = self._weighed_batches(first, every)
            else:
                gradients, of_strategy = self._weighed_by_task(tape, losses, batches, present)
            if penalties:
                further = tape.gradient(penalties, self.model_variables)
                gradients = [add(pair) for pair in zip(gradients, further, strict=True)]
        else:
            weights, of_strategy = tf.ones([len(losses)]), []
            if self.weigher:
                weighed = self.weigher(tf.stack(list(losses.values())), present=present)
                weights, of_strategy = weighed.heads, weighed.own
                self.diagnostics.update(weights, present)
            targets = [*losses.values(), *penalties]
            seeds = [*tf.unstack(weights, len(losses)), *map(tf.ones_like, penalties)]
            gradients = tape.gradient(targets, self.model_variables, output_gradients=seeds)
        self.optimization.apply(gradients, self.model_variables)
        if self.weigher and hasattr(self.weigher.strategy, "after_step"):
            after = self.losses_by_task(inputs, training=True)
            before = tf.stack(list(losses.values()))
            further = self.weigher.after_step(before, tf.stack(list(after.values())), present)
            of_strategy = [add(pair) for pair in zip(of_strategy, further, strict=True)]
        if self.weigher and self.weighting_variables:
            held = [] if present is None else [tf.identity(v) for v in self.weighting_variables]
            pairs = zip(of_strategy, self.weighting_variables, strict=True)
            self.weighting_optimizer.apply_gradients([p for p in pairs if p[0] is not None])
            if present is not None:
                self.weigher.hold(held, present)
        return self._means(losses, batches, counts)

    def _weighed_by_task(
        self,
        tape: tf.GradientTape,
        losses: Mapping[str, Tensor],
        batches: Mapping[str, Batch],
        present: Tensor | None,
    ) -> tuple[list[Any], list[Any]]:
        """Form each task's gradient and weigh those of the tasks that are present.

        Returns:
            The gradient of each of the model's variables, and of each of the strategy's.
        """
        assert self.weigher  # noqa: S101 - `_by_task` says so
        gradient_of: dict[Any, Any] = {}
        if self.weigher.at_outputs:
            outputs, in_heads, at_outputs, private = output_gradients(
                tape, losses, batches, self.reached_variables
            )
            weighed = self.weigher(tf.stack(list(losses.values())), at_outputs, present)
            self.diagnostics.update_by_task(weighed, at_outputs, present)
            combined = at_outputs.combine(weighed.weights)
            cotangents, of_heads = combined[: len(outputs)], combined[len(outputs) :]
            variables = self.tower_variables
            row = tape.gradient(outputs, variables, output_gradients=cotangents)
            pairs = zip((*variables, *in_heads), (*row, *of_heads), strict=True)
            gradient_of = {v.ref(): g for v, g in pairs}
        else:
            formed = self._formed(tape, losses, batches, present)
            gradients, private = formed.gradients, [*formed.private]
            weighed = self.weigher(formed.losses, gradients, present)
            self.diagnostics.update_by_task(weighed, gradients, present)
            combined = (
                gradients.split(weighed.update)
                if weighed.weights is None
                else gradients.combine(weighed.weights)
            )
            gradient_of = {v.ref(): g for v, g in zip(formed.shared, combined, strict=True)}
        for task, variable, gradient in private:
            gradient_of[variable.ref()] = multiply(weighed.heads[task], gradient)
        return [gradient_of.get(v.ref()) for v in self.model_variables], weighed.own

    def _weighed_batches(
        self, first: Formed, columns: Sequence[Mapping[str, Tensor]]
    ) -> tuple[list[Any], list[Any], Tensor | None]:
        """Weigh the gradients of a step of several batches.

        Returns:
            As `_weighed_by_task`, and which tasks every batch has something of.
        """
        assert self.weigher and self.weigher.several  # noqa: S101, PT018 - the caller's
        weigher, strategy = self.weigher, self.weigher.several
        if len(columns) != strategy.batches:
            raise ValueError(f"expected {strategy.batches} batches in a step, found {len(columns)}")
        formed, losses = form_all(
            self, first, columns, strategy.ahead, lambda: weigher.step_ahead(first.present)
        )
        present = all_present(formed)
        made = weigher.weigh_batches(losses, Products(formed, strategy.weighs_heads), present)
        told = dataclasses.replace(made, weights=tf.reduce_sum(made.weights, 0))
        self.diagnostics.update_by_task(told, first.gradients, present)
        gradient_of = weighed(formed, made.heads, made.weights)
        return [gradient_of.get(v.ref()) for v in self.model_variables], made.own, present

    def test_step(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Each trained task's loss; the weighting is not asked, so that its state stays."""
        batches = self.lessons(inputs, training=False)
        losses = {name: loss_of(self.heads[name], batch) for name, batch in batches.items()}
        return self._means(losses, batches, self._counts(batches))

    def losses_and_counts(self, columns: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """Each trained task's loss over some rows, and how many of them it is of."""
        batches = self.batches(columns, self.trained)
        counts = self._counts(batches)
        size = tf.size(columns["query"])
        return {
            name: (loss_of(self.heads[name], batch), size if (n := counts[name]) is None else n)
            for name, batch in batches.items()
        }

    def _means(
        self,
        losses: Mapping[str, Tensor],
        batches: Mapping[str, Batch],
        counts: Mapping[str, Tensor | None],
    ) -> dict[str, Tensor]:
        """Keras would report the last batch only: average over the examples of all of them."""
        for name, mean in self._loss_means.items():
            count = counts[name]
            size = tf.size(batches[name].columns["query"]) if count is None else count
            mean.update_state(losses[name], sample_weight=size)
        return {f"{name}_loss": mean.result() for name, mean in self._loss_means.items()}

    def epoch_ended(self, losses: Mapping[str, float]) -> None:
        """Let the strategy know the epoch's losses, of the tasks that it had labels of."""
        if self.weigher:
            present = [float(mean.count) > 0 for mean in self._loss_means.values()]
            self.weigher.epoch_ended(tf.constant(list(losses.values())), present)

    @property
    def scratch_variables(self) -> list[Any]:
        """Variables of the strategy that every step sets before it reads them."""
        return self.weigher.scratch if self.weigher else []

    @property
    def weighting_variables(self) -> list[Any]:
        """Trainable variables of the weighting strategy."""
        return [v for v in variables_of(self._weighting_state) if v.trainable]

    @property
    def seed_variables(self) -> list[Any]:
        """All variables that start from a run's seed: those of towers, heads and strategy."""
        return variables_of([*self._tower_state, *self._head_state, *self._weighting_state])

    @property
    def optimizer_variables(self) -> list[Any]:
        """Slots, counters and learning rates of all optimizers."""
        weighting = self.weighting_optimizer
        return [
            *self.optimization.variables,
            *([*weighting.variables, weighting.learning_rate] if weighting else []),
        ]


def _present(counts: Mapping[str, Tensor | None]) -> Tensor | None:
    """Which tasks have an example that counts, bool `[tasks]`; None where all always have."""
    if all(count is None for count in counts.values()):
        return None
    return tf.stack([tf.constant(True) if n is None else n > 0 for n in counts.values()])
