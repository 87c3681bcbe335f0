"""Places for names in a plot, where they lie on nothing else."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .svg import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in pixels."""
POINT = 5.0
"""Half the width of a marker, in points."""
AWAY = (18, 28, 40, 55, 75, 100)
"""How far from its point a name may stand, in points; a line leads there."""
PIECE = 4.0
"""Length of the pieces that a slanting line is taken apart into, in points."""


class Labels:
    """Puts names beside points, clear of points, of lines and of each other.

    What is drawn has to be told before the names are put.

    Args:
        axes: With their limits and scales.
    """

    def __init__(self, axes: Axes) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415

        self.axes = axes
        figure: Any = axes.figure
        self._renderer = FigureCanvasAgg(figure).get_renderer()  # knows how wide a text is
        self._unit: float = figure.dpi / 72
        self._points: list[Box] = []
        self._lines: list[Box] = []
        self._names: list[Box] = []

    def take_point(self, point: tuple[float, float], around: float = POINT) -> None:
        """Keep names off a marker that is so many points wide to every side."""
        (x, y), room = self._pixels([point])[0], around * self._unit
        self._points.append((x - room, y - room, x + room, y + room))

    def take_line(self, points: Sequence[tuple[float, float]]) -> None:
        """Keep names off a line through these points."""
        self._lines += self._pieces(self._pixels(points))

    def put(
        self, point: tuple[float, float], text: str, colour: str = INK, *, needed: bool = False
    ) -> bool:
        """Write a text beside a point, or further away with a line that leads there.

        Args:
            point: What it names.
            text: The name.
            colour: Of the text.
            needed: Write it on something else rather than not at all.

        Returns:
            Whether it is written: there may be no free place.
        """
        x, y = self._pixels([point])[0]
        written, width, height = self._written(text, colour)
        near = list(_near(x, y, width, height, self._unit))
        for box in near:
            if self._free(box):
                return self._keep(written, box)
        for box in _apart(x, y, width, height, self._unit):
            leader = self._leader((x, y), box)
            if leader and self._free(box) and not self._crosses(leader, (x, y)):
                self._lead(leader)
                return self._keep(written, box)
        return self._least(written, near) if needed else self._leave(written)

    def put_along(self, value: float, text: str, colour: str = INK) -> bool:
        """Write a text above or below a line across, at the right where there is room.

        Returns:
            Whether it is written.
        """
        _, y = self._pixels([(self.axes.get_xlim()[0], value)])[0]
        written, width, height = self._written(text, colour)
        frame, gap = self.axes.bbox, 2.5 * self._unit
        room = frame.x1 - frame.x0 - width - 2 * gap
        for step in range(21):
            right = frame.x1 - gap - room * step / 20
            for bottom in (y + gap, y - gap - height):
                box = (right - width, bottom, right, bottom + height)
                if self._free(box):
                    return self._keep(written, box)
        return self._leave(written)

    def _pixels(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in self.axes.transData.transform(list(points))]

    def _pieces(self, points: Iterable[tuple[float, float]]) -> list[Box]:
        """Boxes around a line in pixels, several where it slants."""
        boxes: list[Box] = []
        for (a, b), (c, d) in itertools.pairwise(points):
            if not all(map(math.isfinite, (a, b, c, d))):
                continue
            slants = min(abs(c - a), abs(d - b)) > self._unit
            length = min(math.hypot(c - a, d - b), 1e4 * self._unit)
            number = math.ceil(length / (PIECE * self._unit)) if slants else 1
            xs, ys = ([p + (q - p) * n / number for n in range(number + 1)]
                      for p, q in ((a, c), (b, d)))  # fmt: skip
            ends = itertools.pairwise(zip(xs, ys, strict=True))
            boxes += [_around(start, end, self._unit) for start, end in ends]
        return boxes

    def _written(self, text: str, colour: str) -> tuple[Text, float, float]:
        """The text, for now in a corner, and its width and height."""
        written = self.axes.text(0, 0, text, va="center", ha="left", fontsize=9, color=colour)
        extent = written.get_window_extent(self._renderer)
        return written, extent.width, extent.height

    def _inside(self, box: Box) -> bool:
        left, bottom, right, top = (float(side) for side in self.axes.bbox.extents)
        return left <= box[0] and box[2] <= right and bottom <= box[1] and box[3] <= top

    def _hits(self, box: Box) -> int:
        """How much of what is drawn lies in a box."""
        taken = itertools.chain(self._points, self._lines, self._names)
        return sum(_overlap(box, other) for other in taken)

    def _free(self, box: Box) -> bool:
        return self._inside(box) and not self._hits(box)

    def _leader(self, point: tuple[float, float], box: Box) -> list[tuple[float, float]]:
        """The ends of a line from beside a point to the edge of a box."""
        x, y = point
        end = min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])
        length = math.hypot(end[0] - x, end[1] - y)
        start = (POINT + 1) * self._unit
        if length <= start:
            return []
        share = start / length
        return [(x + (end[0] - x) * share, y + (end[1] - y) * share), end]

    def _crosses(self, leader: Sequence[tuple[float, float]], own: tuple[float, float]) -> bool:
        """Whether a line to a name lies on another name, or on a point that is not its own."""
        room = (POINT + 1) * self._unit
        others = [box for box in self._points if not _overlap(box, _around(own, own, room))]
        pieces = self._pieces(leader)
        return any(_overlap(a, b) for a in pieces for b in (*others, *self._names))

    def _lead(self, leader: Sequence[tuple[float, float]]) -> None:
        back = self.axes.transData.inverted()
        xs, ys = zip(*(back.transform(end) for end in leader), strict=True)
        limits = self.axes.get_xlim(), self.axes.get_ylim()
        self.axes.plot(xs, ys, color=INK, lw=0.6, alpha=0.6)
        self.axes.set_xlim(*limits[0])
        self.axes.set_ylim(*limits[1])
        self._names += self._pieces(leader)

    def _keep(self, written: Text, box: Box) -> bool:
        self._names.append(box)
        place = box[0], (box[1] + box[3]) / 2
        x, y = self.axes.transData.inverted().transform(place)
        written.set_position((float(x), float(y)))
        return True

    def _least(self, written: Text, boxes: Sequence[Box]) -> bool:
        """Write where the least is hidden."""
        return self._keep(written, min(boxes, key=lambda b: (not self._inside(b), self._hits(b))))

    def _leave(self, written: Text) -> bool:
        written.remove()
        return False


def _near(x: float, y: float, width: float, height: float, unit: float) -> Iterator[Box]:
    """Places that touch a point's marker: beside it, above, below, at its corners."""
    gap, low = 8 * unit, (POINT + 2) * unit
    yield x + gap, y - height / 2, x + gap + width, y + height / 2
    yield x - gap - width, y - height / 2, x - gap, y + height / 2
    for left in (x - width / 2, x + 2 * unit, x - 2 * unit - width):
        yield left, y + low, left + width, y + low + height
        yield left, y - low - height, left + width, y - low


def _apart(x: float, y: float, width: float, height: float, unit: float) -> Iterator[Box]:
    """Places around a point, the nearest first."""
    for radius in AWAY:
        for step in range(16):
            turn = step * math.pi / 8
            across, up = math.cos(turn), math.sin(turn)
            left = x + radius * unit * across + (across - 1) / 2 * width
            bottom = y + radius * unit * up + (up - 1) / 2 * height
            yield left, bottom, left + width, bottom + height


def _around(start: tuple[float, float], end: tuple[float, float], room: float) -> Box:
    (a, b), (c, d) = start, end
    return min(a, c) - room, min(b, d) - room, max(a, c) + room, max(b, d) + room


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
