"""The arms that tell whether tasks should be trained together: overrides of a suite that has them.

Each task alone, a constant weighting that is tuned, and some strategies: all with the same towers,
training, trials and seeds. Nothing else is changed, so that what is run is a suite like any other.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtbench.errors import Fault, PluginError, SuiteError, did_you_mean
from mtbench.plugin.registry import Registry

from .reader import load_suite, read_document
from .resolve import concerns, resolve
from .suite import Asked, Suite
from .training import Train
from .tune import Tune

CONSTANT = "fixed"
"""The weighting with constants."""
STRATEGIES = ("uncertainty", "imtl-g")
"""Those that are held against it: one by losses, which costs nothing, and one by gradients. Neither
has options to tune, so that no trial is spent on them."""
WEIGHTS = {"log": [0.01, 100.0]}
"""What is tried of the weight of each task, that of the first being 1."""
TRIALS = 8
SEEDS = 10
"""Seeds, where nobody says how many: some fifteen planned comparisons are corrected for, for which
five seeds would have to differ by six times their standard error, ten by four."""


def advice_suite(
    suite: Suite,
    registry: Registry,
    *,
    scenario: str | None = None,
    strategies: Sequence[str] = STRATEGIES,
    trials: int | None = None,
) -> Suite:
    """Make the suite of arms of a suite that was read from a file or a mapping.

    Args:
        suite: The suite. Its own scenarios are not run.
        registry: Where its components come from.
        scenario: What it trains, with its towers, labels and training, is what the advice is about;
            default: the first of those with the most tasks, of a suite without one of several all
            of its tasks.
        strategies: Weightings besides the tuned constant.
        trials: For each arm; default: the suite's, or `TRIALS`.

    Raises:
        SuiteError: It has no several tasks to train, or nothing to choose options by.
    """
    asked = suite.asked
    if asked is None:
        raise SuiteError([Fault(suite.name, "", "expected a suite that was read from a file")])
    path = asked.suite if isinstance(asked.suite, Mapping) else Path(asked.suite)
    document = read_document(path, asked.overrides, asked.seeds).value
    base, trained, said = _base(suite, document["scenarios"], scenario)
    _check(suite, registry, base, trained, strategies)
    arms = {f"{task}-alone": _arm(said, [task]) for task in trained}
    first = suite.main if suite.main in trained else trained[0]
    space = {f"weighting.weights.{task}": WEIGHTS for task in trained if task != first}
    arms["constant"] = {**_arm(said, trained), "weighting": CONSTANT, "tune": {"space": space}}
    arms |= {each: {**_arm(said, trained), "weighting": each} for each in strategies}
    train = resolve(base, document).value["train"] if base else None
    changed = {
        "name": f"{suite.name}-advise",
        "scenarios": arms,
        "baselines": {},
        "tune": _tune(suite, trained, _read_train(train) if train else suite.train, trials),
    }
    overrides = tuple(f"{key}={json.dumps(value)}" for key, value in changed.items())
    seeds = asked.seeds if asked.seeds or "seeds" in document else _seeds(suite.tune)
    return _read(path, registry, replace(asked, overrides=asked.overrides + overrides, seeds=seeds))


def _base(
    suite: Suite, scenarios: Mapping[str, Any], name: str | None
) -> tuple[str | None, list[str], dict[str, Any]]:
    """The scenario that the advice is about, its tasks in the suite's order, and what it says."""
    if name is not None and name not in scenarios:
        message = f"unknown scenario {name!r}{did_you_mean(name, scenarios)}"
        raise SuiteError([Fault(f"--scenario {name}", "", message)])
    written = {key: resolve(key, {"scenarios": scenarios}) for key in scenarios}
    one = max(written.values(), key=lambda each: len(each.trained or ()))
    if name is None and len(one.trained or ()) < 2:
        return None, [*suite.tasks], {}
    one = written[name] if name else one
    return one.name, [task for task in suite.tasks if task in (one.trained or ())], one.value


