"""The page's plots: what is in their SVG, and that nothing lies on anything else."""

import itertools
import re

import made
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbench.records.results import Results
from mtbench.report.page import curves, looks, plots, svg, sweepplot
from mtbench.report.page.curves import Line
from mtbench.report.page.looks import Axis, Look, Spread
from mtbench.report.page.page import page
from mtbench.report.page.svg import Canvas
from mtbench.report.page.tradeoff import best_in_two, trade_off

pytest.importorskip("matplotlib")
NEAR = [Spread(f"s{n}", (0.90 + n / 100, 0.91 + n / 100, 0.92 + n / 100)) for n in range(4)]


def looks_of(spreads):
    return looks.choose([spread.scenario for spread in spreads], [])


def notes(drawn):
    """The texts under the pointer."""
    return re.findall(r"<title>(.*?)</title>", drawn)


def marks(drawn, note):
    """How many markers are in what has a note."""
    (group,) = re.findall(rf"<g[^>]*><title>{re.escape(note)}</title>(.*?)</g>", drawn)
    return group.count("<use")


def axis_of(spreads, **rivals):
    return Axis("rmse", False, rivals.pop("floors", {}), spreads, **rivals)


# every seed


def test_every_seed_shows_and_what_is_beyond_is_at_the_edge():
    spreads = [*NEAR, Spread("odd", (0.92, 0.93, 25.0, 26.0))]
    canvas = Canvas()
    drawn = plots.dots(canvas, axis_of(spreads), looks_of(spreads))
    assert marks(drawn, "s0: seeds at 0.9, 0.91, 0.92") == 3
    assert marks(drawn, "odd: seeds at 0.92, 0.93") == 2
    beyond = [note for note in notes(drawn) if "a seed at" in note]
    assert sorted(beyond) == [f"odd: a seed at {v}, beyond the axis" for v in (25, 26)]
    assert any(note.startswith("odd: 13.21 ± ") and "4 seeds" in note for note in notes(drawn))


def test_a_seed_beyond_the_axis_of_a_mean_within_it():
    canvas, look = Canvas(), Look(0, 0)
    with canvas.style():
        axes = canvas.figure(4, 2).subplots()
        axes.set_xlim(0, 1)
        plots._row(canvas, axes, 0, Spread("a", (0.5, 0.6, 1.5)), look)
        drawn = canvas.finish("", "")
    assert marks(drawn, "a: seeds at 0.5, 0.6") == 2
    assert marks(drawn, "a: a seed at 1.5, beyond the axis") == 1
    ends = [line for line in axes.lines if line.get_marker() in "<>" and line.get_xdata()[0] == 1]
    assert len(ends) == 1  # of ± sd, which reaches 1.42


@pytest.mark.parametrize(
    ("ends", "arrows"),
    [((0.2, 0.8), ""), ((-1, 0.5), "<"), ((0.5, 2), ">"), ((-1, 2), "<>"), ((2, 3), None)],
)
@pytest.mark.parametrize("upright", [False, True])
def test_a_line_that_is_cut_ends_in_an_arrow(ends, arrows, upright):
    with Canvas().style():
        axes = Canvas().figure(2, 2).subplots()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        plots.whisker(axes, ends, 0.5, upright=upright, color="k")
    if arrows is None:
        assert not axes.lines
        return
    line, *heads = axes.lines
    along = line.get_ydata() if upright else line.get_xdata()
    assert list(along) == [max(ends[0], 0), min(ends[1], 1)]
    turned = {"<": "v", ">": "^"} if upright else {}
    assert [head.get_marker() for head in heads] == [turned.get(a, a) for a in arrows]


# trade-off


def meets(box, start, end):
    """Whether a line goes through a box, by points along it."""
    x, y = np.linspace(start, end, 400).T
    return bool(((box[0] < x) & (x < box[2]) & (box[1] < y) & (y < box[3])).any())


def apart(a, b):
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def drawn_axes(canvas, *arguments):
    """What `trade_off` draws, and the axes it draws on."""
    drawn = trade_off(canvas, *arguments)
    return drawn, canvas._figure.axes[0]


