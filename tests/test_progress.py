"""What the terminal shows while runs go on."""

import io
import re
import sys

import made
import pytest
from rich.console import Console

from mtbench.plugin.run import Run
from mtbench.runs import progress as module
from mtbench.runs.progress import TerminalProgress
from mtbench.runs.times import Times, duration

METRICS = {
    "metric_info": {
        "ranking": [made.metric("rmse", higher=False)],
        "retrieval": [made.metric("top_100_seen_kept"), made.metric("mrr", headline=False)],
    },
    "metrics": {"ranking": {"rmse": 0.9}, "retrieval": {"top_100_seen_kept": 0.25, "mrr": 0.1}},
}


def run_of(scenario, seed=0, **answer):
    return Run(
        f"{scenario} {seed}", "made", scenario, seed, {}, "q1", {"train": {"epochs": 10}, **answer}
    )


def shown(arms, terminal=True, width=100, rows=1000, **console):
    stream = io.StringIO()
    made_up = Console(file=stream, width=width, force_terminal=terminal, highlight=False, **console)
    return stream, TerminalProgress(made_up, arms, lambda: rows)


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_a_pipe_gets_plain_lines():
    stream, bar = shown(["joint", "joint"], terminal=False, width=40)
    with bar:
        for seed in range(2):
            run = run_of("joint", seed)
            bar.mtbench_run_started(run)
            bar.mtbench_epoch_ended(run, 1, {"ranking": 1.0})
            record = made.record("joint", seed, **METRICS)
            bar.mtbench_run_finished(run, made.failed(record) if seed else record)
    assert stream.getvalue() == (
        "[1/2] joint seed 0: ranking/rmse 0.900  retrieval/top_100_seen_kept 0.250  (2.0 s)\n"
        "[2/2] joint seed 1: FAILED: ValueError: on purpose\n"
    )


def test_a_dumb_terminal_gets_the_same(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream, bar = shown(["joint"])
    with bar:
        bar.mtbench_run_finished(run_of("joint"), made.record("joint", 0, **METRICS))
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().startswith("[1/1] joint seed 0: ranking/rmse 0.900")


def test_the_live_line(clock):
    _, bar = shown(["joint", "joint", "deep"])
    assert bar.lines()[0].plain == "loading  0/3 runs"
    run = run_of("joint")
    bar.mtbench_run_started(run)
    assert bar.lines()[0].plain == "joint seed 0  0/3 runs"
    bar.mtbench_epoch_ended(run, 1, {})
    clock[0] += 2
    bar.mtbench_epoch_ended(run, 3, {})
    assert bar.lines()[0].plain == "joint seed 0  epoch 3/10  0/3 runs  1,000 ex/s"
    bar.mtbench_run_finished(run, made.record("joint", 0, timings__run_s=4.0))
    assert bar.lines()[0].plain == "loading  1/3 runs  8 s left"
    bar.mtbench_run_started(run_of("joint", 1))
    clock[0] += 3
    assert bar.lines()[0].plain == "joint seed 1  1/3 runs  5 s left"
    clock[0] += 30  # longer than the one before: what follows is left
    assert bar.lines()[0].plain == "joint seed 1  1/3 runs  4 s left"


def test_runs_side_by_side_have_a_line_each(clock):
    _, bar = shown(["joint"] * 4)
    bar.mtbench_run_finished(run_of("joint", 0), made.record("joint", 0, timings__run_s=10.0))
    for seed in (1, 2):
        bar.mtbench_run_started(run_of("joint", seed))
    bar.mtbench_epoch_ended(run_of("joint", 2), 1, {})
    clock[0] += 4
    assert [line.plain for line in bar.lines()] == [
        "joint seed 1",
        "joint seed 2  epoch 1/10",
        "2 at a time  1/4 runs  11 s left",
    ]


def test_where_fewer_rows_are_learned_from_no_speed_is_said(clock):
    _, bar = shown(["joint"])
    for epoch in (1, 2):
        run = run_of("joint", labels={"ranking": {"share": 0.1}})
        bar.mtbench_run_started(run)
        bar.mtbench_epoch_ended(run, epoch, {})
        clock[0] += 1
    assert "ex/s" not in bar.lines()[0].plain


@pytest.mark.parametrize("width", [5, 12, 20, 30, 40, 60])
def test_a_narrow_terminal_gets_a_short_line(width, clock):
    _, bar = shown(["a-scenario-of-a-long-name"] * 20, width=width)
    run = run_of("a-scenario-of-a-long-name")
    bar.mtbench_run_started(run)
    bar.mtbench_epoch_ended(run, 1, {})
    clock[0] += 1
    bar.mtbench_epoch_ended(run, 2, {})
    assert len(bar.lines()[0].plain) <= max(width - module.MARGIN, 1)


def test_trials_of_an_arm_are_timed_together(clock):
    _, bar = shown(["joint"] * 4)
    bar.mtbench_run_finished(
        run_of("joint trial 1/4"), made.record("joint", 0, timings__run_s=10.0)
    )
    bar.mtbench_run_started(run_of("joint trial 2/4"))
    assert bar.lines()[0].plain == "joint trial 2/4 seed 0  1/4 runs  30 s left"


def plain(stream):
    return re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", stream.getvalue())


def test_a_terminal_keeps_a_line_of_each_run():
    stream, bar = shown(["rating-only", "joint", "joint"], width=60)
    with bar:
        only = made.record("rating-only", 0, tasks=["ranking"], **METRICS)
        bar.mtbench_run_finished(run_of("rating-only"), only)
        record = made.record("joint", 1, **METRICS)
        bar.mtbench_run_finished(run_of("joint", 1), record)
        bar.mtbench_run_finished(run_of("joint", 2), made.failed(record, "of no use " * 20))
    lines = [line for line in re.split(r"[\r\n]+", plain(stream)) if line.startswith("[")]
    assert lines[0] == "[1/3] rating-only seed 0: rmse 0.900  (2.0 s)"
    assert lines[1] == "[2/3] joint seed 1: rmse 0.900  …  (2.0 s)"
    assert lines[2].startswith("[3/3] joint seed 2: FAILED:")
    assert len(lines[2]) == 57
    assert stream.getvalue().endswith("\x1b[1A\x1b[2K")  # the live line is gone


def test_the_cursor_comes_back_whatever_happens():
    stream, bar = shown(["joint"])

    def interrupted():
        with bar:
            bar.mtbench_run_started(run_of("joint"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "\x1b[?25h" in stream.getvalue().rpartition("\x1b[?25l")[2]


def test_the_output_of_a_command_stays_in_its_file(capsys):
    """Where the standard output is no terminal, it is not sent to the live line's."""
    _, bar = shown(["joint"])
    before = sys.stdout
    with bar:
        assert sys.stdout is before


def test_time_left():
    times = Times()
    assert times.left({"a": 2}) is None
    times.add("a", 2.0)
    times.add("a", 4.0)
    times.add("b", 5.0)
    assert times.left({"a": 2, "b": 1, "new": 1}) == 2 * 3 + 5 + 4
    assert len(times) == 3
    assert [duration(s) for s in (89, 90, 5399, 5400)] == ["89 s", "2 min", "90 min", "1.5 h"]
