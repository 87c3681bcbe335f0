"""Where the numbers of a page come from, and how to get them again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from .markup import Child, Html, lines, tag
from .tabular import cell, column, row_head, table
from .view import Record, View


def _pairs(items: Iterable[tuple[str, Child]]) -> Html:
    return tag("dl", *((tag("dt", name), tag("dd", value)) for name, value in items))


def _code(value: object) -> Html:
    return tag("span.code", str(value))


def data(view: View) -> Html:
    """The data, made up or not, and its fingerprint."""
    found = {run["data"]["fingerprint"]: run["data"] for run in view.runs}
    parts = []
    for fingerprint, about in found.items():
        kind = "made up" if about["synthetic"] else "real"
        if about["stands_in_for"]:
            kind = f"made up, in place of {about['stands_in_for']}"
        parts.append(
            _pairs(
                [
                    ("source", about["source"]),
                    ("kind", kind),
                    ("queries (users)", f"{about['num_queries']:,}"),
                    ("candidates (items)", f"{about['num_candidates']:,}"),
                    ("interactions to train", f"{about['train']:,}"),
                    ("interactions to validate", f"{about.get('validation', 0):,}"),
                    ("interactions to test", f"{about['test']:,}"),
                    ("scored on", f"the {about.get('evaluated_on', 'test')} part"),
                    *_cold(about.get("slices")),
                    ("fingerprint (SHA-256)", _code(fingerprint)),
                ]
            )
        )
    return Html("".join(parts))


def _cold(slices: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """How many users and items of the scored part have no training row, where that is known."""
    if not slices:
        return []
    queries, candidates = slices["cold_query"]["queries"], slices["cold_candidate"]["candidates"]
    return [("of it without a training row", f"{queries:,} queries, {candidates:,} candidates")]


def environment(view: View) -> Html:
    """Software, machines and the protocol."""
    newest = view.newest
    engine = newest["protocol"]["engine"]
    items: list[tuple[str, Child]] = [(name, str(value)) for name, value in engine.items()]
    every = [run["environment"] for run in (*view.runs, *view.failed)]
    for key in dict.fromkeys(key for about in every for key in about if key not in engine):
        counts: dict[str, int] = {}
        for about in every:
            counts[str(about.get(key, ""))] = counts.get(str(about.get(key, "")), 0) + 1
        total = sum(counts.values())
        values = [
            value if number == total else f"{value} ({number} runs)"
            for value, number in counts.items()
        ]
        items.append((key, "; ".join(values) or "–"))
    started = sorted(str(run["started"]) for run in (*view.runs, *view.failed))
    items.append(("runs started", f"{started[0][:19]} to {started[-1][:19]} UTC"))
    items.append(("protocol", _code(newest["protocol_id"])))
    return _pairs([(name, value or "–") for name, value in items])


def components(view: View) -> Html:
    """Every component with its options and the code it comes from."""
    head = [
        column(name, text=True)
        for name in ("used as", "component", "options", "plugin", "version", "source (SHA-256)")
    ]
    rows = [("", _component(where, identity)) for where, identity in _identities(view)]
    return table("components", "Components, their options and origins.", head, rows)


def _component(where: str, identity: Mapping[str, Any]) -> list[Html]:
    origin = identity.get("origin") or {}
    options = ", ".join(f"{key}: {value}" for key, value in identity.get("options", {}).items())
    distribution = origin.get("distribution")
    version = f"{distribution} {origin.get('version')}" if distribution else "local file"
    values = [identity["name"], options or "–", origin.get("plugin", "–"), version]
    digest = str(origin.get("sha256") or "–")
    return [
        row_head(where),
        *(cell(value, value=str(value), text=True) for value in values),
        cell(tag("span.code", digest[:16], title=digest), value=digest, text=True),
    ]


def _identities(view: View) -> Iterable[tuple[str, Mapping[str, Any]]]:
    protocol = view.newest["protocol"]
    for kind in ("dataset", "split"):
        if kind in protocol:
            yield kind, protocol[kind]
    for group, word in (("towers", "tower"), ("tasks", "task")):
        for name, identity in protocol.get(group, {}).items():
            yield f"{word}: {name}", identity
    for name, record in _definitions(view).items():
        if record["weighting"]:
            yield f"scenario: {name}", record["weighting"]


def _definitions(view: View) -> dict[str, Record]:
    """A record of each scenario, in the order of the report."""
    found = {run["scenario"]: run for run in (*view.failed, *view.runs)}
    return {row.name: found[row.name] for row in view.summary.scenarios if row.name in found}


def suite(view: View) -> dict[str, Any] | None:
    """The suite as the records tell it, or None of records that lack it.

    Its runs have the ids of the recorded ones, unless data was put in place of other data.
    """
    protocol = view.newest["protocol"]
    if not {"dataset", "split", "towers", "tasks", "train"} <= protocol.keys():
        return None
    tasks, order = protocol["tasks"], protocol.get("task_order", list(protocol["tasks"]))
    scenarios: dict[str, dict[str, Any]] = {}
    for name, record in _definitions(view).items():
        scenarios[name] = {"tasks": list(record["trained_tasks"])}
        if record["weighting"]:
            scenarios[name]["weighting"] = _spec(record["weighting"])
    return {
        "name": view.summary.suite,
        "dataset": _spec(protocol["dataset"]),
        "split": _spec(protocol["split"]),
        "towers": {side: _spec(tower) for side, tower in protocol["towers"].items()},
        "tasks": {name: _spec(tasks[name]) for name in order},
        "scenarios": scenarios,
        "train": protocol["train"],
        "evaluate_on": protocol.get("evaluate_on", "test"),
        "seeds": sorted({run["seed"] for run in (*view.runs, *view.failed)}),
    }


def _spec(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": identity["name"], **identity["options"]}


def reproduce(view: View) -> Html:
    """The commands, and the suite to run."""
    engine = view.newest["protocol"]["engine"]
    name = view.summary.suite
    packages = " ".join(
        f"{package}=={version}" for package, version in engine.items() if package != "threads"
    )
    files = sorted(
        {
            str(identity["origin"]["plugin"])
            for _, identity in _identities(view)
            if identity.get("origin") and not identity["origin"].get("distribution")
        }
    )
    plugins = "".join(f" -p {shlex.quote(file)}" for file in files)
    suite_file = shlex.quote(f"{name}.yaml")
    commands = [
        f"pip install {packages}",
        f"TF_NUM_INTRAOP_THREADS={engine.get('threads', '')} mtbench run {suite_file}{plugins}",
        f"mtbench report {shlex.quote(f'results/{name}')} --html {shlex.quote(f'{name}.html')}",
    ]
    parts: list[Html] = [tag("pre", tag("code", lines("\n".join(commands))))]
    if files:
        parts.append(
            tag(
                "p",
                "These plugins are local files, which their author has: ",
                ", ".join(files),
                ".",
            )
        )
    found = suite(view)
    if found:
        text = yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=96)
        parts += [
            tag("p", f"{name}.yaml, with every option as it was:"),
            tag("pre", tag("code", lines(text.rstrip()))),
        ]
    if view.newest["protocol"].get("stands_in_for"):
        parts.append(
            tag("p.note", "The data stood in for other data (--synthetic): this suite gives the "
                "same numbers, without that mark.")
        )  # fmt: skip
    return Html("".join(parts))
