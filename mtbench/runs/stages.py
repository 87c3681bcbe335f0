"""What the runs of one process share, each made once for what decides it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from mtbench.data.dataset import Data
from mtbench.data.interactions import Interactions, joined
from mtbench.data.store import load_data
from mtbench.errors import DataError, LackingColumnError, MtbenchError, did_you_mean
from mtbench.metrics.slices import slice_counts
from mtbench.plugin.blame import blame
from mtbench.plugin.component import Component
from mtbench.plugin.lazy import quiet_stderr
from mtbench.suite.setup import Identify, Setup

from .environment import num_threads
from .identity import digest
from .oddities import count_pairs, count_repeats, count_unlabelled

if TYPE_CHECKING:
    from mtbench.train.trainer import Trainer

T = TypeVar("T")


class Divided(NamedTuple):
    """The parts of a seed, each with a seal of its own, its rows in the data's order."""

    train: Interactions
    validation: Interactions
    test: Interactions
    seen: np.ndarray
    """The data's order of the training and the validation part's rows: numbers of the rows of
    both, one part after the other, int64; empty where nothing validates."""

    @property
    def sizes(self) -> dict[str, int]:
        """Number of rows of each part."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: len(part) for name, part in parts.items()}

    def scored(self, setup: Setup) -> tuple[Interactions, Interactions]:
        """What a query has seen, in the data's order, and the part to score on."""
        if setup.evaluate_on == "validation":
            return self.train, self.validation
        if not len(self.validation):
            return self.train, self.test
        return joined(self.train, self.validation).take(self.seen), self.test


class Floors(NamedTuple):
    """What trivial predictors reach in a seed's parts, how large its slices are, and its rows."""

    floors: dict[str, dict[str, dict[str, float]]]
    slices: dict[str, dict[str, int]]
    scored: str
    """SHA-256 of the rows that are scored: equal for equal splits."""


