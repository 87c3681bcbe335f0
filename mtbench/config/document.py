"""YAML in, plain values out, with the line of every key kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mtbench.errors import Fault, SuiteError
from mtbench.files import reason

from .bounds import MOST_BYTES, Loader

Path_ = tuple[str | int, ...]


_PLAIN = {
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
}


@dataclass
class Document:
    """A parsed file: plain values, and where each of them stands."""

    file: str
    value: Any
    places: dict[Path_, str] = field(default_factory=dict)
    """`file:line` of each path, or the command-line option that set it."""

    folder: Path = Path()
    """What paths in it are relative to; for those of the command line it is the working folder."""

    def where(self, path: Path_) -> str:
        """Where a path stands; an absent key stands at the nearest one above it."""
        nearest = next((path[:n] for n in range(len(path), -1, -1) if path[:n] in self.places), ())
        return self.places.get(nearest, self.file)

    def folder_of(self, path: Path_) -> Path:
        """The folder that a file is relative to which is named at a path."""
        return self.folder if self.where(path).startswith(self.file) else Path()

    def fault(self, path: Path_, message: str) -> Fault:
        """A fault at a path."""
        where = self.where(path)
        return Fault(where, ".".join(str(part) for part in path), message)

    def set(self, path: Path_, value: Any, place: str) -> None:
        """Put a value in, making the mappings above it where they are missing."""
        node = self.value
        for n, part in enumerate(path[:-1]):
            child = node.get(part)
            if not isinstance(child, dict):
                # `weighting: fixed` is short for `weighting: {name: fixed}`
                child = {"name": child} if isinstance(child, str) else {}
                node[part] = child
                self.places[path[: n + 1]] = place
            node = child
        node[path[-1]] = value
        for replaced in [p for p in self.places if p[: len(path)] == path]:
            del self.places[replaced]
        self.places[path] = place


def of_mapping(value: Mapping[str, Any], label: str) -> Document:
    """Make a document of what is no file.

    Args:
        value: Plain values; what YAML would not give becomes text.
        label: What faults call it.
    """
    plain = json.loads(json.dumps(value, default=str))
    return Document(label, plain, {(): label})


def parse_value(text: str, place: str) -> Any:
    """Parse the value of a command-line override as YAML.

    Raises:
        SuiteError: It is no such YAML; the fault names `place`.
    """
    document = Document(place, None)
    try:
        _parse(text, document)
    except SuiteError as error:
        raise SuiteError([Fault(place, "", fault.message) for fault in error.faults]) from error
    return document.value


def read(path: Path, label: str | None = None, what: str = "a suite") -> Document:
    """Read a YAML file whose top level is a mapping.

    Args:
        path: The file.
        label: What faults call it; default: the path as given.
        what: What it should hold.

    Raises:
        SuiteError: It cannot be read, is empty, or is not such YAML.
    """
    document = Document(label or str(path), None, folder=path.parent)
    _parse(_text(path, document, what), document)
    if not document.places:
        raise SuiteError([document.fault((), f"expected {what}, found an empty file")])
    if not isinstance(document.value, dict):
        raise SuiteError([document.fault((), "expected a mapping of keys to values")])
    return document


def _text(path: Path, document: Document, what: str) -> str:
    """Read a file that may be anything.

    Raises:
        SuiteError: It cannot be read, or is no text, or too much of it.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            message = f"expected {what}, found more than {MOST_BYTES} bytes"
            raise SuiteError([document.fault((), message)])
        return content.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    except OSError as error:
        raise SuiteError([document.fault((), reason(error))]) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SuiteError([Fault(f"{document.file}:{line}", "", "is not UTF-8 text")]) from error
    except ValueError as error:
        raise SuiteError([document.fault((), str(error))]) from error


def _parse(text: str, document: Document) -> None:
    """Parse YAML into a document's value and places; nothing where there is nothing.

    Raises:
        SuiteError: It is not plain YAML.
    """
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is not None:
            document.value = _construct(loader, node, (), document, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{document.file}:{mark.line + 1}" if mark else document.file
        problem = (error.problem or "cannot be read").replace("\n", " ")
        problem = problem.replace("but found another document", "expected one document, found two")
        raise SuiteError([Fault(where, "", f"YAML: {problem}")]) from error
    except yaml.reader.ReaderError as error:
        where = f"{document.file}:{text.count(chr(10), 0, error.position) + 1}"
        character = f"U+{int(error.character):04X}"
        raise SuiteError([Fault(where, "", f"YAML: found the character {character}")]) from error
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise SuiteError([document.fault((), f"YAML: {problem}")]) from error


def _construct(
    loader: Loader, node: yaml.Node, path: Path_, document: Document, above: tuple[int, ...]
) -> Any:
    """Make the value of a node and note its line.

    Raises:
        yaml.MarkedYAMLError: A tag that is not plain YAML, a repeated key, a value inside itself.
    """
    document.places.setdefault(path, f"{document.file}:{node.start_mark.line + 1}")
    if id(node) in above:
        raise yaml.MarkedYAMLError(problem="a value contains itself", problem_mark=node.start_mark)
    above = (*above, id(node))
    loader.count(node)
    if node.tag not in _PLAIN:
        raise yaml.MarkedYAMLError(
            problem=f"expected plain YAML, found the tag {node.tag!r}",
            problem_mark=node.start_mark,
        )
    if isinstance(node, yaml.SequenceNode):
        return [
            _construct(loader, child, (*path, n), document, above)
            for n, child in enumerate(node.value)
        ]
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, document, above)
    return _scalar(loader, node)


def _mapping(
    loader: Loader, node: yaml.MappingNode, path: Path_, document: Document, above: tuple[int, ...]
) -> dict[Any, Any]:
    """Make a mapping of names to values and note the line of each; arguments as for `_construct`.

    Raises:
        yaml.MarkedYAMLError: A key is no name, or is given twice; or as for `_construct`.
    """
    loader.count_merged(node, above)
    num_own = len([key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"])
    loader.flatten_mapping(node)  # `<<`: merged keys come first, own ones may replace them
    merged = len(node.value) - num_own
    value: dict[Any, Any] = {}
    lines: dict[Any, int] = {}
    for n, (key_node, child) in enumerate(node.value):
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(
                problem="expected a name as key", problem_mark=key_node.start_mark
            )
        key = _scalar(loader, key_node)
        if not isinstance(key, str):
            key = key_node.value  # `1: …` or `yes: …` is a name all the same
        if key in lines:
            raise yaml.MarkedYAMLError(
                problem=f"key {key!r} is given twice, first on line {lines[key]}",
                problem_mark=key_node.start_mark,
            )
        if n >= merged:
            lines[key] = key_node.start_mark.line + 1
        document.places[(*path, key)] = f"{document.file}:{key_node.start_mark.line + 1}"
        value[key] = _construct(loader, child, (*path, key), document, above)
    return value


def _scalar(loader: Loader, node: yaml.Node) -> Any:
    """Make a plain value.

    Raises:
        yaml.MarkedYAMLError: What is written is none of its type, such as a date 2020-99-99.
    """
    try:
        return loader.construct_object(node)
    except (ValueError, KeyError, OverflowError) as error:
        kind = node.tag.rpartition(":")[2]
        raise yaml.MarkedYAMLError(
            problem=f"cannot be read as {kind}", problem_mark=node.start_mark
        ) from error
