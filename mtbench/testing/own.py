"""What a suite says that reads a user's own table."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml

from mtbench.text import printable

from .look import Look, lengths, look

RATED = """\
tasks:                          # every scenario is scored on all of them
  ranking: {units: [32]}        # predict the rating
  retrieval: $retrieval  # find the item

scenarios:                      # which tasks are trained, and how their losses are weighed
  rating-only: {tasks: [ranking]}
  retrieval-only: {tasks: [retrieval]}
  joint: {tasks: [ranking, retrieval], weighting: equal}
  joint-uncertainty: {tasks: [ranking, retrieval], weighting: uncertainty}
"""
"""Tasks where there are ratings."""
IMPLICIT = """\
tasks:                          # there are no ratings: what was taken at all is learned
  click: {}                     # whether a user takes an item, against items drawn
  retrieval: $retrieval  # find the item

scenarios:                      # which tasks are trained, and how their losses are weighed
  click-only: {tasks: [click]}
  retrieval-only: {tasks: [retrieval]}
  joint: {tasks: [click, retrieval], weighting: equal}
"""
"""Tasks where there are none."""
SIDES = ("query", "candidate")
ENOUGH = 300
"""Items from which on the usual lengths of lists tell something."""


def table_words(file: Path, folder: Path) -> dict[str, str]:
    """What a suite in `folder` says that reads a file, by placeholder of its scaffold.

    Raises:
        DataError: The file is no table of interactions.
    """
    seen = look(str(file))
    lines = _dataset(seen, quoted(os.path.relpath(file, folder)))
    retrieval = "{}" if seen.candidates >= ENOUGH else f"{{top_k: {lengths(seen.candidates)}}}"
    tasks = RATED if "user_rating" in seen.roles else IMPLICIT
    return {
        "dataset": "".join(f"{printable(line)}\n" for line in lines),
        "tasks": Template(tasks).substitute(retrieval=retrieval),
        **{side: "feature" if side in seen.features else "embedding" for side in SIDES},
    }


def _dataset(seen: Look, path: str) -> Iterator[str]:
    """The lines of the dataset, with what was seen."""
    roles = seen.roles
    labels: dict[str, str] = {
        role: roles[role] for role in ("user_rating", "timestamp") if role in roles
    }
    yield "# your own: pip install 'mtbench[tables]', mtbench plugins dataset table"
    yield "dataset:"
    yield "  name: table"
    yield f"  path: {path}  # relative to this file"
    yield from _options(seen.file, "  ")
    yield f"  query: {quoted(roles['query'])}  # who"
    yield f"  candidate: {quoted(roles['candidate'])}  # what: {seen.candidates:,} different ones"
    yield f"  columns: {_mapping(labels)}  # what tasks and splits read: the column with it"
    if seen.labelled:
        yield f"  # {roles['user_rating']}: {seen.labelled}"
    if "timestamp" not in roles:
        yield "  # no column of times: splits random, stratified and k-fold do without"
    if seen.unit != "s":
        yield f"  timestamp_unit: {seen.unit}"
    if seen.missing:
        lacking = ", ".join(map(quoted, seen.missing))
        yield f"  drop_missing: [{lacking}]  # rows without are left out, and counted"
    for side, forms in seen.features.items():
        yield f"  {side}_features:  # the same in all rows of one"
        yield f"    path: {path}"
        yield from _options(seen.file, "    ")
        if roles[side] in seen.missing:
            yield f"    drop_missing: [{quoted(roles[side])}]"
        yield f"    columns: {_mapping(forms)}"
    for column, example in seen.unread.items():
        yield f"  # not read: {column}, such as {example}"
    yield "  # filters: {min_per_query: 5, min_per_candidate: 5}  # leave out who has few"


def _options(options: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Options of a file, a line each."""
    for name, value in options.items():
        yield f"{indent}{name}: {json.dumps(value, ensure_ascii=False)}"


def _mapping(words: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{quoted(key)}: {quoted(word)}' for key, word in words.items())}}}"


def quoted(word: str) -> str:
    """A word of YAML, in quotes where it needs them."""
    if re.fullmatch(r"[A-Za-z_./][A-Za-z0-9_./-]*", word) and yaml.safe_load(word) == word:
        return word
    return json.dumps(word, ensure_ascii=False)
