"""Print how much of each of N workers is used, by simulation from what was measured of runs.

`python -m benchmarks.cluster results/SUITE [RUN_SECONDS]`: reads what a start (TensorFlow imported,
data read), a traced graph and a run took in the folder's records, or takes runs to be of so many
seconds, and simulates 34 scenarios with 5 and 20 seeds on workers that pull as those of
`mtbench.workers.agenda` do: own scenario, then one that nobody is at, then the one with most left.
Of the workers 5 % are half as fast, 1 % of the runs lose their worker, so that they are done anew,
and a worker that was lost starts and traces anew. Runs vary by 10 %. Median of 20 simulations of:
time of one process without any of this / (N × time until all is done).
"""

from __future__ import annotations

import heapq
import itertools
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path

import numpy as np

from mtbench.records import store

SIZES = (1, 2, 4, 8, 17, 34, 68)
SHAPES = ((34, 5), (34, 20))
SLOW, LOST, NOISE, TIMES = 0.05, 0.01, 0.1, 20


@dataclass(frozen=True)
class Measured:
    """Seconds."""

    start: float
    trace: float
    run: float
    """Of a scenario whose graph is traced."""

    def alone(self, scenarios: int, seeds: int) -> float:
        """One process, one run after the other."""
        return self.start + scenarios * (self.trace + seeds * self.run)


def measured(folder: Path) -> Measured:
    """What the records of a folder say."""
    timings: dict[str, list[Mapping[str, float]]] = {}
    for record in store.read_folder(folder)[0]:
        if record.ok and record.timings.get("trace_s"):
            timings.setdefault(record.scenario, []).append(record.timings)
    scenarios = [sorted(of, key=itemgetter("trace_s")) for of in timings.values() if len(of) > 1]
    if not scenarios:
        sys.exit(f"{folder}: no scenario with a run that was traced and one after it")
    starts = [each["import_s"] + each["data_s"] for of in scenarios for each in of]
    traces = [of[-1]["trace_s"] - statistics.median(_of(of[:-1], "trace_s")) for of in scenarios]
    runs = [statistics.median(_of(of[:-1], "run_s")) for of in scenarios]
    return Measured(statistics.median(starts), statistics.median(traces), statistics.fmean(runs))


def _of(timings: Iterable[Mapping[str, float]], key: str) -> list[float]:
    return [each[key] for each in timings]


class Pending:
    """Which runs are left, by scenario."""

    def __init__(self, scenarios: int, seeds: int) -> None:
        self.left = Counter(dict.fromkeys(range(scenarios), seeds))
        self.busy = Counter[int]()

    def take(self, own: int | None) -> int | None:
        """The scenario of the next run of a worker."""
        if not self.left:
            return None
        if own in self.left:
            best = own
        else:
            free = [scenario for scenario in self.left if not self.busy[scenario]]
            best = free[0] if free else max(self.left, key=self.left.__getitem__)
        self.left[best] -= 1
        if not self.left[best]:
            del self.left[best]
        self.busy[best] += 1
        return best


def makespan(times: Measured, shape: tuple[int, int], workers: int, seed: int) -> float:
    """Seconds until all runs are done."""
    rng = np.random.default_rng(seed)
    speed = np.where(rng.random(workers) < SLOW, 2.0, 1.0)
    noise, fate = np.maximum(rng.normal(1.0, NOISE, 10_000), 0.1), rng.random((10_000, 2))
    numbers = itertools.count()
    pending, end = Pending(*shape), 0.0
    traced: list[int | None] = [None] * workers
    started = [False] * workers
    waiting = [(0.0, worker, -1, False) for worker in range(workers)]
    while waiting:
        now, worker, done, lost = heapq.heappop(waiting)
        if done >= 0:
            end = max(end, now)
            pending.busy[done] -= 1
            if lost:
                pending.left[done] += 1
                started[worker], traced[worker] = False, None
        scenario = pending.take(traced[worker])
        if scenario is None:  # what another is at may be lost yet: look again when it has ended
            if ends := [entry[0] for entry in waiting if entry[2] >= 0]:
                after = float(np.nextafter(min(ends), np.inf))
                heapq.heappush(waiting, (after, worker, -1, False))
            continue
        spent = 0.0 if started[worker] else times.start
        spent += 0.0 if traced[worker] == scenario else times.trace
        number = next(numbers)
        run, (chance, share) = times.run * noise[number], fate[number]
        lost = bool(chance < LOST)
        spent += run * share if lost else run
        started[worker], traced[worker] = True, scenario
        heapq.heappush(waiting, (now + speed[worker] * spent, worker, scenario, lost))
    return end


def efficiency(times: Measured, shape: tuple[int, int], workers: int) -> float:
    """Median share of the workers' time that one process would have needed."""
    spans = [makespan(times, shape, workers, seed) for seed in range(TIMES)]
    return times.alone(*shape) / (workers * statistics.median(spans))


def table(times: Measured) -> list[str]:
    """Lines of Markdown."""
    lines = [
        f"start {times.start:.1f} s, trace {times.trace:.1f} s, run {times.run:.1f} s",
        "",
        f"| scenarios × seeds | {' | '.join(map(str, SIZES))} |",
        f"| --- |{' ---: |' * len(SIZES)}",
    ]
    for shape in SHAPES:
        shares = " | ".join(f"{efficiency(times, shape, number):.2f}" for number in SIZES)
        lines.append(f"| {shape[0]} × {shape[1]} | {shares} |")
    return lines


def main(folder: str, run: str | None = None) -> None:
    """Print the table."""
    times = measured(Path(folder))
    print("\n".join(table(replace(times, run=float(run)) if run else times)))


if __name__ == "__main__":
    main(*sys.argv[1:])
