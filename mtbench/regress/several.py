"""Several folders of results, or several scenarios of one, each held against the first."""

from __future__ import annotations

import statistics
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtbench.errors import RecordError, did_you_mean
from mtbench.evidence.words import decimal
from mtbench.records.differing import ABSENT, is_origin, shown
from mtbench.records.series import Measured, Series, load
from mtbench.text import aligned, counted

from .compare import SPEEDS, Comparison, MetricChange, changes, compared, heads, interval_and_scale
from .differences import require_comparable

MOST_TOLD = 2
"""How many options a column's label names."""
ALONE = ""
"""What a scenario is called that is a side by itself."""


@dataclass(frozen=True)
class Several:
    """Sides, and each but the first against the first."""

    sides: tuple[Measured, ...]
    labels: tuple[str, ...]
    """What is different of each."""
    comparisons: tuple[Comparison, ...]


def compare_folders(
    folders: Sequence[Path],
    *,
    scenarios: Sequence[str] = (),
    anyway: bool = False,
    every_metric: bool = False,
    confidence: float = 0.95,
) -> Several:
    """Compare folders of results with the first of them, all of it as one family of tests.

    Args:
        folders: Two or more.
        scenarios: Only these, and baselines; default: all.
        anyway: Compare different data and protocols too.
        every_metric: Not the headline metrics of trained tasks alone.
        confidence: Of the intervals; 1 − confidence is the level of the verdicts.

    Raises:
        RecordError: A folder has no results, lacks a scenario, or they are of different data or
            protocol.
    """
    sides = [_only(load(folder), scenarios) for folder in folders]
    _require_letters(sides)
    marks = [require_comparable(sides[0], side, anyway) for side in sides[1:]]
    found = compared(sides[0], sides[1:], marks, every_metric=every_metric, confidence=confidence)
    return Several(tuple(sides), _labels(sides, found), tuple(found))


def compare_scenarios(
    folder: Path,
    scenarios: Sequence[str],
    *,
    every_metric: bool = False,
    confidence: float = 0.95,
) -> Several:
    """Compare scenarios, or baselines, of a folder with the first of them.

    Args:
        folder: The folder.
        scenarios: Two or more.
        every_metric: Not the headline metrics of tasks alone that both train.
        confidence: As for `compare_folders`.

    Raises:
        RecordError: The folder has no results, or lacks a scenario.
    """
    whole = _only(load(folder), scenarios)
    sides = [
        replace(whole, name=name, series={ALONE: whole.series[name]})
        for name in dict.fromkeys(scenarios)
    ]
    if len(sides) < 2:
        raise RecordError(
            f"{folder}: expected another folder, or two scenarios or more of this one"
        )
    _require_letters(sides)
    # notes are of the folder, and are said once
    sides[1:] = [replace(side, problems=[], notes=()) for side in sides[1:]]
    found = compared(
        sides[0], sides[1:], [()] * len(sides[1:]),
        every_metric=every_metric, both_train=True, confidence=confidence,
    )  # fmt: skip
    return Several(tuple(sides), tuple(side.name for side in sides), tuple(found))


def _only(side: Measured, scenarios: Sequence[str]) -> Measured:
    """A side with some of its scenarios."""
    for name in scenarios:
        if name not in side.series:
            near = did_you_mean(name, side.series)
            raise RecordError(
                f"{side.name}: expected a scenario with results, found {name!r}{near}"
            )
    kept = {name: one for name, one in side.series.items() if not scenarios or name in scenarios}
    return replace(side, series=kept)


def _require_letters(sides: Sequence[Measured]) -> None:
    if len(sides) > len(string.ascii_lowercase):
        raise RecordError(f"expected at most {len(string.ascii_lowercase)}, found {len(sides)}")


