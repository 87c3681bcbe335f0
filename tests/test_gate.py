"""The gate: planted losses, slowdowns and growths are caught, and repeats raise no alarm.

Times are recorded ones (`golden/paces.json`) or made up: no test here looks at the clock.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from made import record, repeated, run_suite, write
from scipy import stats

from mtbench.cli.results import spell_out
from mtbench.errors import RecordError, SuiteError
from mtbench.records.results import Results
from mtbench.records.series import load, measure
from mtbench.regress.gate import check, gate
from mtbench.regress.limits import SLOWDOWN, Limits, load_limits, metrics_of
from mtbench.runs import environment
from mtbench.train import pace

GOLDEN = Path(__file__).parent / "golden"
NOISE = (0.0, 0.012, -0.01, 0.004, -0.007)
"""Of the differences between two versions, by seed."""
FORMS = (
    "expected one of --max-slowdown X, --max-memory-growth X, --max-METRIC-increase X, "
    "--max-METRIC-decrease X"
)
OPEN = "YAML: expected the node content, but found '<stream end>'"
KEYS = {"ranking/rmse": False, "ranking/mae": False, "retrieval/top_5": True}


def runs(loss=0.0, *, noise=NOISE, seeds=None, scenario="joint", **changes):
    """Runs of a scenario, worse by that much in every metric."""
    seeds = range(len(noise)) if seeds is None else seeds
    return [
        record(scenario, s, 1 + s / 50 + loss + n, 0.5 - s / 50 - loss - n, **changes)
        for s, n in zip(seeds, noise, strict=True)
    ]


def held(a, b, **limits):
    """The checks of records against a baseline, by scenario and what they are of."""
    outcome = check(measure(Results.of(a), "a"), measure(Results.of(b), "b"), Limits(**limits))
    return {(one.scenario, one.what): one for one in outcome.checks}, outcome


def states(a, b, **limits):
    return {what: one.state for (_, what), one in held(a, b, **limits)[0].items()}


BASE = runs(noise=(0.0,) * 5)


@pytest.mark.parametrize(
    ("loss", "margin", "state"),
    [
        (0.05, 0.01, "breach"),  # 0.0498 ± 0.0109
        (0.05, 0.035, "breach"),
        (0.05, 0.045, "inconclusive"),
        (0.05, 0.055, "inconclusive"),
        (0.05, 0.065, "ok"),
        (-0.05, 0.0, "ok"),
        (0.0, 0.0, "inconclusive"),
        (0.0, 0.02, "ok"),
    ],
)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_non_inferiority_with_a_margin(loss, margin, state, direction):
    limit = {"max_increase": {"rmse": margin}}
    if direction == "down":
        limit = {"max_decrease": {"top_5": margin}}
    (found,) = states(BASE, runs(loss), **limit).values()
    assert found == state


def test_a_breach_is_where_the_near_end_of_the_interval_is_beyond_the_margin():
    """The one-sided test at 2.5 % and the two-sided interval at 95 % are one."""
    losses = np.array(NOISE) + 0.05
    low, high = stats.ttest_1samp(losses, 0).confidence_interval(0.95)
    for margin, state in (
        (low - 1e-6, "breach"), (low + 1e-6, "inconclusive"),
        (high - 1e-6, "inconclusive"), (high + 1e-6, "ok"),
    ):  # fmt: skip
        found = states(BASE, runs(0.05), max_increase={"ranking/rmse": margin})
        assert found == {"ranking/rmse": state}


def test_the_line_of_a_breach():
    found, outcome = held(BASE, runs(0.05), max_increase={"rmse": 0.01})
    p = stats.ttest_1samp(np.array(NOISE) + 0.05, 0.01, alternative="greater").pvalue
    line = (
        "BREACH: joint: ranking/rmse: worse by 0.050 [0.039, 0.061], limit 0.01 "
        f"(5 seeds, paired, p = {p:.3g})"
    )
    assert str(found["joint", "ranking/rmse"]) == line
    assert outcome.to_text().splitlines() == [
        line,
        "does not pass: 1 beyond the limit, 0 not settled, 0 within it",
    ]
    assert outcome.exit_code == 1


def test_the_line_of_a_gain_and_of_what_is_settled():
    found, outcome = held(BASE, runs(-0.05), max_increase={"rmse": 0.01})
    assert str(found["joint", "ranking/rmse"]).startswith(
        "OK: joint: ranking/rmse: better by 0.050 [0.039, 0.061], limit 0.01 "
    )
    assert outcome.to_text() == "passes: 0 beyond the limit, 0 not settled, 1 within it\n"
    assert outcome.exit_code == 0


def test_holm_over_all_checks_of_the_gate():
    """A loss with p = 0.01 is a breach alone, and none among four with nothing to them."""
    t = stats.t.isf(0.01, 4)
    loss = t * np.std(NOISE, ddof=1) / np.sqrt(5) - np.mean(NOISE)
    limit = {"max_increase": {"rmse": 0.0}}
    assert states(BASE, runs(loss), **limit) == {"ranking/rmse": "breach"}
    others = [one for i in range(3) for one in runs(0.0, scenario=f"s{i}")]
    bases = [one for i in range(3) for one in runs(noise=(0.0,) * 5, scenario=f"s{i}")]
    found, _ = held(BASE + bases, runs(loss) + others, **limit)
    assert [one.state for one in found.values()] == ["inconclusive"] * 4
    assert "p = 0.04)" in found["joint", "ranking/rmse"].text


@pytest.mark.thorough
def test_unchanged_programs_raise_few_alarms_without_any_margin():
    """500 gates of six checks on made-up repeats with other seeds: 2.5 % and sampling error."""
    rng = np.random.default_rng(1)
    made = {scenario: record(scenario, 0) for scenario in ("x", "y", "z")}
    alarms = 0
    for _ in range(500):
        a, b = (
            [
                repeated(one, seed, ranking={"rmse": rmse, "mae": rmse}, retrieval={"top_5": top})
                for one in made.values()
                for seed in range(3 * side, 3 * side + 3)
                for rmse, top in rng.normal((1, 0.5), 0.02, (1, 2))
            ]
            for side in range(2)
        )
        limits = {"max_increase": {"rmse": 0.0}, "max_decrease": {"top_5": 0.0}}
        found, outcome = held(a, b, **limits)
        assert len(found) == 6
        alarms += outcome.exit_code
    assert alarms / 500 <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 500)


@pytest.mark.thorough
def test_a_planted_loss_is_caught_with_other_seeds_too():
    rng = np.random.default_rng(2)
    caught = 0
    for _ in range(200):
        a = [record("x", seed, *rng.normal((1, 0.5), 0.005)) for seed in range(5)]
        b = [record("x", seed, *rng.normal((1.03, 0.5), 0.005)) for seed in range(5, 10)]
        caught += held(a, b, max_increase={"rmse": 0.005}, max_decrease={"top_5": 0.02})[
            1
        ].exit_code
    assert caught > 190


FLAT = {n: runs(noise=(0.0,) * n) for n in (1, 2, 3, 5)}
"""Baselines of n seeds with an rmse of 1, 1.02, …: 0.0141 of spread in two, 0.0316 in five."""


@pytest.mark.parametrize(
    ("seeds", "loss", "state"),
    [
        (1, 0.5, "breach"),
        (1, 0.011, "breach"),  # one seed tells no spread
        (1, 0.01, "ok"),
        (2, 0.5, "breach"),
        (2, 0.025, "breach"),  # beyond 0.01 + 0.0141
        (2, 0.024, "inconclusive"),
        (2, 0.01, "ok"),
        (2, -0.5, "ok"),
        (5, 0.042, "breach"),  # beyond 0.01 + 0.0316, though it is equal in all seeds
        (5, 0.041, "inconclusive"),
        (5, 0.01, "ok"),
    ],
)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_where_nothing_can_be_tested_the_means_decide(seeds, loss, state, direction):
    limit = {"max_increase": {"rmse": 0.01}}
    if direction == "down":
        limit = {"max_decrease": {"top_5": 0.01}}
    after = runs(loss, noise=(0.0,) * seeds)
    _, outcome = held(FLAT[seeds], after, **limit)
    (found,) = outcome.checks
    assert found.state == state
    assert outcome.exit_code == (state == "breach")
    assert held(FLAT[seeds], after, **limit, strict=True)[1].exit_code == (state != "ok")


def test_the_lines_of_what_the_means_decide():
    found, outcome = held(FLAT[2], runs(0.5, noise=NOISE[:2]), max_increase={"rmse": 0.01})
    assert str(found["joint", "ranking/rmse"]) == (
        "BREACH: joint: ranking/rmse: worse by 0.51, limit 0.01 + 0.014 for the baseline's spread: "
        "by the means, too few seeds for a test (2 seeds, paired)"
    )
    assert outcome.exit_code == 1
    found, _ = held(FLAT[1], runs(0.5, noise=(0.0,)), max_increase={"rmse": 0.01})
    assert str(found["joint", "ranking/rmse"]) == (
        "BREACH: joint: ranking/rmse: worse by 0.50, limit 0.01: by the means, too few seeds for a "
        "test (1 seed, paired)"
    )
    found, _ = held(FLAT[5], runs(0.02, noise=(0.0,) * 5), max_increase={"rmse": 0.01})
    assert str(found["joint", "ranking/rmse"]) == (
        "INCONCLUSIVE: joint: ranking/rmse: worse by 0.020, limit 0.01 + 0.032 for the "
        "baseline's spread: by the means, equal in all seeds (5 seeds, paired)"
    )


def test_few_seeds_of_other_numbers_are_held_to_the_means_too():
    after = runs(0.5, noise=(0.0,) * 2, seeds=(7, 8))
    assert states(FLAT[2], after, max_increase={"rmse": 0.01}) == {"ranking/rmse": "breach"}
    assert states(FLAT[5], after, max_increase={"rmse": 0.01}) == {"ranking/rmse": "breach"}


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_what_is_equal_in_every_run_is_within_any_limit(seeds):
    one = FLAT[seeds]
    assert states(one, one, max_increase={"rmse": 0.0}) == {"ranking/rmse": "ok"}


def test_one_run_of_three_that_diverges_does_not_pass():
    """A loss of 0, 0.01 and 9: a mean of 3 with a p-value of 0.2, which alone is no breach."""
    after = runs(noise=(0.0, 0.01, 9.0))
    found, outcome = held(FLAT[3], after, max_increase={"rmse": 0.01})
    p = stats.ttest_1samp([0, 0.01, 9.0], 0.01, alternative="greater").pvalue
    assert p > 0.2
    line = (
        "CANNOT TELL: joint: ranking/rmse: worse by 3 [−10, 16], limit 0.01 "
        f"(3 seeds, paired, p = {p:.3g})"
    )
    assert str(found["joint", "ranking/rmse"]) == line
    assert outcome.to_text().splitlines() == [
        line,
        "does not pass: 0 beyond the limit, 1 that may be beyond it, 0 not settled, 0 within it",
    ]
    assert (outcome.exit_code, outcome.breaches) == (1, tuple(found.values()))
    better = runs(noise=(0.0, -0.01, -9.0))
    assert held(FLAT[3], better, max_increase={"rmse": 0.01})[1].exit_code == 0


def test_noise_within_that_of_the_baseline_passes():
    """Beyond 0.01 + 0.02 it may hide a breach; the losses' own interval is wide either way."""
    for loss, state in ((0.029, "inconclusive"), (0.031, "cannot tell")):
        after = runs(loss, noise=(0.05, -0.02, -0.03))
        assert states(FLAT[3], after, max_increase={"rmse": 0.01}) == {"ranking/rmse": state}


