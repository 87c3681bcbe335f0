"""HTML that cannot be forgotten to be escaped: what is not `Html` is text."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Html(str):
    """Markup. Any other string is text, and is escaped where it meets markup."""

    __slots__ = ()


Child = str | int | Iterable["Child"] | None

VOID = frozenset({"br", "col", "link", "meta"})
JOINERS = "\u200c\u200d"
"""Invisible, but part of how some scripts are written."""


def plain(value: object) -> str:
    """Return a value as text that HTML and XML allow, in one reading direction.

    Control characters, halves of surrogate pairs and directional overrides become U+FFFD.
    """
    return "".join(
        char if char.isprintable() or char in JOINERS else " " if char.isspace() else "\ufffd"
        for char in str(value)
    )


def escape(value: Child) -> Html:
    """Return a child as markup: text escaped, markup as it is, of several one after the other."""
    if value is None:
        return Html()
    if isinstance(value, Html):
        return value
    if isinstance(value, (str, int)):
        return Html(html.escape(plain(value)))
    return Html("".join(escape(child) for child in value))


def tag(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """Make an element.

    Args:
        name: Its name, with its classes after dots: `p.note`.
        children: What is in it.
        attributes: Its attributes, `_` for `-`; None or False leaves one out, True gives it no
            value; a trailing `_` is dropped (`for_`).
    """
    name, _, classes = name.partition(".")
    given = {"class": classes.replace(".", " ") or None, **attributes}
    words = [
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{html.escape(plain(value))}"')
        for key, value in given.items()
        if value is not None and value is not False
    ]
    start = f"<{name}{''.join(words)}>"
    return Html(start if name in VOID else f"{start}{escape(children)}</{name}>")


def lines(text: object) -> Html:
    """Return text of several lines for a `pre`: each of them made plain."""
    return Html("\n".join(escape(line) for line in str(text).split("\n")))
