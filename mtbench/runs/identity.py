"""What decides a run's result, and the id that is made of it."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from mtbench.errors import DataError
from mtbench.plugin.blame import blame
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run
from mtbench.plugin.sources import core_digest
from mtbench.plugin.split import Split
from mtbench.records.differing import leaves
from mtbench.records.record import Record
from mtbench.suite.setup import Setup
from mtbench.version import __version__

from .environment import device, num_threads

PACKAGES = ("tensorflow", "tf-keras", "tensorflow-recommenders", "numpy")
"""Packages whose version decides the bits of a result."""
FLAGS = ("TF_XLA_FLAGS", "XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS", "NVIDIA_TF32_OVERRIDE")
"""Variables of the environment that change the bits of a result."""


def question_of(setup: Setup, registry: Registry) -> dict[str, Any]:
    """Return what a setup asks: with the content of its data and the engine.

    Raises:
        PluginError: The digest of the files that the dataset or the split names fails.
    """
    split = _content(setup.split, registry)
    return {
        **setup.question(registry.identity),
        "content": _content(setup.dataset, registry),
        **({"split_content": split} if split else {}),
        "engine": {**engine(), "threads": setup.threads or num_threads()},
    }


def run_of(setup: Setup, seed: int, question: dict[str, Any], registry: Registry) -> Run:
    """Return a setup's run with a seed."""
    return runs_of(setup, [seed], question, registry)[0]


def runs_of(
    setup: Setup, seeds: Iterable[int], question: dict[str, Any], registry: Registry
) -> list[Run]:
    """Return a setup's runs with some seeds, which have the answer in common.

    Args:
        setup: The setup.
        seeds: The seeds.
        question: What `question_of` says of the setup.
        registry: Where its components come from.
    """
    answer, asked = setup.answer(registry.identity), _wherever_files_lie(question, setup)
    question_id, about = digest(asked), [setup.suite, setup.scenario, asked, answer]
    return [
        Run(
            digest([*about, seed]), setup.suite, setup.scenario, seed, question, question_id, answer
        )
        for seed in seeds
    ]


def run_of_record(record: Record) -> Run:
    """The run that a record is of."""
    plain = record.plain()
    return Run(*(plain["run_id" if key == "id" else key] for key in Run.__dataclass_fields__))


def differing(one: Run, two: Run) -> str:
    """Name what decides two runs and is not equal, in one line.

    What only one of them has is left out: it follows from what is named.
    """
    left, right = (
        dict(leaves({"question": dict(run.question), "answer": dict(run.answer)}))
        for run in (one, two)
    )
    keys = [key for key in left if key in right and left[key] != right[key]]
    return ", ".join(keys) or "code"


def _wherever_files_lie(question: dict[str, Any], setup: Setup) -> dict[str, Any]:
    """A question without the paths of files whose content it has."""
    asked = dict(question)
    for kind, content in (("dataset", "content"), ("split", "split_content")):
        if question.get(content):
            component: Dataset | Split = getattr(setup, kind)
            options = component.without_paths(question[kind]["options"])
            asked[kind] = {**question[kind], "options": options}
    return asked


def _content(component: Dataset | Split, registry: Registry) -> str | None:
    """The digest of the files of a dataset or split; None where it says that they cannot be read.

    A run will tell of that.

    Raises:
        PluginError: It does not say so, but raises what else there is.
    """
    try:
        with blame(component, lambda: registry.origin(component).plugin):
            content: Any = component.content()
            if not isinstance(content, str | None):
                raise TypeError(f"content: expected a digest or None, found {content!r:.100}")
            return content
    except DataError:
        return None


@functools.cache
def engine() -> dict[str, Any]:
    """Return what decides the bits besides the suite: versions, device, our own code."""
    versions = {name: version(name) for name in PACKAGES}
    flags = {name: os.environ[name] for name in FLAGS if os.environ.get(name)}
    return {
        "mtbench": __version__,
        **versions,
        "device": device(),
        "code": core_digest(),
        **({"flags": flags} if flags else {}),
    }


def digest(value: Any) -> str:
    """Return a short digest of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