@pytest.mark.thorough
def test_programs_that_differ_by_a_tenth_of_what_seeds_do_raise_few_alarms():
    """500 gates on repeats of the same three seeds, such as of a GPU."""
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(500):
        levels, (one, other) = rng.normal(1, 0.02, 3), rng.normal(0, 0.002, (2, 3))
        a, b = (
            [repeated(FLAT[1][0], s, ranking={"rmse": v}) for s, v in enumerate(levels + noise)]
            for noise in (one, other)
        )
        alarms += held(a, b, max_increase={"rmse": 0.0})[1].exit_code
    assert alarms / 500 <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 500)


@pytest.mark.parametrize("field", ["pace", "memory"])
@pytest.mark.parametrize(
    ("values", "state"),
    [
        ((1000.0, 1000.0), "breach"),
        ((1.7, 1.8), "breach"),  # all that was seen is beyond 1.3²
        ((1.6, 9.0), "inconclusive"),
        ((1.2, 1.31), "inconclusive"),
        ((1.2, 1.3), "ok"),
        ((1000.0,), "breach"),
        ((1.3,), "ok"),
    ],
)
def test_ratios_of_few_runs_are_held_to_all_that_was_seen(field, values, state):
    limit = {"pace": "max_slowdown", "memory": "max_memory_growth"}[field]
    a = [record("joint", seed, **{field: 1e9}) for seed in range(len(values))]
    b = [record("joint", seed, **{field: 1e9 * value}) for seed, value in enumerate(values)]
    _, outcome = held(a, b, **{limit: 1.3})
    (found,) = outcome.checks
    assert (found.state, outcome.exit_code) == (state, int(state == "breach"))
    assert ": as seen, too few seeds for an interval (" in found.text


