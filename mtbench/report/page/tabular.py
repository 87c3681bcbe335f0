"""Tables that can be sorted: their heads, rows and cells."""

from __future__ import annotations

from collections.abc import Sequence

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


def row_head(name: str, *more: Child) -> Html:
    """The cell that names a row."""
    return tag("th", name, *more, scope="row", data_v=name)
