"""Messages between a worker and its supervisor, over a socket of their own.

A message is JSON and, after it, files. What a worker prints goes elsewhere, so that nothing a
plugin does can be taken for one.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from mtbench.plugin.executor import Event, Work

_HEAD = struct.Struct(">QI")
"""Length of all that follows, and of the JSON in it."""


def packed(message: Mapping[str, Any], arrays: Mapping[str, bytes] | None = None) -> bytes:
    """A message as bytes."""
    files = dict(arrays or {})
    sizes = {name: len(content) for name, content in files.items()}
    text = json.dumps({**message, "arrays": sizes}).encode()
    body = b"".join([text, *files.values()])
    return _HEAD.pack(len(body), len(text)) + body


class Buffer:
    """Bytes as they come, and the messages that are whole."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, some: bytes) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
        """Take bytes, and yield each message that they complete, with its files."""
        self._bytes += some
        while len(self._bytes) >= _HEAD.size:
            length, text = _HEAD.unpack_from(self._bytes)
            if len(self._bytes) < _HEAD.size + length:
                return
            body = bytes(self._bytes[_HEAD.size : _HEAD.size + length])
            del self._bytes[: _HEAD.size + length]
            message, files, at = json.loads(body[:text]), {}, text
            for name, size in message.pop("arrays").items():
                files[name] = body[at : at + size]
                at += size
            yield message, files


def received(sock: socket.socket, buffer: Buffer) -> Iterator[dict[str, Any]]:
    """Yield messages without files until the other side has closed."""
    while some := sock.recv(1 << 20):
        for message, _ in buffer.feed(some):
            yield message


def of_event(event: Event) -> bytes:
    """An event as bytes."""
    head = {"told": event.told, "work": event.work, "content": event.content}
    return packed(head, event.arrays)


def of_work(work: Work) -> bytes:
    """A work as bytes."""
    return packed(asdict(work))
