"""What is installed here, what is missing, and what to do. Nothing here imports TensorFlow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from mtbench.data.cache import cache_dir
from mtbench.data.store import cached
from mtbench.errors import MtbenchError, in_one_line
from mtbench.extras import EXTRAS
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.registry import Registry, installed

from .environment import device, num_threads

State = Literal["ok", "note", "absent", "WRONG"]
PROJECT = "mtbench"
IMPORT = (
    "import mtbench, tensorflow as tf, tensorflow_recommenders, tensorflow_datasets\n"
    "print('devices:', ', '.join(sorted(d.name for d in tf.config.list_physical_devices())))"
)
"""As every run does; `mtbench` first, which chooses Keras 2."""
PATIENCE = 120
"""Seconds that TensorFlow has to be imported in."""


@dataclass(frozen=True)
class Finding:
    """Something that was looked at."""

    state: State
    what: str
    found: str
    fix: str = ""
    """What to do; empty where there is nothing to do."""


def examine(*, tensorflow: bool = False) -> Iterator[Finding]:
    """Look at everything that runs need.

    Args:
        tensorflow: Import it as well, in a process of its own.
    """
    for what, look in (
        ("packages", _packages),
        ("extras", _extras),
        ("plugins", _plugins),
        ("cache", _cache),
        ("threads", _threads),
        ("device", _device),
    ):
        yield from _guarded(what, look)
    if tensorflow:
        yield _import()


def _guarded(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What is found, and that looking failed, if it does."""
    try:
        yield from look()
    except (Exception, SystemExit) as error:  # a broken package may raise anything
        reason = str(error) if isinstance(error, MtbenchError) else in_one_line(error)
        yield Finding("WRONG", what, reason)


def _packages() -> Iterator[Finding]:
    """Python, and what mtbench requires."""
    version = ".".join(map(str, sys.version_info[:3]))
    needed = (metadata.metadata(PROJECT)["Requires-Python"] or "").removeprefix(">=")
    if sys.version_info[:2] < _numbers(needed):
        fix = f"make an environment of Python {needed} or later"
        yield Finding("WRONG", "python", f"expected {needed} or later, found {version}", fix)
    else:
        yield Finding("ok", "python", version)
    for name, least in _required(""):
        yield _package(name, least)
    yield from _keras()


def _package(name: str, least: str) -> Finding:
    """A package that is needed, and its version."""
    version = _version(name)
    fix = f"pip install '{name}>={least}'"
    if version is None:
        return Finding("WRONG", name, "is not installed", fix)
    if _numbers(version) < _numbers(least):
        return Finding("WRONG", name, f"expected {least} or later, found {version}", fix)
    return Finding("ok", name, version)


def _keras() -> Iterator[Finding]:
    """Keras 2 comes in a package that moves with TensorFlow."""
    versions = [_version(name) for name in ("tensorflow", "tf-keras")]
    pair = [_numbers(version)[:2] for version in versions if version]
    if len(set(pair)) > 1:
        wanted = ".".join(map(str, pair[0]))
        found = f"expected {wanted}, as tensorflow has, found {versions[1]}"
        yield Finding("WRONG", "tf-keras", found, f"pip install 'tf-keras~={wanted}.0'")


def _extras() -> Iterator[Finding]:
    """Packages that some features need alone."""
    for extra, purpose in EXTRAS.items():
        packages = _required(extra)
        lacking = [name for name, _ in packages if _version(name) is None]
        if lacking:
            fix = f"pip install 'mtbench[{extra}]'"
            yield Finding("absent", extra, f"{purpose}; lacks {', '.join(lacking)}", fix)
        else:
            yield Finding("ok", extra, f"{purpose}; {', '.join(n for n, _ in packages)}")


def _plugins() -> Iterator[Finding]:
    """Installed plugins, those that cannot be loaded by reason, and what data is at hand."""
    registry = installed()
    yield Finding("ok", "plugins", f"{sum(1 for _ in registry.classes())} components")
    by_reason: dict[str, list[str]] = {}
    for plugin, reason in registry.failed.items():
        by_reason.setdefault(reason, []).append(plugin)
    for reason, names in by_reason.items():
        of = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
        fix = "install what it lacks, or uninstall the distribution it is of"
        yield Finding("WRONG", "plugins", f"{of} failed to load: {reason}", fix)
    for line in registry.twice.values():
        yield Finding("WRONG", "plugins", line, "uninstall one of the distributions")
    yield from _data(registry)


def _data(registry: Registry) -> Iterator[Finding]:
    for cls in registry.classes():
        if issubclass(cls, Dataset) and (told := cls.at_hand()):
            yield Finding("ok", f"data of {cls.name}", told)


def _cache() -> Iterator[Finding]:
    """Encoded datasets."""
    folder, found = cache_dir(), cached()
    size = sum(each.size for each in found) / 1e6
    told = f"{folder}: {len(found)} encoded datasets, {size:.1f} MB"
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if os.access(above, os.W_OK):
        yield Finding("ok", "cache", told)
    else:
        fix = "name a folder by MTBENCH_CACHE_DIR, else data is encoded anew by every command"
        yield Finding("note", "cache", f"{told}; cannot be written to", fix)


def _threads() -> Iterator[Finding]:
    """How many threads an operation has."""
    variable, told = "TF_NUM_INTRAOP_THREADS", str(num_threads())
    given = os.environ.get(variable, "")
    if given and told != given:
        found = f"{told}; expected a number in {variable}, found {given!r}"
        yield Finding("note", "threads", found, f"unset {variable}, or set it to a number")
    else:
        yield Finding("ok", "threads", f"{told}{f', by {variable}' if given else ''}")


def _device() -> Iterator[Finding]:
    """What a run computes on; TensorFlow is asked where the system shows an accelerator."""
    found = device()
    asked = "tensorflow.python" in sys.modules
    told = "as TensorFlow says" if asked else "no accelerator to be seen; TensorFlow was not asked"
    yield Finding("ok", "device", f"{found} ({told})")


def _import() -> Finding:
    """Import TensorFlow in a process of its own, which it may end."""
    started = time.perf_counter()
    command = [sys.executable, "-c", IMPORT]
    fix = "pip install --force-reinstall tensorflow tf-keras tensorflow-recommenders"
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return Finding("WRONG", "import", f"TensorFlow took more than {PATIENCE} s", fix)
    seconds = time.perf_counter() - started
    if done.returncode:
        last = next(iter(done.stderr.strip().splitlines()[-1:]), f"ended with {done.returncode}")
        return Finding("WRONG", "import", f"TensorFlow cannot be imported: {last}", fix)
    return Finding("ok", "import", f"TensorFlow in {seconds:.0f} s, {done.stdout.strip()}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _required(extra: str) -> list[tuple[str, str]]:
    """What mtbench requires, or an extra of it: names and least versions."""
    found = []
    for text in metadata.requires(PROJECT) or []:
        requirement, _, condition = text.partition(";")
        of = re.search(r'extra == "([\w-]+)"', condition)
        least = re.search(r">=([\d.]+)", requirement)
        name = re.match(r"[\w.-]+", requirement)
        elsewhere = "python_version" in condition
        if name and least and (of.group(1) if of else "") == extra and not elsewhere:
            found.append((name.group(), least.group(1)))
    return found


def _numbers(version: str) -> tuple[int, ...]:
    """`2.21.0` as numbers; what is none ends it."""
    numbers = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
