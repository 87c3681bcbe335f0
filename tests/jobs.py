"""A job for executors whose works are those of `simple_worker`, and what waits for processes."""

import sys
import time
from pathlib import Path

import psutil

from mtbench.plugin.executor import Work

BUNDLE = {"path": [*sys.path, str(Path(__file__).parent)]}


class Job:
    """Works of some groups, and what is told of them."""

    def __init__(self, *keys, bundle=BUNDLE, how=None):
        self.pending = [Work(key, key[0], {"how": (how or {}).get(key, "")}) for key in keys]
        self.doing, self.told, self.bundle = {}, [], bundle
        self.asked = []

    @property
    def over(self):
        return not (self.pending or self.doing)

    @property
    def groups(self):
        return len({work.group for work in self.pending})

    def take(self, group=None, at_most=None):
        self.asked.append(at_most)
        if not self.pending:
            return None
        work = next((work for work in self.pending if work.group == group), self.pending[0])
        self.pending.remove(work)
        self.doing[work.key] = work
        return work

    def give_back(self, work):
        self.pending.insert(0, self.doing.pop(work.key))

    def tell(self, event):
        assert event.work in self.doing
        self.told.append((event.work, event.told))
        if event.told in ("ended", "lost"):
            del self.doing[event.work]
            self.last = event

    def of(self, key):
        return [told for work, told in self.told if work == key]


def lives(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert true()