@pytest.mark.parametrize("field", ["pace", "memory"])
@pytest.mark.parametrize(
    ("values", "state"),
    [
        ((1.31, 1.4, 1.5), "breach"),
        ((1.29, 1.4, 1.5), "inconclusive"),
        ((1.29, 1.68, 9.0), "inconclusive"),
        ((1.29, 1.7, 9.0), "cannot tell"),  # the middle is beyond 1.3² = 1.69
        ((1.0, 1.1, 1.31), "inconclusive"),
        ((1.0, 1.1, 1.3), "ok"),
        ((0.2, 0.2, 0.2), "ok"),
    ],
)
def test_ratios_within_and_beyond_their_limit(field, values, state):
    name, what = {
        "pace": ("max_slowdown", "step time"),
        "memory": ("max_memory_growth", "peak memory"),
    }[field]
    a = [record("joint", seed, **{field: 1e9}) for seed in range(3)]
    b = [record("joint", seed, **{field: 1e9 * value}) for seed, value in enumerate(values)]
    assert states(a, b, **{name: 1.3}) == {what: state}


def test_one_busy_run_among_ten_is_no_slowdown_and_hides_none():
    paces = [1.0] * 9 + [30.0]
    a = [record("joint", seed) for seed in range(10)]
    b = [record("joint", seed, pace=pace) for seed, pace in enumerate(paces)]
    assert states(a, b, max_slowdown=1.2) == {"step time": "ok"}
    slow = [record("joint", seed, pace=1.5 * pace) for seed, pace in enumerate(paces)]
    assert states(a, slow, max_slowdown=1.2) == {"step time": "breach"}
    assert states(b, slow, max_slowdown=1.2) == {"step time": "breach"}


