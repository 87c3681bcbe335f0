"""What nobody may change unawares: the ids of the suites' runs, and the keys of a record.

Ids hold versions, code and the machine's threads besides what a suite says; here these are fixed,
so that what is left are the options and how they become an id. `MTBENCH_GOLDEN=write pytest -n0 …`
writes the files anew, whose difference is then to be read.
"""

import json
import os
from pathlib import Path

import pytest
from made import perform
from public import FORMS

from mtbench.plugin.registry import Origin, Registry, installed
from mtbench.runs import identity as module
from mtbench.runs.plan import make_plan
from mtbench.suite.reader import load_suite

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"


def held(name, made):
    """What a golden file says, which is `made` where it is written anew."""
    path = GOLDEN / name
    if os.environ.get("MTBENCH_GOLDEN") == "write":
        path.write_text(json.dumps(made, indent=1) + "\n")
    return json.loads(path.read_text())


@pytest.fixture
def fixed(monkeypatch):
    """The same code, versions and threads on every machine."""
    monkeypatch.setattr(module, "engine", lambda: {"mtbench": "0", "threads": 2})
    monkeypatch.setattr(Registry, "origin", lambda self, component: Origin("p", "d", "0", "0"))


def test_ids_of_all_suites(fixed):
    registry = installed()
    made = {
        path.stem: {
            f"{run.scenario} {run.seed}": run.id
            for run in make_plan(load_suite(path, registry, seeds="2"), registry)
        }
        for path in sorted((ROOT / "suites").glob("*.yaml"))
        if path.stem not in FORMS  # whose ids hold what is in files that lie there or not
    }
    assert made == held("ids.json", made)


def keys_of(value, depth=2):
    """The keys of nested mappings, sorted; those of options and metrics are not the record's."""
    if not isinstance(value, dict) or not depth:
        return type(value).__name__
    return {key: keys_of(value[key], depth - 1) for key in sorted(value)}


def test_keys_of_a_record(tiny, registry, tmp_path):
    suite = load_suite(tiny, registry, seeds="1")
    (record,) = perform(suite, registry, tmp_path / "r", ["joint"])
    made = keys_of(record.plain())
    assert made == held("record_keys.json", made)
