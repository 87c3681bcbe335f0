"""Doing the trials of a suite, and saying what is left to do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtbench.plugin.registry import Registry
from mtbench.runs.plan import make_plan, pending
from mtbench.runs.session import prepare
from mtbench.runs.stages import Stages
from mtbench.suite.suite import Suite

from .outlook import Outlook
from .study import Study, Trial
from .tuner import Tuner, plan_of

if TYPE_CHECKING:
    from mtbench.runs.progress import TerminalProgress


def outlook(
    suite: Suite,
    registry: Registry,
    scenarios: Sequence[str] = (),
    results: str | os.PathLike[str] = "results",
) -> Outlook:
    """Say what of a suite is done and what is to be done; arguments as for `mtbench.run`."""
    folder, later = Path(results) / suite.name, dict[str, int]()
    trials: dict[Study, list[Trial]] = {}
    if suite.tune:
        tuner = Tuner(suite, registry, folder, scenarios)
        trials = {study: tuner.stored(study) for study in tuner.studies}
        later = {
            study.title: len(suite.seeds)
            for study, found in trials.items()
            if len(found) < study.size
        }
        tuner.studies = [study for study in tuner.studies if study.title not in later]
        plan = tuple(plan_of(tuner, trials.__getitem__, suite.seeds))
    else:
        plan = make_plan(suite, registry, scenarios)
    todo = frozenset(run.id for run in pending(plan, folder))
    return Outlook(folder, trials, plan, todo, later)


def tune_all(
    tuner: Tuner, stages: Stages, *, progress: bool = True, force: bool = False
) -> dict[Study, list[Trial]]:
    """Do the trials of all studies that are to be done, and return all of them.

    Args:
        tuner: The studies.
        stages: What the runs share.
        progress: Show on the standard error how it goes.
        force: Do again what is done.

    Raises:
        DataError: The data is not there, or cannot be divided.
        MtbenchError: A package is missing, or the folder is at fault.
    """
    found = {study: [] if force else tuner.stored(study) for study in tuner.studies}
    todo = [study for study in tuner.studies if len(found[study]) < study.size]
    if not todo:
        return found
    seeds = tuner.tune.seeds
    prepare([study.setup({}) for study in todo], seeds[0], stages, tuner.folder)
    arms = [
        study.arm for study in todo for _ in range((study.size - len(found[study])) * len(seeds))
    ]
    with _shown(arms, stages) if progress else contextlib.nullcontext() as shown:
        for study in todo:
            found[study] = tuner.tuned(study, stages, shown, force)
    return found


def _shown(arms: Sequence[str], stages: Stages) -> TerminalProgress:
    from mtbench.runs import progress  # noqa: PLC0415 - imports rich

    return progress.progress(arms, lambda: stages.training_rows, "runs of trials")
