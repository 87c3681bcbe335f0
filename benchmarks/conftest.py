"""Ratios instead of seconds: what was compared, printed at the end and kept in `extra_info`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

_RATIOS: list[str] = []


@pytest.fixture(scope="session")
def data_dir() -> str:
    """A tfds folder with MovieLens 100K."""
    for folder in (os.environ.get("TFDS_DATA_DIR"), "../shared/data"):
        if folder and (Path(folder) / "movielens" / "100k-ratings").is_dir():
            os.environ["TFDS_DATA_DIR"] = str(Path(folder).resolve())
            return os.environ["TFDS_DATA_DIR"]
    pytest.skip("MovieLens 100K is not prepared in TFDS_DATA_DIR")


@pytest.fixture
def report_ratio(benchmark) -> Callable[..., None]:
    """Keep a ratio: `report_ratio("what", 21.3, "≥ 20")`."""

    def keep(what: str, ratio: float, target: str, detail: str = "") -> None:
        benchmark.extra_info[what] = ratio
        relation, bound = target.split()
        met = ratio >= float(bound) if relation == "≥" else ratio <= float(bound)
        verdict = "" if met else "   NOT REACHED"
        _RATIOS.append(f"{what:<58} {ratio:8.2f}   (target {target}){verdict}   {detail}")

    return keep


def pytest_xdist_auto_num_workers() -> int:
    """Run in this process, one after the other: nothing else may run while something is timed."""
    return 0


def pytest_terminal_summary(terminalreporter) -> None:
    """Print the ratios."""
    if _RATIOS:
        terminalreporter.section("ratios")
        for line in _RATIOS:
            terminalreporter.write_line(line)
