"""Write a table: `python docs/strategies.py RESULTS BENCHMARK.json docs/strategies.md`.

RESULTS is the folder of records of `suites/ml100k-strategies.yaml`, BENCHMARK.json what
`pytest benchmarks/test_strategies.py --benchmark-json` wrote.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mtbench.plugin.registry import installed
from mtbench.plugin.weighting import Weighting
from mtbench.records.results import Results
from mtbench.report import summarize
from mtbench.report.columns import number_text
from mtbench.report.summary import Row
from mtbench.suite.sweep import base

START, END = "<!-- table -->\n", "<!-- end of table -->\n"
METRICS = ("ranking/rmse", "retrieval/top_100_seen_removed")


def paper(cls: type[Weighting]) -> str:
    """The first line of the plugin's docstring: what it is, and where from."""
    return (sys.modules[cls.__module__].__doc__ or "").partition("\n")[0].rstrip(".")


def line(row: Row, strategies: dict[str, type[Weighting]], steps: dict[str, float]) -> str:
    """One scenario as a row of the table."""
    cls = strategies.get(base(row.name))
    cells = [
        f"`{row.name}`" if cls else row.name,
        paper(cls) if cls else "",
        cls.needs if cls else "",
        *(number_text(row.metrics.get(metric)) for metric in METRICS),
        f"{steps[row.name]:.2f}" if row.name in steps else "",
    ]
    return f"| {' | '.join(cells)} |"


def main(folder: str, benchmark: str, target: str) -> None:
    """Put the table between its marks."""
    strategies = {cls.name: cls for cls, _ in installed() if issubclass(cls, Weighting)}
    info = [b["extra_info"] for b in json.loads(Path(benchmark).read_text())["benchmarks"]]
    steps = {
        what.removeprefix("step, 2 tasks: ").removesuffix(" / equal"): ratio
        for ratios in info
        for what, ratio in ratios.items()
        if what.startswith("step, 2 tasks")
    }
    summary = summarize(Results.read(Path(folder)))
    rows = [
        "| scenario | paper | needs | RMSE | top-100, seen removed | step / equal |",
        "| --- | --- | --- | ---: | ---: | ---: |",
        *(line(row, strategies, {"equal": 1.0, **steps}) for row in summary.scenarios),
        *(
            f"| *floor:* {row.name} | | | "
            + " | ".join(number_text(row.metrics.get(metric)) for metric in METRICS)
            + " | |"
            for row in summary.floors
        ),
    ]
    page = Path(target)
    before, _, rest = page.read_text().partition(START)
    after = rest.partition(END)[2]
    page.write_text(before + START + "\n".join(rows) + "\n" + END + after)


if __name__ == "__main__":
    main(*sys.argv[1:])
