"""Finding plugins, and what they offer."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import inspect
import sys
import traceback
import types
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mtbench.errors import PluginError, did_you_mean, in_one_line
from mtbench.files import reason

from .component import Component
from .hooks import PROJECT, SPECS, plugin_manager
from .kinds import KINDS, Kind
from .lazy import SLOW, lazy_imports
from .sources import component_digest


@dataclass(frozen=True)
class Origin:
    """Where a component comes from, kept in every record."""

    plugin: str
    """Entry point, or name of the file."""
    distribution: str | None
    """Installed package it belongs to; None for a local file."""
    version: str | None
    sha256: str | None = None
    """Digest of the code it is made of."""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}" if self.distribution else self.plugin

    @property
    def full(self) -> str:
        """Distribution and entry point, or the file."""
        return f"{self} ({self.plugin})" if self.distribution else self.plugin


class Registry:
    """The components of all plugins, by kind and name.

    Built-in, installed and local plugins are inspected and added alike; nothing here knows one by
    name.

    Attributes:
        hooks: pluggy's plugin manager, for observers.
        failed: Installed plugins that could not be loaded, with the reason.
        files: The plugin files that were loaded, in that order.
        twice: By kind and name a line on what several installed plugins offer: nobody gets it.
    """

    def __init__(self) -> None:
        self.hooks = plugin_manager()
        self.failed: dict[str, str] = {}
        self.files: list[Path] = []
        self.twice: dict[tuple[str, str], str] = {}
        self._classes: dict[str, dict[str, type[Component]]] = {k: {} for k in KINDS}
        self._origins: dict[type[Component], Origin] = {}

    def load_installed(self) -> None:
        """Register the plugins of every installed distribution (entry-point group `mtbench`).

        One that cannot be loaded is kept in `failed` and does not stop the others, and neither does
        a name that another has taken: to find it is an error.
        """
        with lazy_imports(*SLOW):
            self._load_installed()

    def _load_installed(self) -> None:
        named: dict[int, tuple[str, str]] = {}
        # not `distributions()`, which lists one that is found twice on the path twice
        for entry in importlib.metadata.entry_points(group=PROJECT):
            if id(entry.dist) not in named:  # parsed from its whole description
                dist = entry.dist
                named[id(dist)] = (dist.name, dist.version) if dist else ("?", "?")
            name, version = named[id(entry.dist)]
            try:
                module = entry.load()
                offered = self._inspect(module, entry.name, name, version)
            except (Exception, SystemExit) as error:
                self.failed[f"{entry.name} ({name})"] = _reason(error)
            else:
                self._add(module, f"{name}:{entry.name}", offered, self.twice)

    def load_file(self, path: Path) -> None:
        """Register the plugin in a Python file.

        Raises:
            PluginError: The file is absent, cannot be imported, or breaks the rules of a hook.
        """
        if "\0" in str(path):
            raise PluginError(f"{str(path)!r}: there is a NUL in its name")
        label = path.name
        name = f"mtbench_file_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
        if self.hooks.has_plugin(name):
            return
        try:
            there = path.is_file()
        except OSError as error:
            raise PluginError(f"{path}: {reason(error)}") from error
        if not there:
            raise PluginError(f"{path}: no such plugin file")
        spec = importlib.util.spec_from_file_location(name, path.resolve())
        if spec is None or spec.loader is None:
            raise PluginError(f"{path}: expected a Python file (.py)")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # pydantic looks up annotations there
        try:
            with lazy_imports(*SLOW):
                spec.loader.exec_module(module)
            offered = self._inspect(module, label, None, None)
        except PluginError as error:
            raise PluginError(f"{path}: {error}") from error
        except (Exception, SystemExit) as error:
            raise PluginError(f"{path}{_line(error, path)}: {in_one_line(error)}") from error
        self._add(module, name, offered)
        self.files.append(path)

    def _inspect(
        self, module: types.ModuleType, label: str, distribution: str | None, version: str | None
    ) -> list[tuple[type[Component], Origin]]:
        """Check a plugin module against the hooks and collect what it offers."""
        for attribute, value in vars(module).items():
            if not attribute.startswith("mtbench_") or not callable(value):
                continue
            if not hasattr(value, f"{PROJECT}_impl"):
                raise PluginError(f"function {attribute} lacks @mtbench.hookimpl")
            if attribute not in SPECS:
                raise PluginError(f"unknown hook {attribute}{did_you_mean(attribute, SPECS)}")
            parameters = inspect.signature(SPECS[attribute]).parameters
            for name in inspect.signature(value).parameters:
                if not parameters:
                    raise PluginError(f"{attribute} takes no arguments")
                if name not in parameters:
                    near = did_you_mean(name, parameters)
                    raise PluginError(f"{attribute}: unknown argument {name!r}{near}")
        if not any(hook in vars(module) for hook in SPECS):
            raise PluginError(f"implements no hook (known: {', '.join(SPECS)})")
        return [
            (cls, Origin(label, distribution, version))
            for kind in KINDS.values()
            if kind.hook in vars(module)
            for cls in _provided(kind, vars(module)[kind.hook])
        ]

    def _add(
        self,
        module: types.ModuleType,
        name: str,
        found: Iterable[tuple[type[Component], Origin]],
        twice: dict[tuple[str, str], str] | None = None,
    ) -> None:
        """Take the components of a plugin in, and its observers.

        Args:
            module: The plugin.
            name: What pluggy is to call it.
            found: What it offers.
            twice: Where to note names that are taken; default: they are an error.

        Raises:
            PluginError: A name is taken.
        """
        new: dict[tuple[str, str], tuple[type[Component], Origin]] = {}
        for cls, origin in found:
            present = self._classes[cls.kind].get(cls.name)
            other = (present, self._origins[present]) if present else new.get((cls.kind, cls.name))
            if other and other[0] is not cls:
                line = (
                    f"{cls.kind} {cls.name!r} is offered twice: by {other[1].full} and by "
                    f"{origin.full}; rename or remove one"
                )
                if twice is None:
                    raise PluginError(line)
                twice.setdefault((cls.kind, cls.name), line)
                continue
            new[cls.kind, cls.name] = cls, origin
        for (kind, key), (cls, origin) in new.items():
            self._classes[kind][key] = cls
            self._origins[cls] = origin
        self.hooks.register(module, name)

    def find(self, kind: str, name: str) -> type[Any]:
        """Return the component class of this kind and name.

        Raises:
            PluginError: There is none, or installed plugins offer several. Where there is none the
                message names the nearest one, and the plugins that could not be loaded.
        """
        if line := self.twice.get((kind, name)):
            raise PluginError(line)
        try:
            return self._classes[kind][name]
        except KeyError:
            broken = "".join(f"; {line}" for line in self.problems)
            raise PluginError(
                f"unknown {kind} {name!r}{did_you_mean(name, self._classes[kind])}{broken}"
            ) from None

    @property
    def problems(self) -> list[str]:
        """A line for each installed plugin that failed to load, and for each name that is taken."""
        failed = [f"plugin {name} failed to load: {why}" for name, why in self.failed.items()]
        return [*failed, *self.twice.values()]

    def origin(self, component: Component | type[Component]) -> Origin:
        """Return where a component, or its class, comes from: a plugin, or else its module."""
        cls = component if isinstance(component, type) else type(component)
        origin = self._origins.setdefault(cls, Origin(cls.__module__, None, None))
        if origin.sha256 is None:  # read when it is asked for: it takes a while
            origin = self._origins[cls] = replace(origin, sha256=component_digest(cls))
        return origin

    def identity(self, component: Component) -> dict[str, Any]:
        """What decides a component's behaviour: name, options, and the code it comes from."""
        origin = asdict(self.origin(component))
        return {"name": component.name, "options": component.options(), "origin": origin}

    def classes(self) -> Iterator[type[Component]]:
        """Every component, by kind, then name; without a look at its code, as for its origin."""
        for kind in KINDS:
            for _, cls in sorted(self._classes[kind].items()):
                yield cls

    def __iter__(self) -> Iterator[tuple[type[Component], Origin]]:
        """Every component with its origin, by kind, then name."""
        for cls in self.classes():
            yield cls, self.origin(cls)


