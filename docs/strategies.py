"""Write a table: `python docs/strategies.py RESULTS BENCHMARK.json docs/strategies.md`.

RESULTS is the folder of records of `suites/ml100k-strategies.yaml`, BENCHMARK.json what
`pytest benchmarks/test_strategies.py --benchmark-json` wrote. Scenarios and floors that the folder
lacks keep the figures that the table has, and so do step times that were not measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
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


def line(
    name: str, metrics: Sequence[str], step: str, strategies: dict[str, type[Weighting]]
) -> str:
    """One scenario as a row of the table."""
    cls = strategies.get(base(name))
    cells = [
        f"`{name}`" if cls else name,
        paper(cls) if cls else "",
        cls.needs if cls else "",
        *metrics,
        step,
    ]
    return f"| {' | '.join(cells)} |"


def measured(row: Row) -> list[str]:
    """Its metrics, as the table has them."""
    return [number_text(row.metrics.get(metric)) for metric in METRICS]


def read(table: str) -> dict[str, tuple[list[str], str]]:
    """Metrics and step time of each row of a table, by name."""
    rows = [[cell.strip() for cell in each.split("|")[1:-1]] for each in table.splitlines()[2:]]
    return {cells[0].strip("`"): (cells[3:5], cells[5]) for cells in rows}


def main(folder: str, benchmark: str, target: str) -> None:
    """Put the table between its marks."""
    strategies = {cls.name: cls for cls, _ in installed() if issubclass(cls, Weighting)}
    info = [b["extra_info"] for b in json.loads(Path(benchmark).read_text())["benchmarks"]]
    steps = {"equal": "1.00"} | {
        what.removeprefix("step, 2 tasks: ").removesuffix(" / equal"): f"{ratio:.2f}"
        for ratios in info
        for what, ratio in ratios.items()
        if what.startswith("step, 2 tasks")
    }
    page = Path(target)
    before, _, rest = page.read_text().partition(START)
    old, _, after = rest.partition(END)
    found = read(old)
    summary = summarize(Results.read(Path(folder)))
    for row in summary.scenarios:
        found[row.name] = (measured(row), found.get(row.name, ([], ""))[1])
    for row in summary.floors:
        found[f"*floor:* {row.name}"] = (measured(row), "")
    order = sorted(found, key=lambda name: _place(name, strategies))
    lines = [
        "| scenario | paper | needs | RMSE | top-100, seen removed | step / equal |",
        "| --- | --- | --- | ---: | ---: | ---: |",
        *(line(n, found[n][0], steps.get(n, found[n][1]), strategies) for n in order),
    ]
    page.write_text(before + START + "\n".join(lines) + "\n" + END + after)


def _place(name: str, strategies: dict[str, type[Weighting]]) -> tuple[int, str]:
    """Single tasks, the plain ones, strategies by name, floors; those of a sweep as they come."""
    if name.startswith("*floor:*"):
        return 4, ""
    if base(name) not in strategies:
        return 0, ""
    plain = {"equal": 1, "fixed": 2}
    return plain.get(base(name), 3), "" if base(name) in plain else name


if __name__ == "__main__":
    main(*sys.argv[1:])