def test_the_line_of_a_slowdown_and_of_a_growth():
    a = [record("joint", seed) for seed in range(3)]
    b = [record("joint", seed, pace=1.5 + seed / 10, memory=1.4e9) for seed in range(3)]
    found, _ = held(a, b, max_slowdown=1.3, max_memory_growth=1.2)
    assert [str(one) for one in found.values()] == [
        "BREACH: joint: step time: a step takes × 1.60 (1.50–1.70), limit × 1.3 (3 seeds)",
        "BREACH: joint: peak memory: takes × 1.40 (1.40–1.40), limit × 1.2 (3 seeds)",
    ]


def test_records_without_a_reference_time_settle_no_slowdown():
    a = [record("joint", seed, pace=None) for seed in range(3)]
    found, _ = held(a, [record("joint", seed) for seed in range(3)], max_slowdown=1.3)
    assert str(found["joint", "step time"]) == (
        "INCONCLUSIVE: joint: step time: the records lack a reference time"
    )


def test_where_nothing_is_named_all_but_memory_is_checked():
    assert states(BASE, BASE) == {
        "ranking/rmse": "ok",
        "retrieval/top_5": "ok",
        "step time": "ok",
    }
    slow = runs(noise=(0.0,) * 5, pace=SLOWDOWN + 0.01)
    assert states(BASE, slow)["step time"] == "breach"
    hungry = runs(noise=(0.0,) * 5, memory=9e9)  # it depends on the runs before
    assert "peak memory" not in states(BASE, hungry)
    assert states(BASE, runs(0.05))["ranking/rmse"] == "breach"


def test_what_is_named_alone_is_checked():
    assert set(states(BASE, runs(0.5, pace=9.0), max_memory_growth=1.2)) == {"peak memory"}
    assert set(states(BASE, BASE, max_increase={"mae": 0.1})) == {"ranking/mae"}


def test_a_metric_of_a_task_that_is_not_trained_is_not_checked():
    a = runs(noise=(0.0,) * 5, answer__trained_tasks=["retrieval"])
    b = runs(0.5, answer__trained_tasks=["retrieval"])
    assert set(states(a, b)) == {"retrieval/top_5", "step time"}


