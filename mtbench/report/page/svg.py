"""matplotlib figures as inline SVG that takes its colours and fonts from the page."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from mtbench.extras import require

from .markup import Html, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, PAPER, FLOOR = "#010203", "#010204", "#010205"
"""Stand-ins for the page's text, background and the colour of floors."""
SERIES = tuple(f"#0102f{n}" for n in range(7))
"""Stand-ins for the colours of scenarios."""
_COLOURS = {INK: "currentColor", PAPER: "var(--paper)", FLOOR: "var(--floor)"} | {
    colour: f"var(--c{n})" for n, colour in enumerate(SERIES)
}
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "mtbench",  # ids do not change from one call to the next
    "text.parse_math": False,  # a name with $ in it is a name
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "grid.color": INK,
    "grid.alpha": 0.14,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
}


class Canvas:
    """Figures drawn in the page's style, numbered in the order they are drawn.

    Args:
        prefix: Begins every id, so that those of several figures differ.

    Raises:
        MtbenchError: matplotlib is not installed.
    """

    def __init__(self, prefix: str = "f") -> None:
        require("matplotlib", "report")
        self._prefix, self._count = prefix, 0
        self._figure: Any = None
        self._notes: dict[str, tuple[str, str]] = {}

    @contextlib.contextmanager
    def style(self) -> Iterator[None]:
        """Draw in matplotlib's defaults and ours, whatever the user's own settings."""
        import matplotlib  # noqa: PLC0415

        with matplotlib.rc_context(), warnings.catch_warnings():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_STYLE)
            # of glyphs its own font lacks: the reader's browser draws them
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            yield

    def figure(self, width: float, height: float) -> Figure:
        """Start a figure of a width and height in inches."""
        from matplotlib.figure import Figure  # noqa: PLC0415 - without pyplot's global state

        figure = self._figure = Figure((width, height))
        return figure

    def note(self, artist: Any, text: str, classes: str = "") -> None:
        """Give an artist a text that shows under the pointer, and classes for the script."""
        key = f"note{len(self._notes)}"
        artist.set_gid(key)
        self._notes[key] = (plain(text), classes)

    def finish(self, title: str, description: str) -> Html:
        """Return the figure as an `svg` element; within `style`, as all drawing.

        Args:
            title: Its name, for who does not see it.
            description: What it shows, likewise.
        """
        stream = io.BytesIO()
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        self._figure.savefig(stream, format="svg", metadata=metadata)
        root = ET.fromstring(stream.getvalue())  # noqa: S314 - our own
        self._count += 1
        prefix = f"{self._prefix}{self._count}"
        _clean(root, prefix, self._notes)
        for name, text in (("desc", description), ("title", title)):
            child = ET.Element(name, {"id": f"{prefix}-{name}"})
            child.text = plain(text)
            root.insert(0, child)
        root.attrib = {
            "viewBox": root.attrib["viewBox"],
            "role": "img",
            "aria-labelledby": f"{prefix}-title",
            "aria-describedby": f"{prefix}-desc",
        }
        self._notes.clear()
        return Html(ET.tostring(root, encoding="unicode"))


def _clean(root: ET.Element, prefix: str, notes: Mapping[str, tuple[str, str]]) -> None:
    """Take out what the page has itself, make ids unique, and put notes where they belong."""
    used = set(
        re.findall(r"#([\w.-]+)", " ".join(v for e in root.iter() for v in e.attrib.values()))
    )
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.tail = None
        key = element.attrib.get("id", "")
        if key in used:
            element.set("id", f"{prefix}{key}")
        else:
            element.attrib.pop("id", None)
        element.attrib = {
            name.rpartition("}")[2]: _value(name, value, prefix)
            for name, value in element.attrib.items()
        }
        if element.tag not in ("text", "tspan", "title"):
            element.text = None
        if key in notes:
            _annotate(element, *notes[key])
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style") or (
                child.tag in ("g", "defs") and not len(child)
            ):
                parent.remove(child)


def _annotate(element: ET.Element, text: str, classes: str) -> None:
    if classes:
        element.set("class", classes)
    title = ET.Element("title")
    title.text = text
    element.insert(0, title)


def _value(name: str, value: str, prefix: str) -> str:
    """An attribute's value: shorter, with our ids and the page's colours."""
    if name == "style":
        return _declarations(value, prefix)
    if name in ("d", "x", "y", "transform"):
        return re.sub(r"-?\d+\.\d+", _rounded, value).replace("\n", "").replace(" z", "z").strip()
    if name in ("fill", "stroke"):
        return _COLOURS.get(value, value)
    if value.startswith("#"):
        return f"#{prefix}{value[1:]}"
    return value.replace("url(#", f"url(#{prefix}")


def _rounded(match: re.Match[str]) -> str:
    """`12.345678` as `12.35`, `3.0001` as `3`."""
    digits = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits


def _declarations(style: str, prefix: str) -> str:
    """Style without fonts, which are the page's, and with the page's colours."""
    kept = []
    for declaration in style.split("; "):
        name, _, value = declaration.partition(": ")
        if name == "font":  # before matplotlib 3.10: `font: 9px 'DejaVu Sans', …`
            size = re.search(r"[\d.]+px", value)
            name, value = "font-size", size[0] if size else "9px"
        if name not in ("font-family", ""):
            value = _COLOURS.get(value, value).replace("url(#", f"url(#{prefix}")
            kept.append(f"{name}:{value}")
    return ";".join(kept)
