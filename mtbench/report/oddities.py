"""What of the data a reader has to know, in a line each, and none where there is nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mtbench.records.record import Data, Oddities


def oddity_notes(by_seed: Mapping[int, Data], part: str = "test") -> list[str]:
    """Say which rows repeat others, which labels are missing and which users and items are cold.

    Args:
        by_seed: The data of a run of each seed, which decides the split; where seeds differ, the
            least and the most are said.
        part: Name of the part that is scored.
    """
    told = [data.oddities for data in by_seed.values() if data.oddities]
    known = "training part"
    if part == "test" and any(data.validation for data in by_seed.values()):
        known = "training or validation part"
    said = [_repeated(told, part, known), _unlabelled(told), _in_none(by_seed)] if told else []
    lines = [*said, _cold(by_seed, part)] if told else []
    over = f" (over {len(by_seed)} seeds)"
    return [line + (over if " to " in line else "") for line in lines if line]


def constant_notes(metrics: Mapping[str, Iterable[float]]) -> list[str]:
    """Say which metrics tell nothing, such as the top 100 of 80 items.

    Args:
        metrics: By metric all values that there are, of runs, baselines and floors.
    """
    by_value: dict[float, list[str]] = {}
    for name, values in metrics.items():
        if len(found := {*values}) == 1:
            by_value.setdefault(found.pop(), []).append(name)
    return [
        f"{', '.join(names)}: {value:g} for all models and all floors, which tells nothing of them"
        for value, names in by_value.items()
    ]


def _repeated(told: list[Oddities], part: str, where: str) -> str:
    one, said = told[0], []
    of, rows, pairs = f"of {one.rows:,} rows", one.repeated_rows, one.repeated_pairs
    if rows:
        said.append(f"{rows:,} {of} {_verb('repeat', rows)} an earlier row exactly")
    if pairs > rows:
        what = "have" if pairs > 1 else "has"
        said.append(f"{pairs:,} {of} {what} the user and item of an earlier row")
    if known := _range(each.known_pairs for each in told):
        there = "is" if known == "1" else "are"
        total = _range(each.pairs for each in told)
        what = f"{known} of {total} pairs of the {part} part {there} in the {where} too"
        said.append(f"{what}, and left out where seen candidates are removed")
    return f"duplicates: {'; '.join(said)}" if said else ""


def _unlabelled(told: list[Oddities]) -> str:
    counts = {task: n for task, n in told[0].unlabelled.items() if n}
    said = ", ".join(f"{n:,} for {task}" for task, n in counts.items())
    return f"missing labels: of {told[0].rows:,} rows {said}" if said else ""


def _in_none(by_seed: Mapping[int, Data]) -> str:
    """Say how many rows the split leaves out."""
    rows = [
        data.oddities.rows - data.train - data.validation - data.test
        for data in by_seed.values()
        if data.oddities
    ]
    count = _range(rows)
    of = _range(data.oddities.rows for data in by_seed.values() if data.oddities)
    there = "is" if count == "1" else "are"
    return f"parts: {count} of {of} rows {there} in none of them" if count else ""


def _cold(by_seed: Mapping[int, Data], part: str) -> str:
    slices = [data.slices for data in by_seed.values() if data.slices]
    said = []
    kinds = ("cold_query", "queries", "user"), ("cold_candidate", "candidates", "item")
    for name, kind, noun in kinds:
        found = [each[name] for each in slices if name in each]
        if count := _range(each[kind] for each in found):
            rows = _range(each["rows"] for each in found)
            said.append(f"{count} {_plural(noun, count)} ({rows} {_plural('row', rows)})")
    there = "has" if len(said) == 1 and said[0].startswith("1 ") else "have"
    return (
        f"cold: {' and '.join(said)} of the {part} part {there} no row in the training part"
        if said
        else ""
    )


def _range(values: Iterable[int]) -> str:
    """`2,400`, or `2,380 to 2,420`; nothing where all are 0."""
    found = list(values)
    if not any(found):
        return ""
    least, most = min(found), max(found)
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def _verb(text: str, count: int) -> str:
    return f"{text}s" if count == 1 else text


def _plural(noun: str, count: str) -> str:
    return noun if count == "1" else f"{noun}s"