def test_a_metric_of_a_task_goes_before_the_metric_of_all():
    limits = {"max_increase": {"ranking/rmse": 1.0, "rmse": 0.0}}
    assert states(BASE, runs(0.5), **limits) == {"ranking/rmse": "ok"}
    limits = {"max_increase": {"rmse": 0.0, "ranking/rmse": 1.0}}
    assert states(BASE, runs(0.5), **limits) == {"ranking/rmse": "ok"}


def test_a_scenario_that_is_gone_and_a_run_that_fails_are_breaches():
    other = runs(scenario="other")
    found, outcome = held(BASE + other, BASE, max_slowdown=9.0)
    assert str(found["other", "runs"]) == "BREACH: other: runs: b has no run of it that went well"
    assert outcome.exit_code == 1
    failed = record("joint", 9, status="failed")
    found, _ = held(BASE, [*BASE[:3], failed], max_slowdown=9.0)
    assert found["joint", "runs"].text == "1 failed, such as seed 9: ValueError: on purpose"
    all_failed = [record("other", seed, status="failed") for seed in range(3)]
    found, _ = held(BASE + other, [*all_failed, *BASE], max_slowdown=9.0)
    assert found["other", "runs"].state == "breach"
    found, outcome = held(BASE, BASE + other, max_slowdown=9.0)
    assert ("other", "runs") not in found
    assert "only in b: other" in outcome.notes
    found, _ = held([*BASE, *all_failed], BASE, max_slowdown=9.0)
    assert ("other", "runs") not in found  # it did not go well before either


def test_a_gate_reads_folders_and_says_what_it_left_out(tmp_path):
    a, b = write(tmp_path / "a", BASE), write(tmp_path / "b", runs(0.05))
    (b / "cut.json").write_text("{")
    outcome = gate(a, b, options=["rmse-increase=0.01"])
    assert outcome.to_text().splitlines()[1:] == [
        f"left out: {b}/cut.json: expected JSON, found a damaged file",
        "does not pass: 1 beyond the limit, 0 not settled, 0 within it",
    ]
    assert gate(b, a, options=["rmse-increase=0.01"]).exit_code == 0


def test_a_gate_refuses_what_does_not_compare_unless_told(tmp_path):
    a = write(tmp_path / "a", BASE)
    b = write(tmp_path / "b", runs(0.05, data__fingerprint="f" * 64))
    with pytest.raises(RecordError, match=r"do not compare, they differ in data \(fingerprint"):
        gate(a, b)
    outcome = gate(a, b, anyway=True)
    assert outcome.exit_code == 1
    assert all(line.endswith(" (different data)") for line in outcome.to_text().splitlines())


def test_limits_of_a_file_and_of_the_command_line(tmp_path):
    path = tmp_path / "limits.yaml"
    path.write_text("max_increase: {rmse: 0.01}\nmax_slowdown: 1.5\n")
    options = ["rmse-increase=0.02", "retrieval/top_5-decrease=1e-3", "memory-growth=1.1"]
    assert load_limits(path, options, {"strict": True}).limits == Limits(
        max_increase={"rmse": 0.02},
        max_decrease={"retrieval/top_5": 0.001},
        max_slowdown=1.5,
        max_memory_growth=1.1,
        strict=True,
    )
    assert not load_limits().limits.named


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_slowdown: 0.9", "x:1: max_slowdown: expected greater than or equal to 1, found 0.9"),
        ("max_slowdown: yes", "x:1: max_slowdown: expected a number, found True"),
        ("\nmax_slow_down: 1", "x:2: max_slow_down: unknown key (did you mean 'max_slowdown'?)"),
        ("max_increase:\n  rmse: -1",
         "x:2: max_increase.rmse: expected greater than or equal to 0, found -1"),
        ("max_increase: 3", "x:1: max_increase: expected a mapping of keys to values, found 3"),
        ("max_increase: {rmse: .inf}",
         "x:1: max_increase.rmse: expected a finite number, found inf"),
        ("confidence: 1", "x:1: confidence: expected less than 1, found 1"),
        ("a: [", f"x:1: {OPEN}"),
        ("", "x: expected limits, found an empty file"),
    ],
)  # fmt: skip
def test_faults_of_limits_have_their_line(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    Path("x").write_text(text)
    with pytest.raises(SuiteError) as caught:
        load_limits(Path("x"))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("slowdown=fast", "--max-slowdown fast: max_slowdown: expected a number, found 'fast'"),
        ("slowdon=1", f"--max-slowdon=1: {FORMS}"),
        ("rmse-increase", f"--max-rmse-increase: {FORMS}"),
        ("rmse-increase=[", f"--max-rmse-increase [: {OPEN}"),
    ],
)  # fmt: skip
def test_faults_of_the_command_line_name_the_option(option, message):
    with pytest.raises(SuiteError) as caught:
        load_limits(None, [option])
    assert str(caught.value) == message


