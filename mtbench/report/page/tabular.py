"""Tables that can be sorted: their heads, rows and cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mtbench.records.sweeps import point_of
from mtbench.report.summary import Row

from .markup import Child, Html, tag


def table(
    key: str, caption: Child, head: Sequence[Html], rows: Sequence[tuple[str, Sequence[Html]]]
) -> Html:
    """Make a table that can be sorted.

    Args:
        key: Its id.
        caption: What it shows.
        head: `th` elements.
        rows: Of each row its class and its cells.
    """
    body = [tag("tr", *cells, class_=name or None) for name, cells in rows]
    return tag(
        "div.scroll",
        tag(
            "table.sortable",
            tag("caption", tag("div", caption)),
            tag("thead", tag("tr", *head)),
            tag("tbody", *body),
            id=key,
        ),
        tabindex=0,
        role="group",
        aria_label=f"table: {key}",
    )


def column(*content: Child, better: str = "lower", text: bool = False) -> Html:
    """A column's head."""
    return tag("th.text" if text else "th", *content, scope="col", data_better=better)


def cell(*content: Child, value: float | str | None, text: bool = False) -> Html:
    """A cell and the value it is sorted by."""
    key = "" if value is None else value if isinstance(value, str) else repr(float(value))
    return tag("td.text" if text else "td", *content, data_v=key)


def row_head(name: str, *more: Child, sweep: str | None = None) -> Html:
    """The cell that names a row; a sweep's point is shown by what it varies until it is sorted."""
    shown: Child = name
    if sweep:
        shown = [tag("span.of", f"{sweep}["), point_of(name), tag("span.of", "]")]
    return tag("th", shown, *more, scope="row", data_v=name)


def title_row(name: str, width: int) -> tuple[str, list[Html]]:
    """A row that says what the rows below it are, which is gone once the table is sorted."""
    empty = [tag("td", data_v="") for _ in range(width - 1)]
    return "group", [tag("th", name, scope="row", data_v=name), *empty]


def with_sweeps(
    scenarios: Iterable[Row], cells: Callable[[Row], list[Html]]
) -> list[tuple[str, list[Html]]]:
    """Classes and cells of scenarios' rows, the points of a sweep below a row with its name."""
    rows: list[tuple[str, list[Html]]] = []
    before = None
    for row in scenarios:
        made = cells(row)
        if row.sweep and row.sweep != before:
            rows.append(title_row(row.sweep, len(made)))
        before = row.sweep
        rows.append(("point" if row.sweep else "", made))
    return rows