def require_readable(axes):
    """No name lies on another, on a line or on a marker, or beyond the plot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    names = [text for text in axes.texts if not hasattr(text, "xyann")]
    boxes = [text.get_window_extent(renderer).extents for text in names]
    for a, b in itertools.combinations(boxes, 2):
        assert apart(a, b)
    frame = axes.bbox.extents
    for text, box in zip(names, boxes, strict=True):
        assert frame[0] <= box[0] <= box[2] <= frame[2], text
        assert frame[1] <= box[1] <= box[3] <= frame[3], text
        inner = (box[0] + 0.5, box[1] + 0.5, box[2] - 0.5, box[3] - 0.5)
        for line in axes.lines:
            points = line.get_transform().transform(line.get_xydata())
            if line.get_linestyle() == "None":
                assert not any(meets(inner, point, point) for point in points), text
            else:
                for ends in itertools.pairwise(points):
                    assert not meets(inner, *ends), text
    return [text.get_text() for text in names]


def in_two(points, own=None, rivals=({}, {}), sd=0.01):
    """Axes of scenarios at points, with three seeds each; lower and higher is better."""
    own = own or [(True, True)] * len(points)
    spreads = [
        [
            Spread(f"scenario {n}", (p[side] - sd, p[side], p[side] + sd), own[n][side])
            for n, p in enumerate(points)
        ]
        for side in (0, 1)
    ]
    x = Axis("ranking rmse", False, {"mean": 0.5}, spreads[0], rivals[0])
    return x, Axis("retrieval top 5", True, {"chance": 0.1}, spreads[1], rivals[1])


PLACES = st.floats(0.2, 0.8)


@settings(max_examples=15)
@given(st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=7))
def test_names_lie_on_nothing(points):
    axes = in_two(points, sd=0.02)
    _, plot = drawn_axes(Canvas(), axes, looks_of(axes[0].spreads))
    require_readable(plot)


def test_points_that_are_close_are_all_named():
    points = [(0.4, 0.4), (0.42, 0.42), (0.6, 0.3), (0.41, 0.39), (0.7, 0.7)]
    axes = in_two(points, rivals=({"bpmf": 0.45}, {"ease": 0.42}), sd=0.003)
    _, plot = drawn_axes(Canvas(), axes, looks_of(axes[0].spreads))
    names = require_readable(plot)
    for n in range(len(points)):
        assert any(name.startswith(f"scenario {n}") for name in names)
    assert "baseline: ease" in names


def test_a_name_without_a_free_place_is_in_the_note():
    points = [(0.5 + n / 1e6, 0.5) for n in range(7)]
    spreads = [Spread(f"a name that takes {n}", (p[0],)) for n, p in enumerate(points)]
    x = Axis("x", False, {}, spreads)
    canvas = Canvas()
    with canvas.style():
        from mtbench.report.page.places import Labels

        axes = canvas.figure(1.5, 1).add_axes((0, 0, 1, 1))
        labels = Labels(axes)
        assert not labels.put((0.5, 0.5), "a name that is wider than all of the plot")
        assert not axes.texts
        assert labels.put((0.5, 0.5), "a name that is wider than all of the plot", needed=True)
    drawn, plot = drawn_axes(Canvas(), (x, x), looks_of(spreads))
    for spread in spreads:
        assert sum(note.startswith(f"{spread.scenario}:") for note in notes(drawn)) == 1
    require_readable(plot)


def test_what_was_not_trained_for_both_is_hollow_and_on_no_front():
    points = [(0.4, 0.4), (0.3, 0.5), (0.5, 0.3)]
    axes = in_two(points, own=[(True, True), (True, False), (True, True)])
    assert best_in_two(*axes) == ["scenario 0"]
    drawn, plot = drawn_axes(Canvas(), axes, looks_of(axes[0].spreads))
    filled = {
        round(line.get_xdata()[0], 6): line.get_markerfacecolor()
        for line in plot.lines
        if line.get_marker() in looks.MARKERS and line.get_markersize() > 7
    }
    assert filled == {0.4: svg.SERIES[0], 0.3: "none", 0.5: svg.SERIES[2]}
    assert "On the front: scenario 0." in drawn
    none = in_two(points, own=[(True, False)] * 3)
    assert best_in_two(*none) == []
    assert "On the front: none." in trade_off(Canvas(), none, looks_of(none[0].spreads))


def test_all_baselines_and_floors_within_the_axes_show():
    rivals = {"bpmf": 0.35, "svd": 0.42, "both": 0.45, "far": 9.0}, {"ease": 0.45, "both": 0.41}
    axes = in_two([(0.4, 0.4), (0.48, 0.5)], rivals=rivals)
    drawn, plot = drawn_axes(Canvas(), axes, looks_of(axes[0].spreads))
    found = [note for note in notes(drawn) if note.startswith(("baseline", "floor"))]
    assert found == [
        "baseline: svd: 0.42 in ranking rmse",
        "baseline: both: 0.45 in ranking rmse",
        "floor: mean: 0.5 in ranking rmse",
        "baseline: both: 0.41 in retrieval top 5",
        "baseline: bpmf: 0.35 in ranking rmse",
        "baseline: ease: 0.45 in retrieval top 5",
        "baseline: both: 0.45 in ranking rmse, 0.41 in retrieval top 5",
    ]
    assert sum(line.get_marker() == "*" for line in plot.lines) == 1
    assert "baseline: far: 9 in ranking rmse" in drawn  # in the words, though beyond the axes
    assert "both" in require_readable(plot)


# colours, axes and words


def stand_ins(drawn):
    """Stand-in colours that are still there, whole or in pieces."""
    return re.findall(r"[^\s\"]*0102[0-9a-f]{2}[^\s\"]*", drawn)


def test_every_colour_is_the_pages():
    spreads = NEAR
    bars = [plots.Bar(s.scenario, 1.0, 0.1, "1×", s.scenario == "s1") for s in spreads]
    canvas = Canvas("f1")
    axes = in_two([(0.4, 0.4), (0.48, 0.5)], rivals=({"bpmf": 0.35, "b": 0.4}, {"ease": 0.45}))
    for drawn in (
        plots.bars(canvas, "", "", bars, looks_of(spreads)),
        plots.dots(canvas, axis_of(spreads, floors={"mean": 0.95}), looks_of(spreads)),
        trade_off(canvas, axes, looks_of(axes[0].spreads)),
    ):
        assert "var(--c1)" in drawn
        assert not stand_ins(drawn)


def test_the_reference_alone_is_hatched():
    bars = [plots.Bar(f"s{n}", 1.0, 0.0, "1×", n == 1) for n in range(3)]
    spreads = [Spread(bar.scenario, (1.0,)) for bar in bars]
    drawn = plots.bars(Canvas(), "", "", bars, looks_of(spreads))
    assert drawn.count("<pattern") == 1
    assert len(re.findall(r"fill:url\(#f1h\w+\)", drawn)) == 1
    (pattern,) = re.findall(r"<pattern.*?</pattern>", drawn)
    assert "stroke:var(--c1)" in pattern


def test_ids_and_colours_of_attributes():
    assert svg._value("fill", svg.SERIES[2], "f10") == "var(--c2)"
    assert svg._value("fill", "#ffffff", "f10") == "#ffffff"
    assert svg._value("clip-path", "url(#p0102f2)", "f1") == "url(#f1p0102f2)"
    assert svg._value("{x}href", "#m010203", "f1") == "#f1m010203"
    assert svg._value("style", "fill: #010203; stroke: #0102034d", "f1") == (
        "fill:currentColor;stroke:#0102034d"
    )


def test_one_epoch_stands_in_the_middle():
    line = Line("s", [1], [0.5], [0.4], [0.6])
    canvas = Canvas()
    drawn = curves.draw(canvas, curves.Panel("loss", [line]), looks.choose(["s"], []))
    (axes,) = canvas._figure.axes
    assert axes.get_xlim() == (0.5, 1.5)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1"]
    assert notes(drawn) == ["s: 0.5 in epoch 1"]
    assert "First and last epoch, means over seeds: s: 0.5<" in drawn


def test_trials_are_counted():
    line = Line("s", [1, 2], [0.5, 1722779.0], [0.4, 0.5], [0.6, 0.5])
    panel = curves.Panel("best", [line], unit="trials")
    drawn = curves.draw(Canvas(), panel, looks.choose(["s"], []))
    assert "s: 0.5 after 1 trial, 1,722,779 after 2 trials" in notes(drawn)


def test_a_curve_of_a_sweep_is_named_even_where_there_is_little_room():
    points = {float(n): Spread(f"p{n}", (0.5, 0.500001)) for n in range(1, 9)}
    curved = [sweepplot.Curve(f"sweep number {n}", points) for n in range(4)]
    panel = sweepplot.Panel("lr", axis_of(list(points.values())), curved, [])
    drawn = sweepplot.draw(Canvas(), panel, {})
    assert [f"sweep number {n}" in drawn for n in range(4)] == [True] * 4


def test_speed_is_in_steps_of_the_reference():
    records = [
        made.record(name, seed, pace=pace)
        for name, pace in (("joint", 2.0), ("slow", 3.0))
        for seed in range(2)
    ]
    text = page(Results.of(records))
    assert "slow: 1.50× · 3.00" in text
    assert "joint: 1.00× · 2.00" in text
    section = text[text.index('<section id="speed"') :].partition("</section>")[0]
    titles = re.findall(r"<h3>(.*?)</h3>", section)
    assert titles == ["time of a training step", "time a run takes"]
    assert "1,000" not in section  # examples per second