def test_metrics_that_there_are_not_are_faults_with_their_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a = write(tmp_path / "a", BASE)
    Path("x").write_text("max_increase:\n  rmse: 0.1\n  top_5: 0.1\nmax_decrease: {rms: 0}\n")
    with pytest.raises(SuiteError) as caught:
        gate(a, a, limits=Path("x"), options=["mea-increase=1"])
    assert str(caught.value).splitlines() == [
        "x:3: max_increase.top_5: retrieval/top_5 is better when higher: expected max_decrease",
        "--max-mea-increase 1: max_increase.mea: unknown metric (did you mean 'mae'?)",
        "x:4: max_decrease.rms: unknown metric (did you mean 'rmse'?)",
    ]


def test_what_a_name_of_a_metric_means():
    assert metrics_of("rmse", KEYS) == metrics_of("ranking/rmse", KEYS) == ["ranking/rmse"]
    assert metrics_of("top-5", KEYS) == metrics_of("top_5", KEYS) == ["retrieval/top_5"]
    assert metrics_of("retrieval/rmse", KEYS) == []
    assert metrics_of("rmse", {"a/rmse": 0, "b/rmse": 0}) == ["a/rmse", "b/rmse"]


def test_options_named_after_metrics_are_written_for_argparse():
    words = ["gate", "a", "--max-rmse-increase", "0.01", "--max-slowdown=1.2", "b", "--strict"]
    assert spell_out(words) == [
        *("gate", "a", "--max", "rmse-increase=0.01", "--max", "slowdown=1.2", "b", "--strict")
    ]
    assert spell_out(["gate", "--max-x-increase"]) == ["gate", "--max", "x-increase"]
    for words in (["run", "--max-x", "1"], ["gate", "--max", "x=1"], []):
        assert spell_out(words) == words


@pytest.fixture(scope="module")
def paces():
    """Step times in units of the reference workload, by set, scenario and seed.

    Recorded on two cores with six to sixteen processes that wanted them, three seeds of two
    scenarios of suites/ml100k-weighting.yaml with five epochs. `planted`: every step sleeps for
    half of what it takes on a machine of its own.
    """
    return json.loads((GOLDEN / "paces.json").read_text())


def paced(recorded):
    return [
        record(scenario, seed, pace=value)
        for scenario, values in recorded.items()
        for seed, value in enumerate(values)
    ]


def test_repeats_on_a_busy_machine_raise_no_alarm(paces):
    """Each of twenty against each other one: 380 gates of two scenarios."""
    assert len(paces["repeats"]) == 20
    sides = [measure(Results.of(paced(one)), "x") for one in paces["repeats"]]
    limits = Limits(max_slowdown=SLOWDOWN)
    outcomes = [check(a, b, limits) for a in sides for b in sides if a is not b]
    assert len(outcomes) == 380
    assert not [one for outcome in outcomes for one in outcome.breaches]


def test_a_planted_sleep_in_the_step_is_caught(paces):
    """Four of five recordings against nearly every repeat; the noise of one settles nothing.

    None passes where proof is asked for.
    """
    repeats = [measure(Results.of(paced(one)), "x") for one in paces["repeats"]]
    caught = []
    for planted in paces["planted"]:
        slow = measure(Results.of(paced(planted)), "x")
        outcomes = [check(a, slow, Limits(max_slowdown=SLOWDOWN)) for a in repeats]
        caught.append(sum(outcome.exit_code for outcome in outcomes))
        strict = Limits(max_slowdown=SLOWDOWN, strict=True)
        assert all(check(a, slow, strict).exit_code for a in repeats)
    assert len(caught) == 5
    assert sum(count >= 0.9 * len(repeats) for count in caught) >= 4


