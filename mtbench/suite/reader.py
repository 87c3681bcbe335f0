"""Reading a suite: one YAML file, validated whole before anything expensive starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from mtbench.config import document as marks
from mtbench.config.options import within
from mtbench.errors import Fault, PluginError, SuiteError
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.registry import Registry
from mtbench.plugin.split import Split

from .baselines import read_baselines
from .form import PARTS, Plain
from .labels import as_mapping
from .parts import PartsReader
from .scenarios import read_scenarios
from .spaces import Variants, read_budgets
from .suite import Asked, Scenario, Suite
from .tune import Values


def load_suite(
    suite: Path | Mapping[str, Any],
    registry: Registry,
    *,
    overrides: Sequence[str] = (),
    seeds: str | None = None,
    synthetic: bool = False,
    plugins: bool = True,
) -> Suite:
    """Read and validate a suite, and load the plugin files it names.

    Args:
        suite: The YAML file, or what such a file says.
        registry: The components there are; the suite's own plugin files are added to it.
        overrides: `key.path=value`, each replacing or adding a value, in order.
        seeds: Replaces the seeds, in the same form: `5`, or `[3, 4]`, or `3,4`.
        synthetic: Put the dataset's synthetic stand-in in its place.
        plugins: Whether the suite may name plugin files, which are executed to read it.

    Raises:
        SuiteError: With every fault of the suite.
        PluginError: A component's own check fails, rather than the suite.
    """
    document = read_document(suite, overrides, seeds)
    if not plugins and document.value.get("plugins"):
        message = "expected none, found plugin files, which --no-plugins does not execute"
        raise SuiteError([document.fault(("plugins",), message)])
    said = dict(suite) if isinstance(suite, Mapping) else str(suite)
    asked = Asked(said, tuple(overrides), seeds, synthetic)
    return replace(_Reader(document, registry).suite(synthetic), asked=asked)


def read_document(
    suite: Path | Mapping[str, Any], overrides: Sequence[str] = (), seeds: str | None = None
) -> marks.Document:
    """What a suite says, with overrides, not yet validated; see `load_suite`."""
    document = marks.of_mapping(suite, "suite") if isinstance(suite, Mapping) else marks.read(suite)
    _override(document, overrides, seeds)
    return document


def _override(document: marks.Document, overrides: Sequence[str], seeds: str | None) -> None:
    """Apply `-o key=value` and `--seeds` to a document."""
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            fault = Fault(f"-o {text}", "", "expected key=value, such as train.epochs=5")
            raise SuiteError([fault])
        path = _path(document, key)
        document.set(path, marks.parse_value(value, f"-o {text}"), f"-o {text}")
    if seeds is not None:
        listed = f"[{seeds}]" if re.fullmatch(r"\s*\d+\s*(,\s*\d*\s*)+", seeds) else seeds
        place = f"--seeds {seeds}"
        document.set(("seeds",), marks.parse_value(listed, place), place)


def _path(document: marks.Document, key: str) -> marks.Path_:
    """The path that a dotted key means.

    Below a `sweep` and a `space` a dotted path is one key. Where it goes below the list of a
    scenario's tasks, that becomes a mapping of them; so does the share of a task's labels below
    which it goes.
    """
    path = tuple(key.split("."))
    if path[0] == "scenarios" and path[2:3] == ("sweep",):
        return _with_one_key(path, 4 if path[3:4] == ("zip",) else 3)
    above = {"scenarios": 2, "baselines": 2, "tune": 0}.get(path[0], len(path))
    if path[above : above + 2] == ("tune", "space"):
        return _with_one_key(path, above + 2)
    if path[0] == "executor" and path[1:] and isinstance(document.value.get("executor"), str):
        place = document.places["executor",]
        document.set(("executor",), {"name": document.value["executor"]}, place)
        document.places["executor", "name"] = place
    if path[0] == "scenarios" and path[2:3] == ("labels",) and path[4:]:
        share = _at(document.value, path[:4])
        if as_mapping(share) is not share:
            document.set(path[:4], as_mapping(share), document.places[path[:4]])
    if path[0] == "scenarios" and path[2:3] == ("tasks",) and path[3:]:
        names = _at(document.value, path[:3])
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            place = document.places[path[:3]]
            document.set(path[:3], dict.fromkeys(names), place)
            document.places |= {(*path[:3], name): place for name in names}
    return path


def _with_one_key(path: tuple[str, ...], start: int) -> marks.Path_:
    """A path that from `start` on is one dotted key, and below it the form of a range."""
    end = len(path) - (path[-1] in Values.model_fields and len(path) > start + 1)
    return (*path[:start], *([".".join(path[start:end])] if path[start:] else []), *path[end:])


def _at(value: Any, path: marks.Path_) -> Any:
    """The value at a path of nested mappings; None where there is none."""
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def default_executor() -> str:
    """The name of what executes the runs of a suite that does not say."""
    return os.environ.get("MTBENCH_EXECUTOR") or "processes"


class _Reader(PartsReader):
    """Turns a document into a suite, collecting every fault on the way."""

    def suite(self, synthetic: bool) -> Suite:
        """Read the whole document.

        Raises:
            SuiteError: With all faults.
        """
        value = dict(self.document.value)
        parts = {key: value.pop(key, None) for key in PARTS}
        plain = self.options(Plain, value, (), extra=parts)
        self.load_plugins(value.get("plugins"))
        dataset = self.component("dataset", parts["dataset"], ("dataset",))
        replaced = None
        if synthetic and dataset:
            dataset, replaced = self.stand_in(dataset)
        split = self.component("split", parts["split"], ("split",))
        towers = self.towers(parts["towers"])
        executor = self.component(
            "executor", parts["executor"], ("executor",), default=default_executor()
        )
        tasks = self.tasks(parts["tasks"])
        scenarios = read_scenarios(self, tasks)
        baselines = read_baselines(self, tasks, scenarios)
        if plain:
            self.main_task(plain.main, tasks)
            self.training(plain.train, tasks)
            self.agreement(plain, split, scenarios)
        budgets = {}
        if plain and plain.tune and not self.faults:
            budgets = read_budgets(self, plain.tune, tasks, plain.seeds)
        if self.faults or not (plain and dataset and split):
            self.refuse()
        scenarios = {
            name: each.differences(towers, tasks, plain.train) for name, each in scenarios.items()
        }
        return Suite(
            plain.name,
            dataset,
            split,
            towers,
            tasks,
            scenarios,
            plain.train,
            tuple(dict.fromkeys(plain.seeds)),
            plain.evaluate_on,
            plain.train_on,
            replaced,
            baselines,
            plain.tune,
            budgets,
            plain.main,
            Variants(self, tasks) if plain.tune else None,
            self.registry,
            executor,
        )

    def agreement(
        self, plain: Plain, split: Split | None, scenarios: Mapping[str, Scenario]
    ) -> None:
        """Check what parts of each scenario ask of each other, as far as their options say it."""
        lacking = split.to_validate() if split else None
        message = f"expected a split with a validation part, found {split and split.name!r}: "
        for name, scenario in scenarios.items():
            sizes = {side: t and t.embedding_size() for side, t in scenario.towers.items()}
            with self.within(self.resolved[name]):
                if all(sizes.values()) and len(set(sizes.values())) > 1:
                    self.fault(
                        ("towers", "candidate", "embedding_dim"),
                        f"expected towers of one embedding_dim, found {sizes['query']} (query) and "
                        f"{sizes['candidate']} (candidate)",
                    )
                for key in ("early_stopping", "validate_every"):
                    if lacking and scenario.train and getattr(scenario.train, key):
                        self.fault(("train", key), message + lacking)
        if lacking and plain.evaluate_on == "validation":
            self.fault(("evaluate_on",), message + lacking)
        if lacking and plain.tune:
            self.fault(("tune",), message + lacking)

    def load_plugins(self, files: Any) -> None:
        """Load the plugin files of the suite, even where another of its keys is at fault.

        Raises:
            SuiteError: One cannot be loaded: what it offers would be missed everywhere.
        """
        failed = False
        for n, file in enumerate(files if isinstance(files, list) else []):
            if isinstance(file, str):
                try:
                    folder = self.document.folder_of(("plugins", n))
                    self.registry.load_file(Path(within(folder, file)))
                except PluginError as error:
                    self.fault(("plugins", n), str(error))
                    failed = True
        if failed:
            self.refuse()

    def refuse(self) -> NoReturn:
        """Raise all faults, in the order of their lines."""
        raise SuiteError(sorted(set(self.faults), key=_position))

    def stand_in(self, dataset: Dataset) -> tuple[Dataset | None, str | None]:
        """Replace a dataset by its synthetic stand-in."""
        with self.blame(type(dataset)):
            spec = dataset.stand_in()
            spec = spec and dict(spec)
        if spec is None:
            self.fault(("dataset",), f"{dataset.name!r} has no synthetic stand-in")
            return None, None
        said = {key: value for key, value in dataset.options().items() if value is not None}
        options = ", ".join(f"{key}={value}" for key, value in said.items())
        replaced = f"{dataset.name} ({options})" if options else dataset.name
        return self.component("dataset", spec, ("dataset",)), replaced


def _position(fault: Fault) -> tuple[str, int, str]:
    """Sort faults by file, then line."""
    file, _, line = fault.where.rpartition(":")
    return (file, int(line), fault.key) if line.isdigit() else (fault.where, 0, fault.key)
