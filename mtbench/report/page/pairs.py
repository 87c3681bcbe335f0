"""Pairs of tasks: how their gradients lie to each other, and what a step on one does to another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from mtbench import evidence
from mtbench.evidence.pairs import TaskPair, estimate_text

from .markup import Html, tag
from .tabular import cell, column, row_head, table
from .view import View

COSINES = (
    "Cosines of gradients by the shared parameters, each of another half of a batch. On the "
    "diagonal two halves of one task's batch: the null that the others are read by, since in many "
    "dimensions chance gives 0, and so does noise. Below each, the share of negative ones."
)
AFFINITY = (
    "Affinity, % (Fifty et al. 2021, eq. 1): how much of the column's loss, on the same batch, a "
    "step of the shared parameters on the row's loss alone takes away. The diagonal is what a "
    "task's own step does. Norms: length of the row's gradient by that of the column's."
)
Shown = tuple[list[str | Html], float | None]
"""What is in a cell, and the value it is sorted by."""


def section(view: View) -> Html:
    """The matrices of each scenario whose runs were looked at, and the sentences."""
    found = evidence.task_pairs(view.results)
    if not found:
        return Html()
    level = 100 * (1 - found[0].level)
    note = (
        f"Means over the steps looked at and over seeds. Brackets: t intervals over seeds, of "
        f"{level:.3g} % each, so that all that is read from them here is right at 95 % together "
        "(Bonferroni). They are about this data set; they say how the losses bear on each other "
        "while training, not what the metrics gain."
    )
    said = [tag("li", f"{text}.") for text in view.summary.why]
    tables = [
        made
        for n, (_, pairs) in enumerate(itertools.groupby(found, key=lambda pair: pair.scenario))
        for made in _tables(n, [*pairs])
    ]
    return tag("div", tag("ul.sentences", *said), tag("p.note", note), *tables)


def _tables(number: int, pairs: Sequence[TaskPair]) -> list[Html]:
    scenario = pairs[0].scenario
    tasks = [*dict.fromkeys(task for pair in pairs for task in pair.tasks)]
    of = {pair.tasks: pair for pair in pairs}

    def pair_of(one: str, two: str) -> tuple[TaskPair | None, int]:
        """A pair, and the place of the first task in it."""
        if one == two:
            pair = next(each for each in pairs if one in each.tasks)
            return pair, pair.tasks.index(one)
        return (of[one, two], 0) if (one, two) in of else (of.get((two, one)), 1)

    def cosine(one: str, two: str) -> Shown:
        pair, at = pair_of(one, two)
        if pair is None:
            return ["–"], None
        value = pair.own[at] if one == two else pair.cosine
        share = pair.own_conflict[at] if one == two else pair.conflict
        return [estimate_text(value), tag("small", f"{100 * share:.0f} % negative")], value.mean

    def affinity(one: str, two: str) -> Shown:
        pair, at = pair_of(one, two)
        if pair is None:
            return ["–"], None
        value = (pair.own_affinity if one == two else pair.affinity)[at]
        ratio = None if one == two else pair.norm_ratio
        norms = [tag("small", f"norms {(1 / ratio if at else ratio):.3g}")] if ratio else []
        return [estimate_text(value, 100) if value else "–", *norms], value.mean if value else None

    return [
        _matrix(f"cosines-{number}", f"{scenario}. {COSINES}", tasks, cosine),
        _matrix(f"affinity-{number}", f"{scenario}. {AFFINITY}", tasks, affinity),
    ]


def _matrix(
    key: str, caption: str, tasks: Sequence[str], content: Callable[[str, str], Shown]
) -> Html:
    head = [column("task", text=True), *(column(task, better="higher") for task in tasks)]
    rows = []
    for one in tasks:
        cells = [content(one, two) for two in tasks]
        rows.append(("", [row_head(one), *(cell(*shown, value=v) for shown, v in cells)]))
    return table(key, caption, head, rows)