class Clock:
    """Steps and workload that take the times they are told to."""

    def __init__(self, monkeypatch):
        self.now, self.load = 0.0, 1.0
        monkeypatch.setattr(pace.time, "perf_counter", lambda: self.now)

    def workload(self):
        self.now += 0.005 * self.load


def test_the_pace_of_a_run_does_not_depend_on_the_load(monkeypatch):
    clock = Clock(monkeypatch)
    found = pace.Pace(clock.workload)
    for n in range(400):
        clock.load = 1 + n // 100
        found.step(0.004 * clock.load)
    assert found.result()["step_per_reference"] == pytest.approx(0.8)
    assert found.result()["step_s"] == pytest.approx(0.01)


def test_the_workload_takes_its_share_and_one_that_waits_does_not_stop_it(monkeypatch):
    clock = Clock(monkeypatch)
    found, late = pace.Pace(clock.workload), pace.Pace(clock.workload)
    for n in range(400):
        clock.load = 1.0
        found.step(0.004)
        clock.load = 20.0 if n in (pace.FIRST - 1, 50) else 1.0
        late.step(0.004)
    assert found.spent == pytest.approx(0.005 + pace.SHARE * 1.6, rel=0.1)
    assert late.result()["step_per_reference"] == pytest.approx(0.8)
    assert len(late._references) >= len(found._references) - 2


def test_a_short_run_has_a_pace_and_none_has_not(monkeypatch):
    clock = Clock(monkeypatch)
    found = pace.Pace(clock.workload)
    assert set(found.result().values()) == {None}
    found.step(0.01)
    assert found.spent == 0
    assert found.result()["step_per_reference"] == pytest.approx(2.0)
    assert found.spent == pytest.approx((pace.FEWEST + 1) * 0.005)


def test_the_workload_starts_after_keras_has_checked_its_callbacks(monkeypatch):
    clock = Clock(monkeypatch)
    found = pace.Pace(clock.workload)
    for _ in range(pace.FIRST - 1):
        found.step(1.0)
    assert found.spent == 0
    found.step(1.0)
    assert found.spent == pytest.approx(0.01)  # one to warm up, one that counts


def test_the_reference_workload_is_one_and_leaves_no_trace():
    import tensorflow as tf

    tf.random.set_seed(3)
    expected = tf.random.uniform([4]).numpy()
    workload = pace.reference_workload()
    assert pace.reference_workload() is workload
    tf.random.set_seed(3)
    first = workload()
    assert (tf.random.uniform([4]).numpy() == expected).all()
    assert np.abs(first).sum() > 0
    assert np.array_equal(first, workload())


HUNGRY = '''
import numpy as np
import mtbench

class Hungry(mtbench.Split):
    """Keeps some memory for as long as a run takes, as a leak would."""
    name = "hungry"
    megabytes: int = 0
    """How many."""
    def build(self, data, seed):
        self.__dict__["kept"] = np.ones(self.megabytes * 2**17)
        order = np.random.default_rng(seed).permutation(len(data.interactions))
        return mtbench.Parts(order[:240], order[240:])

@mtbench.hookimpl
def mtbench_splits():
    return [Hungry]
'''


@pytest.fixture
def suite_runs(tiny, tmp_path):
    """Run a scenario of the small suite, and measure it."""
    (tmp_path / "hungry.py").write_text(HUNGRY)
    text = tiny.read_text().replace("{name: random, test_share: 0.2}", "hungry")
    tiny.write_text(text.replace("name: tiny", "name: tiny\nplugins: [hungry.py]"))

    def run(name, seeds, *overrides):
        run_suite(tiny, tmp_path / name, *overrides, scenarios=["rating-only"], seeds=seeds)
        return load(tmp_path / name)

    return run


@pytest.mark.thorough
def test_a_planted_growth_of_memory_is_caught(suite_runs):
    run = suite_runs
    run("warm", "1")
    before = run("a", "3")
    megabytes = environment.peak_memory() // 2 // 2**20
    after = run("b", "3", f"split.megabytes={megabytes}")
    limits = Limits(max_memory_growth=1.2)
    assert check(before, run("c", "3"), limits).exit_code == 0
    (breach,) = check(before, after, limits).breaches
    assert breach.what == "peak memory"
