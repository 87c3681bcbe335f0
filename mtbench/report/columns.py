"""Cells of the columns of costs, which `records.columns` declares for every table."""

from __future__ import annotations

from mtbench.records.columns import COSTS, Heading

from .summary import Row, Stat

SHORT = tuple((number, heading) for number, heading in COSTS if heading.short)
"""Those that share the last column of the short tables, one below the other."""
SHORT_LABELS = tuple(heading.label for _, heading in SHORT)


def short_costs(row: Row) -> list[str]:
    """Means of a row in the order of `SHORT`: `–` for the first, nothing for others it lacks."""
    texts = [
        f"{stat.mean * heading.factor:,.{heading.digits}f}" if stat else ""
        for number, heading in SHORT
        for stat in [row.speed.get(number.key)]
    ]
    return [texts[0] or "–", *(text for text in texts[1:] if text)]


def costs(row: Row) -> list[str]:
    """Means and spreads of a row in the order of `COSTS`."""
    return [_cost(row.speed.get(number.key), heading) for number, heading in COSTS]


def _cost(stat: Stat | None, heading: Heading) -> str:
    if stat is None:
        return "–"
    text = number_text(scaled(stat, heading.factor), f",.{heading.digits}f")
    return text if heading.varies else text.partition(" ±")[0]


def number_text(stat: Stat | None, form: str = ".3f") -> str:
    """`0.240 ± 0.004`, `0.240` for one seed, `–` where there is none."""
    if stat is None:
        return "–"
    return f"{stat.mean:{form}}" if stat.sd is None else f"{stat.mean:{form}} ± {stat.sd:{form}}"


def scaled(stat: Stat, factor: float) -> Stat:
    """The same in another unit."""
    return Stat(stat.mean * factor, None if stat.sd is None else stat.sd * factor, stat.n)


def seeds_text(row: Row) -> str:
    """The number of a row's seeds."""
    stats = list(row.metrics.values())
    return str(stats[0].n) if stats else "0"


def distance(above: float) -> tuple[str, str]:
    """How far something is from what it is held to, and the colour: `0.205 worse`, `red`."""
    size = f"{abs(above):.3f}"
    if float(size) == 0:
        return f"{size} equal", ""
    return (f"{size} better", "green") if above > 0 else (f"{size} worse", "red")
