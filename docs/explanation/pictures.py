"""Draw the pictures of statistics.md: `python docs/explanation/pictures.py FOLDER`.

FOLDER is docs/explanation/pictures. All numbers are made up, from one seed. What is drawn in `INK`
gets the colour of the reader's text, light or dark; the other colours are seen on both.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from mtbench.evidence.formulas import assured_difference, holm

INK, FAINT = "#010203", "#8b8c8d"
BLUE, ORANGE, GREEN = "#3b8fd4", "#d9822b", "#2a9d6f"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mtbench",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
}
THEME = """<style>
:root { --ink: #24292f; }
@media (prefers-color-scheme: dark) { :root { --ink: #dadde5; } }
</style>"""
DRAWN: dict[str, Callable[[np.random.Generator], Figure]] = {}


def picture(function: Callable[[np.random.Generator], Figure]) -> Callable[..., Figure]:
    """Add a function to what is drawn, by its name."""
    DRAWN[function.__name__] = function
    return function


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean, and ends of its 95 % interval by Student's t."""
    mean, error = float(values.mean()), float(stats.sem(values))
    half = float(stats.t.isf(0.025, len(values) - 1)) * error
    return mean, mean - half, mean + half


def bar(axes: Any, y: float, ends: tuple[float, float, float], color: str) -> None:
    """A mean with its interval, lying."""
    mean, low, high = ends
    axes.plot([low, high], [y, y], color=color, linewidth=3, solid_capstyle="butt")
    axes.plot([mean], [y], "o", color=color, markersize=7)


@picture
def seeds(rng: np.random.Generator) -> Figure:
    """Two arms of which the better one loses at single seeds."""
    a, b = rng.normal(0.945, 0.012, 30), rng.normal(0.937, 0.012, 30)
    figure = Figure((7.2, 2.3), layout="constrained")
    axes = figure.subplots()
    for y, (name, values, color) in enumerate((("B", b, ORANGE), ("A", a, BLUE))):
        axes.plot(values, y + rng.uniform(-0.13, 0.13, 30), "o", color=color, alpha=0.55)
        axes.plot([values.mean()] * 2, [y - 0.3, y + 0.3], color=INK, linewidth=2)
        axes.text(values.mean(), y + 0.34, f"mean of {name}", ha="center", fontsize=9)
    axes.set_yticks([0, 1], ["B", "A"])
    axes.set_ylim(-0.5, 1.65)
    axes.set_xlabel("RMSE, a point for each seed (lower is better)")
    return figure


@picture
def pairing(rng: np.random.Generator) -> Figure:
    """The same values without and with their pairs."""
    split = rng.normal(0.94, 0.010, 6)
    a, b = split + rng.normal(0, 0.0015, 6), split - 0.005 + rng.normal(0, 0.0015, 6)
    figure = Figure((7.2, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    for start, end in zip(a, b, strict=True):
        left.plot([0, 1], [start, end], color=FAINT, linewidth=1.2, zorder=1)
    left.plot(np.zeros(6), a, "o", color=BLUE)
    left.plot(np.ones(6), b, "o", color=ORANGE)
    left.set_xticks([0, 1], ["A", "B"])
    left.set_xlim(-0.4, 1.4)
    left.set_ylabel("RMSE")
    left.set_title("A line joins the runs of one seed")
    welch = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    bar(right, 1, (float((b - a).mean()), float(welch.low), float(welch.high)), FAINT)
    bar(right, 0, interval(b - a), GREEN)
    right.axvline(0, color=INK, linewidth=1, linestyle=":")
    right.set_xticks([-0.01, -0.005, 0])
    right.set_yticks([0, 1], ["in pairs", "as two\nsamples"])
    right.set_ylim(-0.6, 1.6)
    right.set_xlabel("B − A, with 95 % interval")
    right.set_title("The same twelve numbers")
    return figure


@picture
def about(rng: np.random.Generator) -> Figure:
    """Intervals over seeds of several data sets: each is about its own."""
    figure = Figure((7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for y in range(8):
        own = rng.normal(0.010, 0.004)
        bar(axes, y, interval(own + rng.normal(0, 0.0015, 5)), BLUE)
        axes.plot([own], [y], "D", color=INK, markersize=5, zorder=3)
    axes.axvline(0.010, color=ORANGE, linewidth=2)
    note = "mean of all data sets\nof the kind"
    axes.text(0.0103, 7.6, note, color=ORANGE, fontsize=10, va="center")
    axes.set_xlim(-0.002, 0.0145)
    axes.set_ylim(-0.6, 8.3)
    axes.set_yticks([*range(8)], [f"data set {8 - y}" for y in range(8)])
    axes.set_xlabel("difference (diamond: that of very many seeds of this data set)")
    return figure


@picture
def more_seeds(rng: np.random.Generator) -> Figure:
    """How far the mean over seeds is from what it may be taken for, by their number."""
    numbers = np.array([2, 3, 5, 10, 20, 50, 100])
    own = 0.0015 / np.sqrt(numbers)
    kind = np.sqrt(own**2 + 0.004**2)
    figure = Figure((7.2, 2.9), layout="constrained")
    axes = figure.subplots()
    axes.plot(numbers, 1000 * kind, "o-", color=ORANGE, label="for another data set of the kind")
    axes.plot(numbers, 1000 * own, "o-", color=BLUE, label="for this data set")
    axes.set_xscale("log")
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.minorticks_off()
    axes.set_ylim(0, 5.5)
    axes.set_xlabel("number of seeds")
    axes.set_ylabel("standard error / 1000")
    axes.legend(loc="center right", bbox_to_anchor=(1, 0.55))
    return figure


@picture
def family(rng: np.random.Generator) -> Figure:
    """p-values of eight tests, and the levels that Holm's procedure holds them to."""
    p = np.array([0.0008, 0.006, 0.011, 0.024, 0.038, 0.21, 0.47, 0.8])
    levels = 0.05 / np.arange(8, 0, -1)
    passes = np.array(holm(p.tolist())) < 0.05
    figure = Figure((7.2, 3.1), layout="constrained")
    axes = figure.subplots()
    places = np.arange(1, 9)
    axes.step(places, levels, where="mid", color=INK, linewidth=1.5, label="Holm's levels")
    axes.axhline(0.05, color=FAINT, linestyle=":", label="0.05 for each test alone")
    for kept, color, name in ((True, GREEN, "a difference"), (False, ORANGE, "no evidence of one")):
        axes.plot(places[passes == kept], p[passes == kept], "o", color=color, label=name)
    axes.set_yscale("log")
    axes.set_yticks([0.001, 0.01, 0.05, 0.1, 1], ["0.001", "0.01", "0.05", "0.1", "1"])
    axes.minorticks_off()
    axes.set_xticks(places)
    axes.set_xlabel("comparison, the smallest p first")
    axes.set_ylabel("p")
    axes.legend(loc="lower right", fontsize=9)
    return figure


@picture
def nothing_found(rng: np.random.Generator) -> Figure:
    """Three intervals: a difference, nothing known, nothing larger than a margin."""
    figure = Figure((7.2, 2.5), layout="constrained")
    axes = figure.subplots()
    cases = (
        ("small, and known\nto be small", (0.0004, -0.0012, 0.002), GREEN),
        ("nothing found,\nlittle known", (0.003, -0.009, 0.015), FAINT),
        ("a difference", (0.0095, 0.006, 0.013), BLUE),
    )
    axes.axvspan(-0.004, 0.004, color=GREEN, alpha=0.18, linewidth=0)
    axes.text(0, 2.62, "too small to matter", ha="center", color=GREEN, fontsize=9)
    axes.axvline(0, color=INK, linewidth=1, linestyle=":")
    for y, (_, ends, color) in enumerate(cases):
        bar(axes, y, ends, color)
    axes.set_yticks([0, 1, 2], [name for name, *_ in cases])
    axes.set_ylim(-0.5, 3)
    axes.set_xlabel("difference, with 95 % interval")
    return figure


@picture
def assurance(rng: np.random.Generator) -> Figure:
    """How often a further study finds a difference, by its size and the number of seeds."""
    sizes = np.linspace(0, 6, 201)
    figure = Figure((7.2, 3.1), layout="constrained")
    axes = figure.subplots()
    for n, color in ((3, ORANGE), (5, BLUE), (10, GREEN)):
        critical = stats.t.isf(0.025, n - 1)
        seen = np.sqrt(stats.chi2.ppf((np.arange(200) + 0.5) / 200, n - 1) / (n - 1))
        chance = stats.nct.sf(critical, n - 1, sizes[:, None] * np.sqrt(n) * seen).mean(1)
        axes.plot(sizes, chance, color=color)
        edge = assured_difference(n)
        axes.plot([edge, edge], [0, 0.8], color=color, linestyle=":")
        axes.text(edge + 0.04, 0.03, f"{n} seeds: {edge:.1f}", color=color, fontsize=10)
    axes.axhline(0.8, color=FAINT, linestyle=":")
    axes.text(0.02, 0.82, "four times in five", fontsize=10)
    axes.set_xlim(0, 6)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("true difference, in standard deviations as seen")
    axes.set_ylabel("chance to find it")
    return figure


def themed(svg: str) -> str:
    """An SVG whose ink follows the reader's colour scheme."""
    svg = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace(INK, "var(--ink)")
    return re.sub(r"(<svg [^>]*>)", rf"\1\n{THEME}", svg, count=1).strip() + "\n"


def main(folder: str) -> None:
    """Draw them all."""
    for name, draw in DRAWN.items():
        with mpl.rc_context(STYLE):
            path = Path(folder) / f"{name.replace('_', '-')}.svg"
            draw(np.random.default_rng(7)).savefig(path, metadata={"Date": None})
        path.write_text(themed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
