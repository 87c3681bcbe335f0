"""The code that a component is made of, and a digest of it.

A component's numbers depend on the module it is defined in and on what that imports: helpers
beside it, a module of the same package, code of the user's own outside of installed packages. All
of it is in the digest, so that an edit of any file makes another component. Installed packages
besides the plugin's own are left to their versions, and the core to a digest of its own.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

CORE = __name__.partition(".")[0]
DECIDING = ("data", "metrics", "plugin", "kit", "suite", "train")
"""Packages of the core whose code decides the numbers of a run."""


def core_digest(root: Path | None = None) -> str:
    """Digest of the core's code that decides numbers, SHA-256.

    Args:
        root: Folder of the package; default: that of this one.
    """
    root = root or Path(__file__).parent.parent
    files = [path for package in DECIDING for path in (root / package).rglob("*.py")]
    return _digest((path.relative_to(root).as_posix(), path) for path in files)


def component_digest(cls: type) -> str | None:
    """Digest of the code that a class is made of, SHA-256; None where there is no file of it.

    That of a class in a file that imports nothing of its author's is the digest of the file.
    """
    files = _files_of(cls.__module__)
    if not files:
        return None
    if len(files) == 1:
        return hashlib.sha256(next(iter(files.values())).read_bytes()).hexdigest()
    # not the name of the first: that of a plugin file holds its folder
    return _digest(("" if name == cls.__module__ else name, path) for name, path in files.items())


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    total = hashlib.sha256()
    for label, path in sorted(files):
        total.update(f"{label}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _files_of(module: str) -> dict[str, Path]:
    """Files of a module and of all it imports but installed packages and the core, by name."""
    package = module.partition(".")[0]
    files: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if name in files or top == CORE or (top != package and _is_foreign(top)):
            continue
        if (path := _path_of(name)) is None:  # such as a name within a module
            continue
        files[name] = path
        imported = _imports(path, path.stat().st_mtime_ns, name)
        waiting += _all_of(top) if imported is None else imported
        if "." in name:
            waiting.append(name.rpartition(".")[0])  # whose `__init__` runs first
    return files


@functools.lru_cache(maxsize=1024)
def _is_foreign(top: str) -> bool:
    """Whether a top-level module is of the standard library, installed, or not to be found."""
    if top in sys.stdlib_module_names:
        return True
    places = _places(top)
    return not places or any(_is_installed(place) for place in places)


def _places(top: str) -> list[Path]:
    """The file of a top-level module, or the folders of a package, found without importing it."""
    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None)
    if spec is None or not (spec.origin or spec.submodule_search_locations):
        spec = importlib.machinery.PathFinder.find_spec(top)
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return [Path(place).resolve() for place in spec.submodule_search_locations]
    return [Path(spec.origin).resolve()] if spec.origin else []


def _path_of(name: str) -> Path | None:
    """The source of a module; None where there is none."""
    top, *parts = name.split(".")
    for place in _places(top):
        if place.suffix == ".py":
            return None if parts else place
        target = place.joinpath(*parts)
        for path in (target / "__init__.py", target.with_suffix(".py") if parts else target):
            if path.is_file():
                return path
    return None


@functools.lru_cache(maxsize=1024)
def _imports(path: Path, changed: int, name: str) -> frozenset[str] | None:
    """Dotted names that a source imports, wherever in it; None if it imports by other means.

    Args:
        path: The source.
        changed: When it was changed, for the cache.
        name: Of its module, for relative imports.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return frozenset()
    names = set(_imported(tree, name if path.name == "__init__.py" else name.rpartition(".")[0]))
    by_name = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if "__import__" in by_name or names & {"importlib.import_module", "runpy"}:
        return None
    if "importlib" in names and "import_module" in path.read_text(encoding="utf-8"):
        return None
    return frozenset(names)


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _all_of(top: str) -> list[str]:
    """Names of all modules of a package."""
    names = []
    for place in _places(top):
        for file in place.rglob("*.py") if place.is_dir() else ():
            parts = file.relative_to(place).with_suffix("").parts
            names.append(".".join([top, *(part for part in parts if part != "__init__")]))
    return names


def _is_installed(place: Path) -> bool:
    """Whether a path is below where installers put packages, of this environment or another."""
    installed = {"site-packages", "dist-packages"} & set(place.parts)
    return bool(installed) or any(place.is_relative_to(root) for root in _standard_library())


@functools.cache
def _standard_library() -> tuple[Path, ...]:
    return tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))
