"""A worker's program that imports next to nothing: what a supervisor sees of one, in a moment.

A work asks for how it is to go, in the words of `mtbench.testing.executors.BOMBS`.
"""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from mtbench.plugin.executor import Event
from mtbench.workers.frames import Buffer, of_event, received


def burst(how):  # noqa: C901 - a table
    if how == "hard-exit":
        os._exit(0)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "segfault":
        ctypes.string_at(0)
    if how == "abort":
        print("words before the end", flush=True)
        os.abort()
    if how == "sleep":
        time.sleep(3600)
    if how == "spin":
        ctypes.PyDLL(None).sleep(3600)
    if how == "memory":
        kept = [bytearray(b"x" * 50_000_000) for _ in range(10)]
        time.sleep(3600 + len(kept))
    if how == "loud":
        while True:
            print("x" * 1000)
    if how == "child":
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(3)
    if how.startswith("until "):
        while not Path(how.removeprefix("until ")).exists():
            time.sleep(0.02)
    if how == "thread":
        threading.Thread(target=time.sleep, args=(3600,)).start()
        sys.exit(4)


def main():
    line = socket.socket(fileno=int(sys.argv[1]))
    messages = received(line, Buffer())
    first = next(messages)
    mark = first["mark"]
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # as the real one has it
    for message in messages:
        key, asked = message["key"], message["asked"]
        tell = lambda told, **content: line.sendall(of_event(Event(told, key, content)))  # noqa: E731, B023
        tell("ready")
        print("before it begins", flush=True)
        os.write(1, mark.encode())
        tell("started", run={"id": key})
        print("hello", flush=True)
        burst(asked["how"])
        tell("finished", record={"run_id": key})
        tell("ended")


main()
