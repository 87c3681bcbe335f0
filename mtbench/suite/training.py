"""How a run trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, model_serializer, model_validator

from mtbench.config.options import Options


class Optimizer(Options):
    """An optimizer of `tf.keras.optimizers`; what is not an option here has Keras's default."""

    name: Literal["adagrad", "adam", "adamw", "rmsprop", "sgd"] = "adagrad"
    """Which one."""
    learning_rate: float = Field(0.1, gt=0, allow_inf_nan=False)
    """Learning rate."""
    momentum: float | None = Field(None, ge=0, lt=1)
    """Momentum of `sgd` and `rmsprop`."""
    weight_decay: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Decoupled weight decay of `adamw` (Loshchilov and Hutter, ICLR 2019)."""
    l2: float = Field(0.0, ge=0, allow_inf_nan=False)
    """λ of the penalty λ/2 ‖θ‖²; of an embedding table in each step only on the rows it reads."""

    @model_validator(mode="after")
    def _has_them(self) -> Optimizer:
        for option, names in (("momentum", ("sgd", "rmsprop")), ("weight_decay", ("adamw",))):
            if getattr(self, option) is not None and self.name not in names:
                raise ValueError(
                    f"expected {option} with {' or '.join(names)}, found it with {self.name}"
                )
        return self


class Schedule(Options):
    """How the learning rate changes while training."""

    name: Literal["constant", "linear", "cosine", "exponential"] = "constant"
    """Form of its way from the learning rate to `end` times it."""
    end: float = Field(0.01, gt=0, le=1)
    """Factor of the learning rate at the end of training, unless it is constant."""
    warmup_epochs: float = Field(0.0, ge=0, allow_inf_nan=False)
    """Epochs, or part of one, in which it rises linearly from nothing."""


class EarlyStopping(Options):
    """When to stop, and which epoch's parameters to keep, by the validation part."""

    metrics: tuple[str, ...] = Field(min_length=1)
    """Metrics as `task/metric`; those of the tasks that a scenario trains count, the mean of their
    logarithms decides."""
    patience: int = Field(3, ge=1)
    """How many evaluations in a row may pass without a better one."""


class Pretrain(Options):
    """A first training, whose towers and heads the run then starts from."""

    tasks: tuple[str, ...] = Field(min_length=1)
    """Tasks to train first; of several the losses are added."""
    epochs: int = Field(ge=1)
    """Passes over the rows that these tasks learn from."""


class Train(Options):
    """How every run of the suite trains."""

    epochs: int = Field(3, ge=1)
    """Passes over the training part."""
    batch_size: int = Field(8192, ge=1)
    """Examples in a step; for in-batch retrieval also the number of negatives."""
    optimizer: Optimizer = Optimizer()
    """Optimizer of the model."""
    groups: dict[str, Optimizer] = Field({})
    """Optimizers of parts of the model: `query` and `candidate` for the towers, a task's name for
    its head."""
    schedule: Schedule = Schedule()
    """Schedule of all learning rates but a weighting strategy's."""
    clip_norm: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Longest norm of the gradient of the whole model; a longer one is scaled down."""
    validate_every: int | None = Field(None, ge=1)
    """Score the validation part after each so many epochs, for the curve and for
    `early_stopping`; default: not at all, or with it after each."""
    early_stopping: EarlyStopping | None = None
    """Stop before the last epoch, and keep the best one's parameters."""
    reshuffle: bool = True
    """A new order in every epoch. False: one random order, as in the TFRS tutorial."""
    diagnostics: bool = False
    """Record gradient norms, cosines and conflicts for strategies too that need no gradients."""

    affinity_every: int | None = Field(None, ge=1)
    """At each so many-th step of several tasks look at how they bear on each other: gradients of
    two halves of the batch, and what a step on one task's loss does to the others'. It changes
    nothing, and costs the time of as many steps as there are tasks, and two more."""

    pretrain: Pretrain | None = None
    """Train these tasks first, with the same options; optimizers and schedule then start anew."""

    @model_serializer(mode="wrap")
    def _without_later(self, dump: Callable[[Train], dict[str, Any]]) -> dict[str, Any]:
        """Leave out what is not asked for of later options, as before there were such."""
        options = dump(self)
        for later in ("affinity_every", "pretrain"):
            if getattr(self, later) is None:
                options.pop(later, None)
        return options

    @property
    def validates(self) -> bool:
        """Whether the validation part is scored between epochs."""
        return bool(self.validate_every or self.early_stopping)