def _labels(sides: Sequence[Measured], comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """What differs of each side: options of the suite, else code, else the rest, else its name."""
    labels = [""] * len(sides)
    for section in ("suite", "code", "engine", "environment"):
        values = _values([one.differences[section] for one in comparisons])
        if section == "code":
            values = {key: each for key, each in values.items() if not is_origin(key)} or values
        if values:
            labels = [
                _label({key: each[n] for key, each in values.items()}) for n in range(len(sides))
            ]
            break
    if len(set(labels)) == len(sides):
        return tuple(labels)
    return tuple(
        f"{side.name} ({label})" if label else side.name
        for side, label in zip(sides, labels, strict=True)
    )


def _values(pairs: Sequence[Mapping[str, tuple[object, object]]]) -> dict[str, list[str]]:
    """By key that differs anywhere, the value of each side."""
    firsts = {key: left for each in pairs for key, (left, _) in each.items()}
    return {
        key: [shown(first), *(shown(each[key][1] if key in each else first) for each in pairs)]
        for key, first in firsts.items()
    }


def _label(values: Mapping[str, str]) -> str:
    """`threads=2, …`."""
    told = [f"{key.removeprefix('engine.')}={value}" for key, value in values.items()]
    more = [f"{len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
    return ", ".join([*told[:MOST_TOLD], *more])


def to_text(several: Several) -> str:
    """Say what differs, a line for each thing, and the numbers as a table."""
    letters = string.ascii_lowercase[: len(several.sides)]
    lines = [*_heads(several, letters)]
    for letter, one in zip(letters[1:], several.comparisons, strict=True):
        lines += [f"{letter}: {line}{one.mark}" for line in _differing(one)]
    lines += ["", *_table(several, letters), ""]
    for side in several.sides:
        lines += [f"left out: {line}" for line in side.problems]
        lines += side.notes
    number = sum(len(one.metrics) for one in several.comparisons)
    lines.append(
        f"differences are from a, with {several.comparisons[0].confidence:.0%} intervals; verdicts "
        f"are corrected for {counted(number, 'comparison')}"
    )
    return "".join(f"{line}\n" for line in lines)


def _heads(several: Several, letters: str) -> Iterator[str]:
    """What each side is."""
    marks = ["", *(one.mark for one in several.comparisons)]
    for letter, side, mark in zip(letters, several.sides, marks, strict=True):
        if ALONE in side.series:
            yield f"{letter}: {shown(side.name)}"
        else:
            yield f"{next(heads({letter: side}))}{mark}"


def _differing(one: Comparison) -> Iterator[str]:
    """What differs of a side besides the numbers; of scenarios, not whose code another part is."""
    if ALONE not in one.a.series:
        yield from changes(one, quiet=True)
        return
    pairs = one.differences["suite"]
    names = [key.removesuffix("name") for key in pairs if key.endswith(".name")]
    for key, (left, right) in pairs.items():
        replaced = f"{key}." in names or any(
            key.startswith(name) and key != f"{name}name" for name in names
        )
        if not replaced or ABSENT not in (left, right):
            yield f"{key.removeprefix('scenarios..')}: {shown(left)} → {shown(right)}"


def _table(several: Several, letters: str) -> Iterator[str]:
    """The numbers: a column for each side, a row for each metric of each scenario."""
    marks = ["", *(one.mark for one in several.comparisons)]
    titles = [
        f"{letter}: {label}{mark}"
        for letter, label, mark in zip(letters, several.labels, marks, strict=True)
    ]
    rows: list[tuple[str, ...]] = [("", *titles)]
    for name in dict.fromkeys(name for side in several.sides for name in side.series):
        rows += [(shown(name), *[""] * len(titles))] if name != ALONE else []
        rows += _rows(several, name)
    return aligned(rows)


def _rows(several: Several, name: str) -> Iterator[tuple[str, ...]]:
    """Metrics, ratios and failures of a scenario."""
    by_side = [
        {one.metric: one for one in each.metrics if one.scenario == name}
        for each in several.comparisons
    ]
    first = several.sides[0].series.get(name)
    for key in dict.fromkeys(key for each in by_side for key in each):
        arrow = "↑" if several.sides[0].higher_is_better[key] else "↓"
        found = [each.get(key) for each in by_side]
        scales = [interval_and_scale(one)[1] for one in found if one]
        scale = min((scale for scale in scales if scale), default=0.0)
        mean = decimal(statistics.fmean(first.metrics[key].values()), scale) if first else "–"
        yield (f"  {key} {arrow}", mean, *(_cell(one, scale) if one else "–" for one in found))
    for key, title in SPEEDS.items():
        ratios = [each.speeds.get(name, {}).get(key) for each in several.comparisons]
        if any(ratios):
            yield (f"  {title}", "× 1", *(f"× {one.median:.2f}" if one else "–" for one in ratios))
    failed = [_failed(side.series.get(name)) for side in several.sides]
    if any(failed):
        yield ("  FAILED", *failed)


def _cell(one: MetricChange, scale: float) -> str:
    interval, _ = interval_and_scale(one)
    difference = decimal(one.change.mean, scale, "+")
    return f"{decimal(one.b, scale)}, {difference}{interval}: {one.verdict}"


def _failed(series: Series | None) -> str:
    seeds = sorted(series.failed) if series else []
    return f"seed {', '.join(map(str, seeds))}" if seeds else ""