def _check(
    suite: Suite,
    registry: Registry,
    base: str | None,
    trained: Sequence[str],
    strategies: Sequence[str],
) -> None:
    """Refuse what no arms can be made of.

    Raises:
        SuiteError: With every fault.
    """
    asked = suite.asked.suite if suite.asked else None
    file = asked if isinstance(asked, str) else "suite"
    faults = []
    if len(trained) < 2:
        key = f"scenarios.{base}.tasks" if base else "tasks"
        message = "expected several tasks, to train together or apart, found"
        faults.append(Fault(file, key, f"{message} {', '.join(trained)} alone"))
    if lacking := suite.split.to_validate():
        message = "expected a split with a validation part, by which the arms are tuned, found"
        faults.append(Fault(file, "split", f"{message} {suite.split.name!r}: {lacking}"))
    if suite.evaluate_on != "test":
        faults.append(Fault(file, "evaluate_on", "expected test, found 'validation'"))
    for n, name in enumerate(strategies):
        try:
            registry.find("weighting", name)
        except PluginError as error:
            faults.append(Fault("--strategies", "", str(error)))
        if name in ("constant", *strategies[:n]) or name == CONSTANT:
            message = f"expected strategies besides the constant, each once, found {name!r}"
            faults.append(Fault("--strategies", "", message))
    if faults:
        raise SuiteError(faults)


def _arm(said: Mapping[str, Any], trained: Sequence[str]) -> dict[str, Any]:
    """A scenario of some tasks that differs from the suite in what another one says."""
    options, labels, train = (said.get(key) or {} for key in ("tasks", "labels", "train"))
    first = (train.get("pretrain") or {}).get("tasks", ())
    arm = {
        "tasks": {task: options.get(task) or {} for task in trained},
        "towers": said.get("towers"),
        "train": train,
        "labels": {task: each for task, each in labels.items() if task in (*trained, *first)},
    }
    return {key: value for key, value in arm.items() if value}


def _read_train(value: Any) -> Train:
    return Train.model_validate_json(json.dumps(value), strict=True)


def _seeds(tune: Tune | None) -> str:
    """The first seeds that are none of tuning."""
    taken = {*tune.seeds} if tune else set()
    free = (n for n in itertools.count() if n not in taken)
    return json.dumps([*itertools.islice(free, SEEDS)])


def _tune(suite: Suite, trained: Sequence[str], train: Train, trials: int | None) -> dict[str, Any]:
    """How the arms are tuned: as the suite says, but for weights; else training alone."""
    tune = suite.tune
    heads = {
        task: next((m.name for m in metrics if m.headline), metrics[0].name)
        for task in trained
        for metrics in (suite.tasks[task].metrics(),)
    }
    metrics = [key for key in (tune.metrics if tune else ()) if key.partition("/")[0] in trained]
    there = {key.partition("/")[0] for key in metrics}
    metrics += [f"{task}/{name}" for task, name in heads.items() if task not in there]
    space = {
        path: values.said()
        for path, values in (tune.space if tune else {}).items()
        if not path.startswith("weighting") and concerns(path, trained, suite.tasks)
    }
    said = _said(tune) if tune else {}
    number = trials or (tune.trials if tune else TRIALS)
    return {**said, "trials": number, "metrics": metrics, "space": space or _of_training(train)}


def _said(tune: Tune) -> dict[str, Any]:
    """What stays as the suite says it; a grid would give arms of larger spaces more trials."""
    sampler = "random" if tune.sampler == "grid" else tune.sampler
    return {"seeds": tune.seeds, "sampler": sampler, "pruner": tune.pruner}


def _of_training(train: Train) -> dict[str, Any]:
    """Learning rate and epochs around what they are."""
    rate = train.optimizer.learning_rate
    ends = [float(f"{rate / 3:.3g}"), float(f"{rate * 3:.3g}")]
    space: dict[str, Any] = {"train.optimizer.learning_rate": {"log": ends}}
    if not train.early_stopping:
        space["train.epochs"] = {"int": [-(-train.epochs // 2), 2 * train.epochs]}
    return space


def _read(path: Path | Mapping[str, Any], registry: Registry, asked: Asked) -> Suite:
    """Read the suite; what is wrong with arms that nobody wrote is told at the file."""
    try:
        return load_suite(
            path,
            registry,
            overrides=asked.overrides,
            seeds=asked.seeds,
            synthetic=asked.synthetic,
        )
    except SuiteError as error:
        file = str(path) if isinstance(path, Path) else "suite"
        made = ("-o name=", "-o scenarios=", "-o baselines=", "-o tune=")
        told = [
            replace(each, where=f"{file}: an arm of the advice")
            if each.where.startswith(made)
            else each
            for each in error.faults
        ]
        raise SuiteError(told) from None