class Stages:
    """Data, parts, floors and traced models, kept from one run to the next.

    Args:
        identify: Says what a component is, such as `Registry.identity`.

    Attributes:
        timings: Seconds that the process took once, `import_s` and `data_s`.
        training_rows: Size of the training part that was asked for last; None before that.
    """

    def __init__(self, identify: Identify) -> None:
        self._identify = identify
        self._memories: dict[str, OrderedDict[str, Any]] = {}
        self._trainer: Trainer | None = None
        self.timings = {"import_s": 0.0, "data_s": 0.0}
        self.training_rows: int | None = None

    def prepare(self, setups: Sequence[Setup], seed: int) -> None:
        """Do what all runs need before the first of them trains.

        Args:
            setups: Those of all runs, of one dataset and one split.
            seed: Of the first.

        Raises:
            DataError: The data is not there, lacks a column that a task or a tower reads, or is
                not to be divided.
            PluginError: The dataset raises anything else.
        """
        setup = setups[0]
        with self.blame(setup.dataset):
            setup.dataset.require()
        with blame(setup.split, lambda: self._identify(setup.split)["origin"]["plugin"]):
            setup.split.require()
        started = time.perf_counter()
        with quiet_stderr():
            from mtbench.train import devices  # noqa: PLC0415 - imports TensorFlow

            devices.initialise(setup.threads or num_threads())  # what it has to say of them, too
        imported = time.perf_counter()
        try:
            data = self.data(setup)
            for each in setups:
                require_columns(each, data)
                check_tasks(each, data)
            self.parts(setup, seed)
        except LackingColumnError as error:
            with self.blame(setup.dataset):
                where = setup.dataset.where(error.column)
            raise DataError(f"{error}; {where}" if where else str(error)) from error
        except MtbenchError:
            raise
        except (Exception, SystemExit):  # noqa: S110 - what else a split may raise is for the runs to record
            pass
        loaded = time.perf_counter()
        self.timings = {"import_s": imported - started, "data_s": loaded - imported}

    def data(self, setup: Setup) -> Data:
        """The dataset of a setup."""
        identity = self._identify(setup.dataset)
        with self.blame(setup.dataset):
            return self._once("data", [identity], lambda: load_data(setup.dataset, identity))

    def blame(self, component: Component) -> contextlib.AbstractContextManager[None]:
        """Make what a component's own code raises an error that names its plugin."""
        return blame(component, lambda: self._identify(component)["origin"]["plugin"])

    def parts(self, setup: Setup, seed: int) -> Divided:
        """Training, validation and test part of a seed.

        Raises:
            DataError: One that is needed is empty.
        """
        key = [self._identify(setup.dataset), self._identify(setup.split), setup.train_on, seed]
        parts = self._once("parts", key, lambda: divide(setup, self.data(setup), seed), most=2)
        needed = {"training": parts.train, "test": parts.test}
        if setup.train.validates or setup.evaluate_on == "validation":
            needed["validation"] = parts.validation
        for name, part in needed.items():
            if not len(part):
                raise DataError(
                    f"split {setup.split.name!r} of {self.data(setup).source}, seed {seed}: "
                    f"expected a {name} part, found no row of it"
                )
        self.training_rows = len(parts.train)
        return parts

    def trainer(self, setup: Setup) -> Trainer:
        """What trains a setup, with its traced model; the last one is kept."""
        from mtbench.train.feed import batches_of, make_feed  # noqa: PLC0415 - imports TensorFlow
        from mtbench.train.rows import own_columns  # noqa: PLC0415
        from mtbench.train.trainer import Trainer  # noqa: PLC0415

        if self._trainer is None or not self._trainer.setup.trains_as(setup):
            data = self.data(setup)
            key = [
                self._identify(setup.dataset),
                needed_columns(setup),
                setup.train.model_dump(mode="json"),
                own_columns(setup),
                batches_of(setup.weighting),
            ]
            feed = self._once("feed", key, lambda: make_feed(setup, data))
            self._trainer = Trainer(setup, data, feed)
        return self._trainer

    def forget_trainer(self) -> None:
        """Have the next run trace its model anew, since the last one failed on the way."""
        self._trainer = None

    def floors(self, setup: Setup, seed: int) -> Floors:
        """Floors of all tasks on the part that is scored; seeds keep theirs."""
        question = setup.question(self._identify)

        def score() -> Floors:
            parts = self.parts(setup, seed)
            seen, part = parts.scored(setup)
            floors = {
                name: task.floors(parts.train, part, seen) for name, task in setup.tasks.items()
            }
            rows = hashlib.sha256(np.stack([part.query, part.candidate]).tobytes())
            return Floors(floors, slice_counts(parts.train, part), rows.hexdigest())

        return self._once("floors", [question, seed], score, most=1000)

    def oddities(self, setup: Setup, seed: int) -> dict[str, Any]:
        """What of the data and a seed's parts a reader has to know: `records.record.Oddities`."""
        identity, rows = self._identify(setup.dataset), self.data(setup).interactions
        counts = self._once("repeats", [identity], lambda: count_repeats(rows))
        parts = self.parts(setup, seed)
        known, scored = parts.scored(setup)
        pairs = {"pairs": len(scored), "known_pairs": 0}
        if counts["repeated_pairs"]:  # else no part has a pair of another's
            key = [identity, self._identify(setup.split), setup.train_on, setup.evaluate_on, seed]
            pairs = self._once("pairs", key, lambda: count_pairs(known, scored), most=1000)
        missing = {}
        for name, task in setup.tasks.items():
            labels = task.learns_from()
            count = functools.partial(count_unlabelled, rows, labels)
            if lacking := self._once("unlabelled", [identity, labels], count, most=100):
                missing[name] = lacking
        return {**counts, **pairs, "unlabelled": missing}

    def _once(self, stage: str, key: Any, make: Callable[[], T], most: int = 1) -> T:
        """What was made for a key, or is made now; the latest few are kept."""
        memory = self._memories.setdefault(stage, OrderedDict())
        name = digest(key)
        if name not in memory:
            memory[name] = make()
            while len(memory) > most:
                memory.popitem(last=False)
        kept: T = memory[name]
        return kept


