"""What the tests share: a registry, tiny suites, and MovieLens where it is at hand."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from mtbench.data.dataset import Data
from mtbench.data.store import load_data
from mtbench.plugin.registry import Registry, installed
from mtbench.runs.stages import Stages
from mtbench.suite.reader import load_suite
from mtbench.suite.setup import Setup
from mtbench.suite.suite import Suite

ROOT = Path(__file__).parent.parent

# how long anything takes is no fault: machines are busy
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")

# in this process, unless a test says otherwise: a worker imports TensorFlow for seconds
os.environ["MTBENCH_EXECUTOR"] = "inline"
os.environ["TF_NUM_INTRAOP_THREADS"] = "2"

TINY = """
name: tiny
dataset: {name: synthetic, num_users: 30, num_items: 40, num_ratings: 300}
split: {name: random, test_share: 0.2}
towers:
  query: {name: embedding, embedding_dim: 4}
  candidate: {name: embedding, embedding_dim: 4}
tasks:
  ranking: {units: [8]}
  retrieval: {top_k: [1, 5]}
scenarios:
  rating-only: {tasks: [ranking]}
  retrieval-only: {tasks: [retrieval]}
  joint: {tasks: [ranking, retrieval], weighting: fixed}
train: {epochs: 2, batch_size: 64}
seeds: 2
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`MTBENCH_THOROUGH=2/5`: of five parts of the thorough tests the second, and all real data."""
    part, parts = map(int, os.environ.get("MTBENCH_THOROUGH", "1/1").split("/"))
    thorough = [item for item in items if item.get_closest_marker("thorough")]
    others = {item for i, item in enumerate(thorough) if i % parts != part % parts}
    others -= {item for item in thorough if item.get_closest_marker("realdata")}
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=list(others))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A cache of encoded datasets of the session's own."""
    os.environ["MTBENCH_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def data_dir() -> str:
    """A tensorflow-datasets folder with MovieLens 100K."""
    for folder in (os.environ.get("TFDS_DATA_DIR"), ROOT.parent / "shared" / "data"):
        if folder and (Path(folder) / "movielens" / "100k-ratings").is_dir():
            return str(folder)
    pytest.skip("MovieLens 100K is not prepared in TFDS_DATA_DIR")


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The installed plugins."""
    return installed()


@pytest.fixture(scope="session")
def tiny_text() -> str:
    """A small suite."""
    return TINY


@pytest.fixture(scope="session")
def trainers() -> OrderedDict[int, Any]:
    """The latest trainers of the tests that share theirs."""
    return OrderedDict()


@pytest.fixture(scope="module")
def traced(trainers: OrderedDict[int, Any]) -> Iterator[None]:
    """Where training is not what is tested: a model that an earlier test traced serves again.

    As the seeds of one process share it: every run has fresh weights, and a failure forgets it.
    """
    find, forget = Stages.trainer, Stages.forget_trainer

    def trainer(stages: Stages, setup: Setup) -> Any:
        kept = (each for each in trainers.values() if each.setup.trains_as(setup))
        stages._trainer = found = next(kept, None) or find(stages, setup)
        trainers[id(found)] = found
        trainers.move_to_end(id(found))
        while len(trainers) > 8:
            trainers.popitem(last=False)
        return found

    def forget_trainer(stages: Stages) -> None:
        trainers.pop(id(stages._trainer), None)
        forget(stages)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stages, "trainer", trainer)
        patch.setattr(Stages, "forget_trainer", forget_trainer)
        yield


@pytest.fixture
def tiny(tmp_path: Path, tiny_text: str) -> Path:
    """A small suite's file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny_text)
    return path


@pytest.fixture(scope="session")
def shared_tiny(tmp_path_factory: pytest.TempPathFactory, tiny_text: str) -> Path:
    """A small suite's file, for what several tests share; none of them changes it."""
    path = tmp_path_factory.mktemp("suite") / "tiny.yaml"
    path.write_text(tiny_text)
    return path


@pytest.fixture
def make_suite(tiny: Path, registry: Registry) -> Callable[..., Suite]:
    """Load the small suite with overrides: `make_suite("train.epochs=1")`."""
    return lambda *overrides: load_suite(tiny, registry, overrides=overrides)


@pytest.fixture
def tiny_data(make_suite: Callable[..., Suite], registry: Registry) -> Data:
    """The small suite's data."""
    dataset = make_suite().dataset
    return load_data(dataset, registry.identity(dataset))
