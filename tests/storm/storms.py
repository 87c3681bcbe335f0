"""Damage at random, and what commands make of it.

`MTBENCH_STORM=0.01` makes a hundredth of the cases; without it a storm is at length.
"""

import contextlib
import copy
import io
import json
import math
import os
import random
import resource
import time
import traceback
from dataclasses import dataclass, field

from mtbench.cli.main import main

SHARE = float(os.environ.get("MTBENCH_STORM", "1"))
SLOW_S = float(os.environ.get("MTBENCH_STORM_SLOW_S", "10"))
"""CPU seconds that a command may take, on a machine that others use as well."""


def times(at_length):
    """How many cases a storm has."""
    return max(int(at_length * SHARE), 20)


@dataclass
class Storm:
    """Counts what happened."""

    cases: int = 0
    commands: int = 0
    longest_s: float = 0.0
    faults: list = field(default_factory=list)
    codes: dict = field(default_factory=dict)

    def command(self, words, what, keep=lambda: None):
        """Run a command; what is no exit code with lines of their own is a fault."""
        words = list(map(str, words))
        out, err = io.StringIO(), io.StringIO()
        started = time.process_time()
        self.commands += 1
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(words)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            where = "".join(traceback.format_exception(error)[-3:])
            self.faults.append((what, words, where, keep()))
            return None
        took = time.process_time() - started
        self.longest_s = max(self.longest_s, took)
        self.codes[code] = self.codes.get(code, 0) + 1
        said = err.getvalue()
        if code not in (0, 1, 2) or "\nTraceback" in f"\n{said}" or took > SLOW_S:
            self.faults.append((what, words, f"{code} in {took:.1f} s: {said[-500:]}", keep()))
        if (code == 2) != bool([x for x in said.splitlines() if "warning" not in x]) and code != 1:
            self.faults.append((what, words, f"exit code {code}, and said {said[-300:]!r}", keep()))
        if any(ord(char) < 32 and char not in "\t\n" for char in out.getvalue() + said):
            self.faults.append((what, words, "control characters", keep()))
        return code

    def told(self):
        """The sum, and the first faults, each of a kind once."""
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        kinds = {}
        for what, words, where, kept in self.faults:
            kinds.setdefault(where[-300:], []).append((what, words, where, kept))
        lines = [
            f"{self.cases} cases, {self.commands} commands",
            f"{len(self.faults)} faults of {len(kinds)} kinds",
            f"longest {self.longest_s:.2f} s of CPU, {memory} MB",
            f"exit codes {dict(sorted(self.codes.items()))}",
        ]
        for each in list(kinds.values())[:20]:
            what, words, where, kept = each[0]
            lines.append(f"--- {len(each)} × {what}: {' '.join(words)}\n{where}{kept or ''}")
        return "\n".join(lines)


ODD = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e-320, 1e308, math.inf,
    -math.inf, math.nan, "", " ", "a", "a/b", "a\nb", "\x1b[31m", "\0", "=1+1", "..", "é" * 300,
    "x" * 5000, "\ud800", "\u202e", "2026-99-99", "9999-12-31T23:59:59", [], {}, [[]], [None],
    {"": None}, {"a": {"b": {}}}, [1, "a"], "{", "<b>", "|", "`", "nan", "1e5", "-x", "joint",
]  # fmt: skip
"""Values that are seldom what is expected."""


def places(value, path=()):
    """The paths of all that is in a value."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in items:
            yield (*path, key)
            yield from places(each, (*path, key))


def mutated(value, chance, most=3):
    """A copy of JSON types with a few changes."""
    value = copy.deepcopy(value)
    for _ in range(chance.randint(1, most)):
        found = list(places(value))
        if not found:
            return value
        *above, last = chance.choice(found)
        node = value
        for key in above:
            node = node[key]
        _change(node, last, value, found, chance)
    return value


def _change(node, last, value, found, chance):
    kind = chance.randrange(7)
    if kind == 0:
        del node[last]
    elif kind == 1 and isinstance(node, dict):
        node[chance.choice([str(each) for each in ODD])] = node.pop(last)
    elif kind == 2:
        other = value
        for key in chance.choice(found):
            other = other[key]
        node[last] = copy.deepcopy(other)
    elif kind == 3 and isinstance(node, list):
        node.insert(last, copy.deepcopy(chance.choice(ODD)))
    elif kind == 4 and isinstance(node[last], int | float) and not isinstance(node[last], bool):
        with contextlib.suppress(OverflowError):
            node[last] *= chance.choice([-1, 0, 1e-9, 1e300, 1000])
    else:
        node[last] = copy.deepcopy(chance.choice(ODD))


def damaged(content, chance, most=4):
    """Bytes with a few changes: flipped, cut, inserted, doubled."""
    made = bytearray(content)
    for _ in range(chance.randint(1, most)):
        at = chance.randrange(len(made) + 1)
        length = chance.choice([1, 1, 2, 8, 100])
        kind = chance.randrange(6)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del made[at : at + length]
        elif kind == 2:
            made[at:at] = chance.randbytes(length)
        elif kind == 3:
            made[at:at] = made[at : at + length * 5]
        elif kind == 4:
            made[at:at] = chance.choice(list(map(str, ODD))).encode(errors="replace")
        elif chance.random() < 0.2:
            del made[at:]
    return bytes(made)


def as_json(value):
    """JSON of whatever `mutated` makes."""
    return json.dumps(value, default=str)


def chances(number, seed=0):
    """A source of chance for each case, so that one can be done again alone."""
    return ((n, random.Random(f"{seed} {n}")) for n in range(number))
