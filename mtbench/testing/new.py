"""Files to start from: a plugin of each kind, which keeps its contract, and a suite."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from mtbench.errors import DataError, MtbenchError, PluginError, did_you_mean
from mtbench.files import reason
from mtbench.plugin.kinds import KINDS
from mtbench.plugin.registry import Registry

from .own import RATED, SIDES, quoted, table_words

DATASETS = {
    "synthetic": "# made up, so that it runs anywhere: mtbench plugins dataset\n"
    "dataset: {name: synthetic, num_users: 200, num_items: 300, num_ratings: 10_000}\n",
    "movielens": "# downloaded where it is missing: README.md, MovieLens\n"
    "dataset: {name: movielens, config: 100k, candidate: title}\n",
}
"""What `--data` may name besides a file."""
USES = {
    "dataset": "dataset: $name",
    "split": "split: $name",
    "tower": "towers: {query: $name, candidate: $name}",
    "task": "tasks: {$name: {}}, and $name among the tasks of a scenario",
    "weighting": "weighting: $name in a scenario",
    "baseline": "baselines: [$name]",
    "executor": "executor: $name",
}
"""By kind, what a suite says to have a component."""


def write_plugin(kind: str, path: Path, registry: Registry) -> str:
    """Write a small plugin that keeps the contract of its kind.

    Args:
        kind: Of its component, which is called after the file.
        path: The file.
        registry: The components there are.

    Returns:
        What comes next, in lines.

    Raises:
        MtbenchError: The kind is unknown, the file is there or cannot be written, or its name makes
            none of a component.
    """
    if kind not in KINDS:
        raise MtbenchError(f"unknown kind {kind!r}{did_you_mean(kind, KINDS)}")
    name = _name_of(path, ".py")
    if not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        raise MtbenchError(
            f"{path}: expected a name that Python can import, of letters, digits and _, found "
            f"{path.stem!r}"
        )
    _refuse_taken(kind, name, path, registry)
    words = "".join(part.capitalize() for part in re.split(r"[-_]+", name) if part)
    _write(path, _text(kind, name=name, Class=words))
    use = Template(USES.get(kind, "")).substitute(name=name)
    lines = [f"{path}: the {kind} {name!r}", f"check it: mtbench check-plugin {path}"]
    if use:
        lines.append(f"in a suite beside it: plugins: [{path.name}], and {use}")
    else:
        lines.append(f"use it: mtbench run SUITE -p {path} --track {name}")
    return "\n".join(lines)


def _refuse_taken(kind: str, name: str, path: Path, registry: Registry) -> None:
    for cls in registry.classes():
        if (cls.kind, cls.name) == (kind, name):
            raise PluginError(
                f"{path}: the {kind} {name!r} is there already, of {registry.origin(cls)}; call "
                "the file otherwise"
            )


def write_suite(path: Path, data: str = "synthetic") -> str:
    """Write a small suite, which runs in seconds on made-up data.

    Args:
        path: The file; the suite is called after it.
        data: One of `DATASETS`, or a CSV, TSV or Parquet file.

    Returns:
        What comes next, in lines.

    Raises:
        MtbenchError: The file is there or cannot be written, or its name makes none of a suite.
        DataError: The data is unknown, or lacks a column.
    """
    name = _name_of(path, ".yaml", ".yml")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise MtbenchError(f"{path}: expected a name of letters, digits, _ and -, found {name!r}")
    words = {
        "tasks": Template(RATED).substitute(retrieval="{}"),
        **dict.fromkeys(SIDES, "embedding"),
    }
    if data in DATASETS:
        words["dataset"] = DATASETS[data]
    else:
        words |= table_words(_file(Path(data)), path.parent)
    _write(path, _text("suite", name=quoted(name), folder=name, file=str(path), **words))
    return f"{path}: the suite {name!r}\nrun it: mtbench run {path}"


def init_suite(file: Path) -> str:
    """Write a suite that reads a file, beside it and of its name.

    Returns:
        What comes next, in lines.

    Raises:
        MtbenchError: The suite is there or cannot be written.
        DataError: The file is no table of interactions.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", file.name.partition(".")[0]).lstrip("_.-") or "mine"
    return write_suite(file.with_name(f"{name}.yaml"), str(file))


def _file(path: Path) -> Path:
    """A file that `--data` names."""
    if not path.is_file() and (not path.suffix or path.suffix == ".py"):
        near = did_you_mean(str(path), DATASETS)
        raise DataError(f"--data {path}: expected a dataset, or a CSV, TSV or Parquet file{near}")
    return path


def _text(scaffold: str, **words: str) -> str:
    text = files(__package__).joinpath("scaffolds", f"{scaffold}.txt").read_text("utf-8")
    return Template(text).substitute(words)


def _name_of(path: Path, *suffixes: str) -> str:
    """The name that a file gives to what is in it."""
    if path.suffix not in suffixes:
        expected = " or ".join(suffixes)
        raise MtbenchError(f"{path}: expected a file that ends with {expected}")
    return path.stem.strip("_").replace("_", "-") if path.suffix == ".py" else path.stem


def _write(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        MtbenchError: It is, or it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise MtbenchError(f"{path}: is there already, and stays as it is") from None
    except OSError as error:
        raise MtbenchError(f"{path}: {reason(error)}") from error
