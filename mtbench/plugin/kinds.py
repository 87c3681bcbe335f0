"""The kinds of component there are: the one table of them.

A new kind is a base class in a file of its own beside this one, and a row here. Its hook, its place
in `mtbench plugins` and, where a suite names it, in the JSON Schema come from the row.
"""

from __future__ import annotations

from dataclasses import dataclass

from .baseline import Baseline
from .component import Component
from .dataset import Dataset
from .executor import Executor
from .observer import Observer
from .split import Split
from .task import Task
from .tower import Tower
from .weighting import (
    BatchesWeighting,
    GradientWeighting,
    GramianWeighting,
    LossWeighting,
    Weighting,
)


@dataclass(frozen=True)
class Kind:
    """A kind of component. One word names it everywhere: hook, folder, entry points, suite."""

    base: type[Component]
    about: str
    """What its components are, for the hook's documentation."""
    forms: tuple[type[Component], ...] = ()
    """What components subclass, where that is not `base` itself."""
    in_suite: bool = True
    """Whether a suite names components of it."""

    @property
    def name(self) -> str:
        """Such as `tower`."""
        return self.base.kind

    @property
    def hook(self) -> str:
        """Such as `mtbench_towers`."""
        return f"mtbench_{self.name}s"

    @property
    def bases(self) -> tuple[type[Component], ...]:
        """What a class that a plugin offers must be a subclass of, one of them."""
        return self.forms or (self.base,)


_FORMS = (LossWeighting, GramianWeighting, GradientWeighting, BatchesWeighting)
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(Dataset, "Datasets."),
        Kind(Split, "Ways to divide a dataset into a training, a test and a validation part."),
        Kind(Tower, "Networks from the features of one side to an embedding."),
        Kind(Task, "Things a model must do."),
        Kind(Weighting, "Strategies that combine the losses of several tasks.", forms=_FORMS),
        Kind(Baseline, "Strong simple models, scored on the same parts as the trained ones."),
        Kind(Executor, "Where runs are executed."),
        Kind(
            Observer,
            "Observers that act where a user asks for them: `mtbench run --track NAME`.",
            in_suite=False,
        ),
    )
}
"""By name, in the order they are listed in."""
