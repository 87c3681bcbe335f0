"""Is ESMM better than a model of clicks alone? Over made-up worlds whose selection is known.

`python benchmarks/cascade.py --worlds 50`. Each world is a data set of its own (`synthetic` with a
cascade), divided once; every form of the task `conversion` is trained on it from the same initial
weights. Printed is, for each strength of selection, how much a form's AUC is above that of
`click-space` on the mean, with its 95 % interval over worlds (Student's t), and in how many of them
it is above. All worlds have the same ids, so that one traced model serves all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy import stats

from mtbench.plugin.registry import installed
from mtbench.suite.reader import load_suite
from mtbench.suite.suite import Suite
from mtbench.train.evaluate import evaluate
from mtbench.train.trainer import Trainer

SUITE = Path(__file__).parent.parent / "suites" / "conversion.yaml"
METRICS = ("conversion/ctcvr_auc", "conversion/cvr_auc", "click/auc")


def suite_of(selection: float, world: int, overrides: list[str]) -> Suite:
    """The suite on another world."""
    given = [f"dataset.cascade.selection={selection}", f"dataset.seed={world}", *overrides]
    return load_suite(SUITE, installed(), overrides=given)


def scores(selection: float, worlds: int, overrides: list[str]) -> dict[str, np.ndarray]:
    """By scenario the metrics in each world, `[worlds, METRICS]`."""
    trainers: dict[str, Trainer] = {}
    found: dict[str, list[list[float]]] = {}
    for world in range(worlds):
        suite = suite_of(selection, world, overrides)
        data = suite.dataset.load()
        parts = suite.split.build(data, world)
        train, test = (data.interactions.take(rows) for rows in (parts.train, parts.test))
        for name in suite.scenarios:
            if name not in trainers:
                trainers[name] = Trainer(suite.setup(name), data)
            metrics = evaluate(trainers[name].train(world, train).model, train, test).metrics
            row = [metrics[t][m] for t, m in (key.split("/") for key in METRICS)]
            found.setdefault(name, []).append(row)
    return {name: np.array(rows) for name, rows in found.items()}


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval."""
    n = len(differences)
    half = stats.t.ppf(0.975, n - 1) * differences.std(ddof=1) / np.sqrt(n)
    return float(differences.mean()), float(half)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=50)
    parser.add_argument("--selection", type=float, nargs="+", default=[0.0, 1.0, 2.0, 3.0, 4.0])
    parser.add_argument("-o", action="append", default=[], help="key=value of the suite")
    given = parser.parse_args()
    for selection in given.selection:
        found = scores(selection, given.worlds, given.o)
        naive = found.pop("naive")
        means = "  ".join(f"{k} {v:.4f}" for k, v in zip(METRICS, naive.mean(0), strict=True))
        print(f"selection {selection:g}, {given.worlds} worlds; naive: {means}")
        for name, values in found.items():
            for n, key in enumerate(METRICS):
                mean, half = interval(values[:, n] - naive[:, n])
                wins = int(np.sum(values[:, n] > naive[:, n]))
                claim = "better" if mean > half else "worse" if mean < -half else "no claim"
                print(f"  {name:<10} {key:<21} {mean:+.4f} ± {half:.4f}  {wins:>3}  {claim}")


if __name__ == "__main__":
    main()
