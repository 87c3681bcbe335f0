"""What the terminal shows while runs go on: an observer like any plugin's.

A live line tells of the present run, or one of each where there are several; each that has ended
leaves a line. It is drawn by a
thread of its own a few times a second, so that a step or an epoch costs nothing. Without a terminal
that can move its cursor there are the lines alone.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mtbench.plugin.hooks import hookimpl
from mtbench.plugin.run import Run
from mtbench.records.record import Record
from mtbench.report.layout import shortened
from mtbench.report.terminal import console

from .times import Times, duration

PER_SECOND = 4
"""How often the live line is drawn."""
MARGIN = 3
"""Columns at the right that it leaves free: for the `^C` that a terminal echoes."""


def progress(
    arms: Sequence[str], rows: Callable[[], int | None], noun: str = "runs"
) -> TerminalProgress:
    """What shows some runs on the standard error.

    Args:
        arms: For each of them the name of its scenario or baseline.
        rows: Says how many rows the present run trains on.
        noun: What they are called.
    """
    return TerminalProgress(console(sys.stderr), arms, rows, noun)


@dataclass
class _Going:
    """A run that is under way."""

    name: str
    arm: str
    started: float
    epoch: str = ""
    speed: str = ""
    first_ended: float = 0.0


class TerminalProgress:
    """A live line of the present run, and a line of each that has ended.

    Args:
        console: Where to.
        arms: As for `progress`, as are `rows` and `noun`.
        rows: How many rows the present run trains on.
        noun: What the runs are called.
    """

    def __init__(
        self,
        console: Console,
        arms: Sequence[str],
        rows: Callable[[], int | None] = lambda: None,
        noun: str = "runs",
    ) -> None:
        self._console, self._rows, self._noun = console, rows, noun
        self._total, self._left = len(arms), Counter(arms)
        self._finished, self._times = 0, Times()
        self._going: dict[str, _Going] = {}
        self._live: Live | None = None
        if console.is_terminal and not console.is_dumb_terminal:
            self._live = Live(
                console=console,
                get_renderable=lambda: Group(*self.lines()),
                refresh_per_second=PER_SECOND,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),  # what goes to a file stays there
            )

    def __enter__(self) -> TerminalProgress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    @hookimpl
    def mtbench_run_started(self, run: Run) -> None:
        """Name the run."""
        name = f"{run.scenario} seed {run.seed}"
        self._going[run.id] = _Going(name, _arm(run), time.perf_counter())

    @hookimpl
    def mtbench_epoch_ended(self, run: Run, epoch: int, losses: Mapping[str, float]) -> None:
        """Note the epoch, and how fast those after the first are, which traces the graph."""
        now, going = time.perf_counter(), self._going[run.id]
        if epoch == 1:
            going.first_ended = now
        elif not run.answer.get("labels") and (rows := self._rows()):  # else it learns from fewer
            going.speed = f"{rows * (epoch - 1) / (now - going.first_ended):,.0f} ex/s"
        going.epoch = f"epoch {epoch}/{run.answer['train']['epochs']}"

    @hookimpl
    def mtbench_run_finished(self, run: Run, record: Record) -> None:
        """Count the run, and leave a line of it."""
        self._finished += 1
        self._left[_arm(run)] -= 1
        self._going.pop(run.id, None)
        seconds = record.timings["run_s"] or 0.0
        self._times.add(_arm(run), seconds)
        name = f"[{self._finished}/{self._total}] {run.scenario} seed {run.seed}"
        if record.error:
            line, style = f"{name}: FAILED: {record.error.line}", "red"
        else:
            line, style = f"{name}: {'  '.join(_headline(record))}  ({seconds:.1f} s)", ""
            if self._live:
                line = _fitting(f"{name}:", _short(record), f"({seconds:.1f} s)", self._width)
        if self._live:
            line = shortened(line, self._width)
        self._console.print(Text(line, style), soft_wrap=True)

    @property
    def _width(self) -> int:
        return max(self._console.width - MARGIN, 1)

    def lines(self) -> list[Text]:
        """What is live: a line of what is under way, or of several runs one each and one of all."""
        count = f"{self._finished}/{self._total} {self._noun}"
        whole = [text for text in (count, self._time_left()) if text]
        going = list(self._going.values())
        if len(going) < 2:
            one = going[0] if going else _Going("loading", "", 0.0)
            return [self._line(one.name, [one.epoch, *whole, one.speed])]
        each = [self._line(run.name, [run.epoch, run.speed]) for run in going]
        return [*each, self._line(f"{len(going)} at a time", whole)]

    def _line(self, name: str, texts: Sequence[str]) -> Text:
        """A line of a name and what fits of the texts."""
        told = [text for text in texts if text]
        least = min(cell_len(name), self._width // 3)
        while told and least + sum(cell_len(text) + 2 for text in told) > self._width:
            told.pop()
        room = self._width - sum(cell_len(text) + 2 for text in told)
        shown = Text(shortened(name, max(room, 1)), "bold", no_wrap=True, end="")
        return shown.append("".join(f"  {text}" for text in told), "not bold")

    def _time_left(self) -> str:
        """What is left, by the runs that have ended; nothing where none has."""
        seconds = self._times.left(self._left)
        if seconds is None:
            return ""
        for run in self._going.values():  # which have spent some of theirs
            mean = self._times.left({run.arm: 1}) or 0.0
            seconds -= min(mean, time.perf_counter() - run.started)
        return f"{duration(seconds / max(len(self._going), 1))} left"


def _arm(run: Run) -> str:
    """The scenario or baseline of a run, also of one of a trial."""
    return run.scenario.partition(" trial ")[0]


def _headline(record: Record, tasks: Iterable[str] = ()) -> Iterator[str]:
    """The headline metrics of some tasks; default: of all."""
    for task, metrics in record.metric_info.items():
        for metric in metrics:
            if metric.headline and (not tasks or task in tasks):
                yield f"{task}/{metric.name} {record.metrics[task][metric.name]:.3f}"


def _short(record: Record) -> list[str]:
    """Those of the tasks that were trained, without the tasks' names where that is clear."""
    texts = list(_headline(record, record.answer.trained_tasks))
    short = [text.partition("/")[2] for text in texts]
    names = [text.partition(" ")[0] for text in short]
    return short if len(set(names)) == len(names) else texts


def _fitting(name: str, metrics: Sequence[str], end: str, width: int) -> str:
    """A line with as many of the metrics as there is room for."""
    kept = list(metrics)
    while kept and cell_len("  ".join([f"{name} {kept[0]}", *kept[1:], "…", end])) > width:
        kept.pop()
    if len(kept) < len(metrics):
        kept.append("…")
    return "  ".join([f"{name} {kept[0]}", *kept[1:], end] if kept else [name, end])
