"""Doing a work in this process: the run it names, or what is missing of a study."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbench.errors import MtbenchError
from mtbench.plugin.executor import Event, Work
from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run
from mtbench.records.record import Record
from mtbench.runs.execute import Listener, execute, failed
from mtbench.runs.guard import Guard
from mtbench.runs.identity import differing, question_of, run_of
from mtbench.runs.plan import PlannedRun
from mtbench.runs.stages import Stages
from mtbench.suite.suite import Suite
from mtbench.tune.study import Enough, Metrics
from mtbench.tune.tuner import Tuner, chosen_setup

if TYPE_CHECKING:
    from mtbench.train.model import MultiTaskModel

Tell = Callable[[Event], object]


class Performer:
    """Does works of one suite.

    Args:
        suite: The suite.
        registry: Where its components come from.
        tell: Is told how they go.
        place: What records say of where they were made.
        arms: What of the suite may be asked for.
    """

    def __init__(
        self,
        suite: Suite,
        registry: Registry,
        tell: Tell,
        place: Mapping[str, Any],
        arms: Sequence[str],
    ) -> None:
        self._arms = arms
        self._suite, self._registry, self._tell, self._place = suite, registry, tell, place
        self._stages = Stages(registry.identity)
        self._questions: dict[str, dict[str, Any]] = {}
        self._guard: Guard | None = None
        self._told_ids = False

    def do(self, work: Work) -> None:
        """Do a work; `ended` is the last that is told of it.

        Raises:
            MtbenchError: It cannot be done here, nor can any other: the data is not there, or the
                run has another id here.
        """
        if "study" in work.asked:
            self._study(work)
        else:
            self._run(work)
        self._tell(Event("ended", work.key))

    def _run(self, work: Work) -> None:
        """Do the run that is asked for, if it is the one that is meant."""
        asked = work.asked
        run = self._planned(asked)
        if run.id != asked["run"]["id"]:
            keys = differing(Run(**asked["run"]), run.run)
            raise MtbenchError(
                f"{run.scenario} seed {run.seed}: another run for a worker than for the command, "
                f"which differ in {keys}"
            )
        self._execute(run, run.run, work, models=asked["models"])

    def _planned(self, asked: Mapping[str, Any]) -> PlannedRun:
        """The run of an arm with a seed, its options as they are or as they were chosen."""
        if asked["tuning"]:
            setup = chosen_setup(self._suite, asked["arm"], asked["tuning"])
        else:
            setup = self._suite.setup(asked["arm"])
        if asked["arm"] not in self._questions:
            self._questions[asked["arm"]] = question_of(setup, self._registry)
        run = run_of(setup, asked["seed"], self._questions[asked["arm"]], self._registry)
        return PlannedRun(run, setup, tuple(asked["arms"]))

    def _study(self, work: Work) -> None:
        """Do the runs of a study that are missing, or the first few of them."""
        arm, number = work.asked["study"]
        left = work.asked["at_most"]
        known = {text["run_id"]: Record.of(text) for text in work.asked["records"]}
        tuner = Tuner(self._suite, self._registry, known.get, [arm])
        study = next(study for study in tuner.studies if study.number == number)

        def make(run: PlannedRun, trial: int, enough: Enough) -> Record | None:
            nonlocal left
            if left is not None:
                if not left:
                    return None
                left -= 1
            named = study.named(run.run, trial)
            return self._execute(run, named, work, enough=enough)

        tuner.tuned(study, make)

    def _execute(
        self,
        run: PlannedRun,
        named: Run,
        work: Work,
        *,
        models: bool = False,
        enough: Enough | None = None,
    ) -> Record:
        """Execute a run, and tell how it goes.

        Args:
            run: The run.
            named: The same as it is called.
            work: That it belongs to.
            models: Tell of the weights, too.
            enough: What may end it early.
        """
        if self._guard is None:
            others = [self._suite.setup(arm) for arm in self._arms]
            self._stages.prepare([run.setup, *others], run.seed)
            self._guard = Guard()
            self._tell(Event("ready", work.key))
        self._tell(Event("started", work.key, {"run": asdict(named)}))
        teller = _Teller(self._tell, self._stages, run.id, work.key, enough, models)
        record = execute(run, self._stages, teller, self._place)
        if teller.ended and record.ok:
            record = record.model_copy(update={"pruned": True})
        record = self._guarded(self._guard, record, named)
        arrays = teller.arrays if record.ok else {}
        if "by_query" in arrays and not self._told_ids:
            arrays["queries"] = _npz({"ids": self._stages.data(run.setup).query.ids})
            self._told_ids = True
        self._tell(Event("finished", work.key, {"record": record.plain()}, arrays))
        return record

    def _guarded(self, guard: Guard, record: Record, run: Run) -> Record:
        """Put back what a run has changed for all; one that replaced a function has no result."""
        replaced, settings = guard.restore()
        if settings:
            warnings.warn(
                f"{run.scenario} seed {run.seed} changed what all runs of a process share, which "
                f"was put back: {', '.join(settings)}",
                RuntimeWarning,
                stacklevel=2,
            )
        if not replaced or not record.ok:
            return record
        message = f"put something else in the place of {', '.join(replaced)}, which all code uses"
        return failed(record, {"type": "RuntimeError", "message": message})


class _Teller(Listener):
    """Tells of a run, ends it where that is enough, and keeps what is stored beside its record."""

    def __init__(
        self, tell: Tell, stages: Stages, run: str, work: str, enough: Enough | None, models: bool
    ) -> None:
        self._tell, self._stages, self._run, self._work = tell, stages, run, work
        self._enough, self._models = enough, models
        self.ended = False
        self.arrays: dict[str, bytes] = {}

    def epoch_ended(self, epoch: int, losses: Mapping[str, float]) -> None:
        """Tell of it."""
        content = {"run": self._run, "epoch": epoch, "losses": dict(losses)}
        self._tell(Event("epoch", self._work, {**content, "rows": self._stages.training_rows}))

    def validated(self, epoch: int, metrics: Metrics) -> bool:
        """Ask the study."""
        if self._enough:
            self.ended = self.ended or self._enough(epoch, metrics)
        return self.ended

    def scored(self, model: MultiTaskModel | None, by_query: Mapping[str, np.ndarray]) -> None:
        """Keep the values by query, and the weights where they are asked for."""
        if by_query and not self._enough:
            self.arrays["by_query"] = _npz(by_query)
        if self._models and model:
            from mtbench.train.artifacts import weights_of  # noqa: PLC0415 - TensorFlow

            self.arrays["weights"] = _npz(weights_of(model))


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as the bytes of an `.npz` file."""
    stream, named = io.BytesIO(), dict(arrays)
    np.savez(stream, allow_pickle=False, **named)
    return stream.getvalue()
