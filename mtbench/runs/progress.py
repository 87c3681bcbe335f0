"""What the terminal shows while runs go on: an observer like any plugin's."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mtbench.plugin.hooks import hookimpl
from mtbench.plugin.run import Run
from mtbench.records.record import Record
from mtbench.report.terminal import console


def bar(total: int) -> TerminalProgress:
    """A bar over so many runs, on the standard error."""
    return TerminalProgress(console(sys.stderr), total)


class TerminalProgress:
    """A bar over the runs and the epoch of the present one; without a terminal, a line a run."""

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total = console, total
        self._finished = 0
        self._bar = Progress(
            TextColumn("[bold]{task.fields[scenario]}[/] seed {task.fields[seed]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[epoch]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=total, scenario="loading", seed="", epoch="")

    def __enter__(self) -> TerminalProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @hookimpl
    def mtbench_run_started(self, run: Run) -> None:
        """Name the run."""
        scenario = escape(run.scenario)
        self._bar.update(self._task, scenario=scenario, seed=run.seed, epoch="")

    @hookimpl
    def mtbench_epoch_ended(self, run: Run, epoch: int, losses: Mapping[str, float]) -> None:
        """Show the epoch and its losses."""
        shown = "  ".join(f"{name} {value:.4g}" for name, value in losses.items())
        epochs = run.answer["train"]["epochs"]
        self._bar.update(self._task, epoch=f"epoch {epoch}/{epochs}  {escape(shown)}")

    @hookimpl
    def mtbench_run_finished(self, run: Run, record: Record) -> None:
        """Advance, and leave a line where there is no bar or the run failed."""
        self._finished += 1
        self._bar.update(self._task, completed=self._finished)
        name = f"[{self._finished}/{self._total}] {run.scenario} seed {run.seed}"
        if not record.ok:
            line = escape(f"{name}: FAILED: {record.error}")
            self._bar.console.print(f"[red]{line}[/]", highlight=False, soft_wrap=True)
        elif not self._console.is_terminal:
            headline = "  ".join(
                f"{task}/{metric.name} {record.metrics[task][metric.name]:.3f}"
                for task, metrics in record.metric_info.items()
                for metric in metrics
                if metric.headline
            )
            line = escape(f"{name}: {headline}  ({record.timings['run_s']:.1f} s)")
            self._bar.console.print(line, highlight=False, soft_wrap=True)
