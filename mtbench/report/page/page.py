"""A suite's results as one HTML file: words first, then tables, plots and provenance."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from importlib.resources import files

from mtbench.records.results import Results
from mtbench.text import counted

from . import curves, findings, labels, pairs, panels, provenance, sections, sweeps, tuning, wording
from .markup import Html, tag
from .svg import Canvas
from .view import View, look_at


def page(results: Results) -> str:
    """Write the page of a suite's results: one file that loads nothing.

    Args:
        results: Of at least one record.

    Returns:
        An HTML document. The same results give the same document.

    Raises:
        MtbenchError: matplotlib is not installed.
    """
    canvas = Canvas()
    view = look_at(results)
    style, script = _resource("page.css"), _resource("page.js")
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", f"{view.summary.suite} – mtbench"),
        tag("style", Html(style)),
    ]
    parts = [(key, title, body) for key, title, body in _sections(view, canvas) if body]
    body = [
        _header(view),
        tag(
            "nav",
            tag("ul", *(tag("li", tag("a", title, href=f"#{key}")) for key, title, _ in parts)),
            aria_label="sections",
        ),
        tag("main", *(_section(*part) for part in parts)),
        tag("footer", f"Made by mtbench from {counted(results.given, 'record')}."),
        tag("script", Html(script)),
    ]
    document = tag("html", tag("head", *head), tag("body", *body), lang="en")
    return f"<!DOCTYPE html>\n{document}\n"


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8").strip() + "\n"


def _policy(script: str) -> str:
    """Nothing is loaded from anywhere, and no script runs but ours."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _header(view: View) -> Html:
    summary, results = view.summary, view.results
    runs, total = len(results.done), len(results.records)
    seeds, baselines = len(view.seeds), len(summary.baselines)
    beside = f"{counted(baselines, 'baseline')}, " if baselines else ""
    meta = (
        f"{counted(len(summary.scenarios), 'scenario')}, {beside}{counted(seeds, 'seed')}, "
        f"{runs:,} of {counted(total, 'run')} went well. {summary.data}"
    )
    notes = [
        tag("li.loud" if note.startswith(("SYNTHETIC", "FAILED")) else "li", note)
        for note in _few(summary.notes)
    ]
    return tag(
        "header",
        tag("h1", summary.suite),
        tag("p.meta", meta),
        tag("p.meta", f"mtbench {results.question.engine.mtbench}, {results.newest.started[:10]}"),
        tag("ul.notes", *notes, aria_label="notes") if notes else None,
    )


def _few(notes: Sequence[str], most: int = 3) -> list[str]:
    """Of many failed runs the first few; a section lists them all."""
    failed = [note for note in notes if note.startswith("FAILED")]
    hidden = failed[most:] if len(failed) > most + 1 else []
    kept = [note for note in notes if note not in hidden]
    return [*kept, f"FAILED: {len(hidden)} more, listed below"] if hidden else kept


def _section(key: str, title: str, body: Html) -> Html:
    head = tag("h2", title, id=f"{key}-title")
    return tag("section", head, body, id=key, aria_labelledby=f"{key}-title")


def _first_screen(view: View, canvas: Canvas) -> Html:
    """The answer in words, and beside it the tasks against each other."""
    said = tag("div.lead", wording.summary(view))
    return tag("div.answer", said, panels.trade_offs(view, canvas))


def _sections(view: View, canvas: Canvas) -> Iterable[tuple[str, str, Html]]:
    """Keys, titles and content, in order; one without content is left out."""
    runs, tasks = view.results.runs, view.tasks
    yield "summary", "The answer", _first_screen(view, canvas)
    if view.rows or view.summary.baselines:
        yield "numbers", "Results", tag("div", sections.results(view), sections.all_metrics(view))
    if view.rows:
        yield "scenarios", "Scenarios", sections.scenarios(view)
        yield "tuning", "Tuning", tuning.section(view, canvas)
        yield "labels", "Labels", labels.section(view, canvas)
        yield "sweeps", "Sweeps", sweeps.figures_of(view, canvas)
        yield "seeds", "Every seed", panels.metrics(view, canvas)
        yield "compared", "Comparisons", findings.comparisons(view)
        yield "gains", "Against single tasks", panels.gains(view, canvas)
        for key, title, found, text in (
            ("learning", "Learning", curves.losses(runs, tasks), panels.LOSSES),
            ("weights", "Weights", curves.weights(runs, tasks), panels.WEIGHTS),
            ("gradients", "Gradients", curves.gradients(runs), panels.GRADIENTS),
        ):
            yield key, title, panels.lines(view, canvas, found, text)
        yield "pairs", "Pairs of tasks", pairs.section(view)
        yield "speed", "Speed", panels.costs(view, canvas)
    if view.results.failed:
        yield "failed", "Failed runs", findings.failures(view)
    yield "reproduce", "Reproduce", provenance.reproduce(view)
    yield "data", "Data", provenance.data(view)
    yield "environment", "Environment", provenance.environment(view)
    yield "origins", "Components", provenance.components(view)