def installed() -> Registry:
    """Return a registry of the installed plugins, built-ins among them."""
    registry = Registry()
    registry.load_installed()
    return registry


def _provided(kind: Kind, provider: Any) -> Iterator[type[Component]]:
    """Call a provider hook and check what it gives."""
    classes = provider()
    if not isinstance(classes, Iterable) or isinstance(classes, str):
        given = getattr(classes, "__name__", repr(classes))
        raise PluginError(f"{kind.hook}: expected a list of classes, found {given}")
    for cls in classes:
        if not (isinstance(cls, type) and issubclass(cls, kind.bases)):
            given = getattr(cls, "__name__", repr(cls))
            names = " or ".join(f"mtbench.{base.__name__}" for base in kind.bases)
            raise PluginError(f"{kind.hook}: expected a subclass of {names}, found {given}")
        if not isinstance(getattr(cls, "name", None), str):
            raise PluginError(f"{kind.hook}: {cls.__name__} has no name")
        yield cls


def _reason(error: BaseException) -> str:
    """Why a plugin was not taken: our own words, or those of its exception."""
    return str(error) if isinstance(error, PluginError) else in_one_line(error)


def _line(error: BaseException, path: Path) -> str:
    """`:7` for the last line of `path` that was running when the exception was raised."""
    if isinstance(error, SyntaxError):
        return f":{error.lineno}" if error.lineno else ""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path.resolve()]
    return f":{lines[-1]}" if lines else ""
