"""Where the numbers of a page come from, and how to get them again."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from typing import Any

import yaml

from mtbench.records.document import suite_document
from mtbench.records.record import Identity, Place, Record
from mtbench.text import counted

from .markup import Child, Html, lines, tag
from .tabular import cell, column, row_head, table
from .view import View


def _pairs(items: Iterable[tuple[str, Child]]) -> Html:
    return tag("dl", *((tag("dt", name), tag("dd", value)) for name, value in items))


def _code(value: object) -> Html:
    return tag("span.code", str(value))


def data(view: View) -> Html:
    """The data, made up or not, and its fingerprint."""
    question = view.results.question
    parts = []
    for about in {run.fingerprint: run.data for run in view.results.done}.values():
        if about is None:
            continue
        kind = "made up" if about.synthetic else "real"
        if question.stands_in_for:
            kind = f"made up, in place of {question.stands_in_for}"
        parts.append(
            _pairs(
                [
                    ("source", about.source),
                    ("kind", kind),
                    ("queries (users)", f"{about.num_queries:,}"),
                    ("candidates (items)", f"{about.num_candidates:,}"),
                    ("interactions to train", f"{about.train:,}"),
                    ("interactions to validate", f"{about.validation:,}"),
                    ("interactions to test", f"{about.test:,}"),
                    ("scored on", f"the {question.evaluate_on} part"),
                    *_cold(about.slices),
                    ("fingerprint (SHA-256)", _code(about.fingerprint)),
                ]
            )
        )
    return Html("".join(parts))


def _cold(slices: dict[str, dict[str, int]] | None) -> list[tuple[str, str]]:
    """How many users and items of the scored part have no training row, where that is known."""
    if not slices:
        return []
    queries, candidates = slices["cold_query"]["queries"], slices["cold_candidate"]["candidates"]
    return [("of it without a training row", f"{queries:,} queries, {candidates:,} candidates")]


def environment(view: View) -> Html:
    """Software, machines and the question."""
    results = view.results
    engine = results.question.engine
    items: list[tuple[str, Child]] = [*engine.versions.items(), ("threads", str(engine.threads))]
    items.append(("device", engine.device))
    if engine.code:
        items.append(("code of mtbench (SHA-256)", _code(engine.code)))
    machines = [_machine(run) for run in results.records]
    for key in machines[0]:
        counts = Counter(_text(machine[key]) for machine in machines)
        values = [
            value if number == len(machines) else f"{value} ({counted(number, 'run')})"
            for value, number in counts.items()
        ]
        items.append((key, "; ".join(values)))
    started = sorted(run.started for run in results.records)
    items.append(("runs started", f"{started[0][:19]} to {started[-1][:19]} UTC"))
    items.append(("question", _code(results.newest.question_id)))
    return _pairs([(name, value or "–") for name, value in items])


def _machine(record: Record) -> dict[str, str | tuple[str, ...]]:
    """What is known of a run's machine, and of who executed it there."""
    known = record.environment.model_dump()
    place = known.pop("place") or dict.fromkeys(Place.model_fields, "")
    return {**known, **{name.replace("_", " "): str(value) for name, value in place.items()}}


def _text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def components(view: View) -> Html:
    """Every component with its options and the code it comes from."""
    head = [
        column(name, text=True)
        for name in ("used as", "component", "options", "plugin", "version", "source (SHA-256)")
    ]
    rows = [("", _component(where, identity)) for where, identity in _identities(view)]
    return table("components", "Components, their options and origins.", head, rows)


def _component(where: str, identity: Identity) -> list[Html]:
    origin = identity.origin
    options = ", ".join(f"{key}: {value}" for key, value in identity.options.items())
    version = f"{origin.distribution} {origin.version}" if origin.distribution else "local file"
    values = [identity.name, options or "–", origin.plugin, version]
    digest = origin.sha256 or "–"
    return [
        row_head(where),
        *(cell(value, value=value, text=True) for value in values),
        cell(tag("span.code", digest[:16], title=digest), value=digest, text=True),
    ]


def _identities(view: View) -> Iterable[tuple[str, Identity]]:
    """Every component of the newest record, each scenario's weighting, and the baselines."""
    question, answer = view.results.question, view.results.newest_of_scenarios.answer
    yield "dataset", question.dataset
    yield "split", question.split
    for side, tower in answer.towers.items():
        yield f"tower: {side}", tower
    for name, task in answer.tasks.items():
        yield f"task: {name}", task
    for name, scenario in view.results.scenarios.items():
        if scenario.answer.weighting:
            yield f"scenario: {name}", scenario.answer.weighting
    for name, baseline in view.results.baselines.items():
        if baseline.answer.baseline:
            yield f"baseline: {name}", baseline.answer.baseline


def suite(view: View) -> dict[str, Any]:
    """The suite as the records tell it."""
    results = view.results
    arms = {**results.baselines, **results.scenarios}
    answers = {name: arm.answer for name, arm in arms.items()}
    if (last := results.newest_of_scenarios).kind == "scenario":
        answers[last.scenario] = answers.pop(last.scenario)  # the last counts
    ordered = suite_document(
        view.summary.suite, results.question, answers, (run.seed for run in results.records)
    )
    scenarios = {name: ordered["scenarios"][name] for name in results.scenarios}
    main = {"main": results.main} if results.main else {}
    return {**ordered, **main, "scenarios": scenarios}


def _commands(view: View, files: Iterable[str]) -> list[str]:
    """What to type; `files` are those of local plugins."""
    engine, name = view.results.question.engine, view.summary.suite
    packages = " ".join(f"{package}=={version}" for package, version in engine.versions.items())
    plugins = "".join(f" -p {shlex.quote(file)}" for file in files)
    suite_file = shlex.quote(f"{name}.yaml")
    return [
        f"pip install {packages}",
        f"TF_NUM_INTRAOP_THREADS={engine.threads} mtbench run {suite_file}{plugins}",
        f"mtbench report {shlex.quote(f'results/{name}')} --html {shlex.quote(f'{name}.html')}",
    ]


def reproduce(view: View) -> Html:
    """The commands, and the suite to run."""
    name = view.summary.suite
    origins = {identity.origin for _, identity in _identities(view)}
    files = sorted({origin.plugin for origin in origins if not origin.distribution})
    parts: list[Html] = [tag("pre", tag("code", lines("\n".join(_commands(view, files)))))]
    if files:
        which = "These plugins are local files, which their author has: "
        parts.append(tag("p", which, ", ".join(files), "."))
    text = yaml.safe_dump(suite(view), sort_keys=False, allow_unicode=True, width=96)
    parts += [
        tag("p", f"{name}.yaml, with every option as it was:"),
        tag("pre", tag("code", lines(text.rstrip()))),
    ]
    if view.results.question.stands_in_for:
        parts.append(
            tag("p.note", "The data stood in for other data (--synthetic): this suite gives the "
                "same numbers, without that mark.")
        )  # fmt: skip
    return Html("".join(parts))
