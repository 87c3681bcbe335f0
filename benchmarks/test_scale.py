"""Time and peak memory of encoding, training and evaluating, by number of ratings.

Each stage is a process of its own (`benchmarks/scale.py`), on made-up ratings in a CSV file.

`MTBENCH_SCALE=100k,1m,5m,25m` chooses the sizes, by default the first two; the last needs ten
minutes and 2 GB of disk. `MTBENCH_SCALE_DIR` names a folder that keeps the files.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scale import SHAPES, csv_of

SIZES = os.environ.get("MTBENCH_SCALE", "100k,1m").split(",")
MOST_MEMORY = 4e9
_FOUND: dict[tuple[str, str], dict[str, Any]] = {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    kept = os.environ.get("MTBENCH_SCALE_DIR")
    return Path(kept) if kept else tmp_path_factory.mktemp("scale")


def stage(name: str, size: str, folder: Path) -> dict[str, Any]:
    """Run a stage and return what it took."""
    command = [sys.executable, "-m", "benchmarks.scale", name, size, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("size", SIZES)
def test_encode(benchmark, report_ratio, folder, size):
    if not csv_of(size, folder).exists():
        stage("generate", size, folder)

    def once() -> None:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        _FOUND["encode", size] = stage("encode", size, folder)

    benchmark.pedantic(once, rounds=1)
    tell(benchmark, report_ratio, "encode", size)


@pytest.mark.parametrize("size", SIZES)
def test_train_and_evaluate(benchmark, report_ratio, folder, size):
    stage("encode", size, folder)  # into the cache, where it is not yet

    def once() -> None:
        shutil.rmtree(folder / "results", ignore_errors=True)
        found = stage("run", size, folder)
        for name in ("train", "evaluate"):
            _FOUND[name, size] = found[name]
        users, items, _ = SHAPES[size]
        _FOUND["evaluate", size]["scores"] = users * items

    benchmark.pedantic(once, rounds=1)
    for name in ("train", "evaluate"):
        tell(benchmark, report_ratio, name, size)


def tell(benchmark, report_ratio, name: str, size: str) -> None:
    """Report the memory of a stage, and its time per rating beside that of a million."""
    took = _FOUND[name, size]
    benchmark.extra_info[f"{name}-{size}"] = took
    report_ratio(
        f"{name} {size}: peak memory / 4 GB",
        took["peak_bytes"] / MOST_MEMORY,
        "≤ 1",
        f"{took['seconds']:.1f} s, {took['peak_bytes'] / 1e9:.2f} GB",
    )
    if (base := _FOUND.get((name, "1m"))) and size not in ("100k", "1m"):
        unit = "scores" if name == "evaluate" else "rows"
        ratio = (took["seconds"] / took[unit]) / (base["seconds"] / base[unit])
        each = "score" if name == "evaluate" else "rating"
        report_ratio(f"{name}, seconds per {each}: {size} / 1m", ratio, "≤ 1.5")