def divide(setup: Setup, data: Data, seed: int) -> Divided:
    """Divide the data by the setup's split; a part's rows keep the data's order.

    A split gives sets of rows: what comes first of two rows at one time, or without any time, is
    for the data to say. The order that a model is trained in is the feed's, by the run's seed.

    Raises:
        DataError: The parts are not of row numbers, each in one part at most.
    """
    built = setup.split.build(data, seed)
    size = len(data.interactions)
    parts = {
        name: _ascending(setup, name, getattr(built, name), size)
        for name in ("train", "validation", "test")
    }
    _require_disjoint(setup, parts, size)
    train, validation, test = parts.values()
    if setup.train_on == "train+validation":
        train, validation = np.sort(np.concatenate([train, validation])), validation[:0]
    both = [train, validation] if len(validation) else []
    seen = np.argsort(np.concatenate(both)) if both else np.empty(0, np.int64)
    taken = [data.interactions.part(rows) for rows in (train, validation, test)]
    return Divided(taken[0], taken[1], taken[2], seen)


def _ascending(setup: Setup, name: str, part: Any, size: int) -> np.ndarray:
    """Row numbers of a part, ascending."""
    rows = np.asarray(part)
    of = f"split {setup.split.name!r}, {name} part: expected"
    if not np.issubdtype(rows.dtype, np.integer):
        raise DataError(
            f"{of} row numbers, int64, found {rows.dtype}: a mask is made one by np.flatnonzero"
        )
    if rows.ndim != 1:
        raise DataError(f"{of} row numbers, [rows], found an array of shape {rows.shape}")
    rows = np.sort(rows)
    for row in rows[[0, -1]] if len(rows) else ():
        if not 0 <= row < size:
            raise DataError(f"{of} row numbers from 0 to {size - 1}, found {row}")
    return rows


def _require_disjoint(setup: Setup, parts: Mapping[str, np.ndarray], size: int) -> None:
    """Refuse parts that share rows: a row that is learned from and scored on tells nothing."""
    counts = np.bincount(np.concatenate(list(parts.values())).astype(np.int64), minlength=size)
    if counts.max(initial=0) > 1:
        row = int(counts.argmax())
        names = [name for name, rows in parts.items() for _ in range(np.count_nonzero(rows == row))]
        raise DataError(
            f"split {setup.split.name!r}: expected each row in one part at most, and once, found "
            f"row {row} in {' and '.join(names)} ({np.count_nonzero(counts > 1)} such rows)"
        )


def check_tasks(setup: Setup, data: Data) -> None:
    """Let each task look at the data.

    Raises:
        DataError: It is nonsense for one.
    """
    for name, task in setup.tasks.items():
        try:
            task.check(data.interactions)
        except DataError as error:
            raise DataError(f"task {name!r} on {data.source}: {error}") from error


def needed_columns(setup: Setup) -> list[str]:
    """Names of the columns that towers and tasks read, each once."""
    readers: Iterable[Any] = (*setup.towers.values(), *setup.tasks.values())
    return list(dict.fromkeys(name for reader in readers for name in reader.needs()))


def context_columns(setup: Setup) -> tuple[str, ...]:
    """Names of what the query's tower reads of an interaction's context."""
    return tuple(name for name in setup.towers["query"].needs() if name != "history")


def require_columns(setup: Setup, data: Data) -> None:
    """Refuse data that lack a column.

    Raises:
        LackingColumnError: A task or a tower reads one that is not there.
        DataError: A tower reads what is no context, such as a label.
    """
    columns = data.interactions.columns
    tasks = [(f"task {name!r} reads", each.needs()) for name, each in setup.tasks.items()]
    histories = [
        (f"tower {tower.name!r} puts histories in the order of", ("timestamp",))
        for tower in setup.towers.values()
        if "history" in tower.needs()
    ]
    for name in context_columns(setup):
        if name not in data.context:
            raise DataError(
                f"towers.query: context: {data.source} has no {name!r} that is known of an "
                f"interaction before its outcome{did_you_mean(name, data.context)}"
            )
    for reader, needs in (*tasks, *histories):
        for column in needs:
            if column not in columns:
                raise LackingColumnError(
                    f"{reader} column {column!r}, which {data.source} lacks "
                    f"(it has {', '.join(columns)})",
                    column,
                )
