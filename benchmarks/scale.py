"""One stage of a dataset's way, in a process of its own, and what it took.

`python benchmarks/scale.py STAGE SIZE FOLDER`: `generate` makes ratings up and writes them to a
CSV file, `encode` reads it into the cache, `run` trains an epoch and evaluates. Prints a JSON line.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SHAPES = {  # users, items, ratings; the first, second and last are those of MovieLens
    "100k": (943, 1682, 100_000),
    "1m": (6040, 3883, 1_000_209),
    "5m": (32_500, 20_000, 5_000_000),
    "25m": (162_541, 62_423, 25_000_095),
}
SUITE = """\
name: scale
dataset: {{name: table, path: {path}, columns: {{user_rating: rating, timestamp: timestamp}}}}
split: {{name: random, test_share: 0.2}}
towers:
  query: {{name: embedding, embedding_dim: 32}}
  candidate: {{name: embedding, embedding_dim: 32}}
tasks:
  ranking: {{units: [64, 32]}}
  retrieval: {{sampling_correction: true}}
scenarios:
  joint: {{tasks: [ranking, retrieval], weighting: equal}}
train:
  epochs: 1
  batch_size: {batch_size}
  optimizer: {{name: {optimizer}, learning_rate: {learning_rate}}}
seeds: 1
"""


def main(stage: str, size: str, folder: str) -> None:
    """Run a stage and print what it took."""
    place = Path(folder).resolve()
    os.environ["MTBENCH_CACHE_DIR"] = str(place / "cache")
    found = {"generate": generate, "encode": encode, "run": run}[stage](size, place)
    print(json.dumps({"stage": stage, "size": size, **found}))


def csv_of(size: str, place: Path) -> Path:
    """The file of ratings."""
    return place / f"ratings-{size}.csv"


def generate(size: str, place: Path) -> dict[str, Any]:
    """Make ratings up and write them."""
    import pyarrow as pa
    import pyarrow.csv

    from mtbench_plugins.datasets.synthetic import Synthetic

    users, items, ratings = SHAPES[size]
    with measured() as took:
        data = Synthetic(num_users=users, num_items=items, num_ratings=ratings).load()
    columns = data.interactions.columns
    names = {"query": "user_id", "candidate": "item_id", "user_rating": "rating"}
    temporary = csv_of(size, place).with_suffix(".tmp")
    schema = pa.schema(
        [(names.get(n, n), pa.from_numpy_dtype(c.dtype)) for n, c in columns.items()]
    )
    with pyarrow.csv.CSVWriter(temporary, schema) as writer:
        for start in range(0, len(data.interactions), 2**20):
            rows = [pa.array(column[start : start + 2**20]) for column in columns.values()]
            writer.write(pa.record_batch(rows, schema=schema))
    temporary.rename(csv_of(size, place))
    return took


def encode(size: str, place: Path) -> dict[str, Any]:
    """Read the file into the cache."""
    from mtbench.data.store import load_data

    registry, suite = _suite(size, place)
    with measured() as took:
        suite.dataset.require()
        data = load_data(suite.dataset, registry.identity(suite.dataset))
    return {**took, "rows": len(data.interactions)}


def run(size: str, place: Path) -> dict[str, Any]:
    """Train an epoch and evaluate, as `mtbench run` does."""
    from mtbench import hookimpl
    from mtbench.runs.plan import make_plan
    from mtbench.runs.session import perform

    registry, suite = _suite(size, place)
    ends: list[dict[str, Any]] = []

    class Peaks:
        """Keeps what training took, and counts anew for the evaluation."""

        @hookimpl
        def mtbench_run_started(self) -> None:
            ends.append(_now())

        @hookimpl
        def mtbench_epoch_ended(self) -> None:
            ends.append(_now())
            _reset()

    registry.hooks.register(Peaks())
    (record,) = perform(make_plan(suite, registry), registry, place / "results")
    if record["status"] != "ok":
        raise RuntimeError(record["error"])
    begun, trained = ends
    last, times = _now(), record["timings"]
    return {
        "train": {
            "seconds": times["train_s"],
            "rows": record["data"]["train"],
            "rows_per_s": times["train_examples_per_s"],
            "before_seconds": times["data_s"],
            "cpu_seconds": trained["cpu_seconds"] - begun["cpu_seconds"],
            "peak_bytes": trained["peak_bytes"],
        },
        "evaluate": {
            "seconds": times["evaluate_s"],
            "rows": record["data"]["test"],
            "cpu_seconds": last["cpu_seconds"] - trained["cpu_seconds"],
            "peak_bytes": last["peak_bytes"],
        },
        "run_seconds": times["run_s"],
        "parameters": record["parameters"],
        "metrics": record["metrics"],
    }


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Fill in what happens within took."""
    _reset()
    took: dict[str, Any] = {}
    wall, before = time.perf_counter(), _now()
    yield took
    after = _now()
    took["seconds"] = time.perf_counter() - wall
    took["cpu_seconds"] = after["cpu_seconds"] - before["cpu_seconds"]
    took["peak_bytes"] = after["peak_bytes"]


def _suite(size: str, place: Path) -> tuple[Any, Any]:
    """The registry, and the suite of this size."""
    from mtbench.plugin.registry import installed
    from mtbench.suite.reader import load_suite

    registry = installed()
    path = place / f"scale-{size}.yaml"
    options = {
        "batch_size": os.environ.get("MTBENCH_SCALE_BATCH", "1024"),
        "optimizer": os.environ.get("MTBENCH_SCALE_OPTIMIZER", "adagrad"),
        "learning_rate": os.environ.get("MTBENCH_SCALE_RATE", "0.1"),
    }
    path.write_text(SUITE.format(path=csv_of(size, place), **options))
    return registry, load_suite(path, registry)


def _now() -> dict[str, Any]:
    """Processor time and peak memory so far."""
    from mtbench.runs.environment import peak_memory

    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_seconds": used.ru_utime + used.ru_stime, "peak_bytes": peak_memory()}


def _reset() -> None:
    """Count the peak anew."""
    from mtbench.runs.environment import reset_peak_memory

    reset_peak_memory()


if __name__ == "__main__":
    main(*sys.argv[1:])
