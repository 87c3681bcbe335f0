"""The fixture `mtbench_regression`, as a user's tests have it: pytest within pytest."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from made import record, write

from mtbench.errors import RecordError
from mtbench.records.results import Results
from mtbench.records.series import measure
from mtbench.suite.reader import load_suite
from mtbench.testing.regression import stored

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parent.parent
TEST = """
def test_joint(mtbench_regression):
    mtbench_regression("tiny.yaml", scenarios=["joint"])
"""
QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
"""What an inner run does without; hypothesis' plugin imports it, each time anew."""
LONGER = [
    record("joint", seed, answer__train__epochs=9, question_id="q2", started="2026-03")
    for seed in range(3)
]


class FakeRuns:
    """Takes the place of the process that runs a suite.

    Attributes:
        made: The records it leaves.
        command: The last command line.
    """

    made, command = (), ()

    def __call__(self, command, folder):
        self.command = command
        if self.made:
            write(Path(command[-1]) / "made", self.made)
        return subprocess.CompletedProcess(command, 2, "", "mtbench: tiny.yaml: a fault\n")


def alone(monkeypatch):
    """Let the inner pytest know nothing of the outer one."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fake(monkeypatch):
    """Runs that are made up."""
    runs = FakeRuns()
    monkeypatch.setattr("mtbench.testing.regression._output", runs)
    return runs


@pytest.fixture
def project(pytester, monkeypatch, fake):
    """A project of tests, whose runs are made up: `project(loss=0.1)` runs its tests."""
    alone(monkeypatch)
    pytester.makepyfile(TEST)

    def run(*words, loss=0.0, more=(), **changes):
        joint = [record("joint", seed, 1.0 + loss, **changes) for seed in range(3)]
        fake.made = [*joint, *more]
        return pytester.runpytest_inprocess(*QUIET, *words)

    return run


@pytest.fixture
def baseline(project):
    """A stored baseline of the project."""
    project("--benchmark-json=baseline.json").assert_outcomes(passed=1)
    return Path("baseline.json")


def test_accuracy_throughput_and_memory_are_in_the_extra_info(baseline):
    (one,) = json.loads(baseline.read_text())["benchmarks"]
    found = one["extra_info"]["mtbench"]
    series = found["series"]["joint"]
    assert series["metrics"]["ranking/rmse"] == {"0": 1.0, "1": 1.0, "2": 1.0}
    assert series["examples_per_s"] == {"0": 1000.0, "1": 1000.0, "2": 1000.0}
    assert series["step_time"] == {"0": 1.0, "1": 1.0, "2": 1.0}
    assert series["memory"] == {"0": 1e9, "1": 1e9, "2": 1e9}
    assert (found["suite"], found["headline"]) == ("made", ["ranking/rmse", "retrieval/top_5"])
    expected = measure(
        Results.of([record("joint", seed, pace=1.0) for seed in range(3)]), "this run"
    )
    assert found == json.loads(json.dumps(expected.to_json()))


def test_the_suite_is_run_as_it_was_asked_for(project, fake, pytester):
    pytester.makepyfile("""
        def test_joint(mtbench_regression):
            mtbench_regression("tiny.yaml", "train.epochs=1", "a.b=c", scenarios=["joint", "x"],
                               seeds="7,8,9", plugins=["sub/mine.py"])
    """)
    project().assert_outcomes(passed=1)
    root = pytester.path
    assert fake.command[:-1] == [
        *(sys.executable, "-m", "mtbench.cli", "run", f"{root}/tiny.yaml"),
        *("-o", "train.epochs=1", "-o", "a.b=c", "--scenario", "joint", "--scenario", "x"),
        *("-p", f"{root}/sub/mine.py", "--seeds=7,8,9", "--results"),
    ]


def test_what_is_equal_passes(project, baseline):
    result = project(f"--mtbench-baseline={baseline}")
    result.assert_outcomes(passed=1, warnings=0)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"loss": 0.01},
            "BREACH: joint: ranking/rmse: worse by 0.010, limit 0: by the means, equal in *",
        ),
        ({"pace": 1.5}, "BREACH: joint: step time: a step takes × 1.50 *, limit × 1.25 (3 seeds)"),
    ],
)
def test_a_planted_regression_fails_the_test(project, baseline, changes, line):
    result = project(f"--mtbench-baseline={baseline}", **changes)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line.replace("[", "[[]")])
    assert "Traceback" not in result.stdout.str()


def test_the_time_of_the_process_does_not_decide(project, baseline):
    value = json.loads(baseline.read_text())
    for key in ("min", "max", "mean", "median"):
        value["benchmarks"][0]["stats"][key] = 1e-9
    baseline.write_text(json.dumps(value))
    project(f"--mtbench-baseline={baseline}").assert_outcomes(passed=1)


def test_the_baseline_of_the_configuration_and_of_the_call(project, baseline, pytester):
    pytester.makeini(f"[pytest]\nmtbench_baseline = {baseline}\n")
    project().assert_outcomes(passed=1)
    project(loss=0.1).assert_outcomes(failed=1)
    pytester.makeini("[pytest]\nmtbench_baseline = nothing.json\n")
    pytester.makepyfile(TEST.replace('"]', f'"], baseline="{baseline}"'))
    project(loss=0.1).assert_outcomes(failed=1)


def test_limits_of_the_call_and_of_a_file(project, baseline, pytester):
    Path("limits.yaml").write_text("max_increase: {rmse: 0.05}\n")
    for argument, limit in (
        ('limits="limits.yaml"', 0.05),
        ("max_increase={'rmse': 0.1}", 0.1),
        ('limits="limits.yaml", max_increase={"rmse": 0.2}', 0.2),
    ):
        pytester.makepyfile(TEST.replace('"])', f'"], {argument})'))
        words = [f"--mtbench-baseline={baseline}"]
        project(*words, loss=limit - 0.01, pace=9.0).assert_outcomes(passed=1)
        project(*words, loss=limit + 0.01).assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("max_slowdon=3", "limits: max_slowdon: unknown key (did you mean 'max_slowdown'?)"),
        ("max_increase={'rmsee': 0}",
         "limits: max_increase.rmsee: unknown metric (did you mean 'rmse'?)"),
        ("limits='no.yaml'", "*/no.yaml: no such file or directory"),
    ],
)  # fmt: skip
def test_faults_of_limits_are_one_line(project, baseline, pytester, argument, line):
    pytester.makepyfile(TEST.replace('"])', f'"], {argument})'))
    result = project(f"--mtbench-baseline={baseline}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line])


def test_without_a_baseline_it_is_measured_and_said(project, baseline, pytester):
    pytester.makeini("[pytest]\nmtbench_baseline = nothing.json\n")
    result = project()
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*/nothing.json: no such file: measured, not compared"])
    result = project("--mtbench-baseline=nothing.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no such file; --benchmark-json=nothing.json stores a baseline"])
    pytester.makepyfile(TEST.replace("test_joint", "test_other"))
    result = project(f"--mtbench-baseline={baseline}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*/baseline.json: lacks *test_other;*"])


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ([record("x", 0, status="failed")], "x: seed 0 failed: ValueError: on purpose"),
        (LONGER, "*do not compare, they differ in protocol (train.epochs: 3 → 9)*"),
    ],
)
def test_failed_runs_and_other_protocols_fail(project, baseline, more, line):
    result = project(f"--mtbench-baseline={baseline}", more=more)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line])


def test_a_suite_with_faults_fails_with_them(project, fake, pytester):
    project()
    fake.made = ()
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["tiny.yaml: a fault"])


def test_a_run_that_leaves_a_folder_but_no_record_says_what_mtbench_run_says(
    project, fake, pytester, monkeypatch
):
    """As where the data is absent: the folder was made before that was found out."""

    def run(command, folder):
        (Path(command[-1]) / "made").mkdir()
        return subprocess.CompletedProcess(command, 2, "", "mtbench: absent.csv: no such file\n")

    project()
    monkeypatch.setattr("mtbench.testing.regression._output", run)
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["absent.csv: no such file"])


def test_the_example_of_the_readme(project, fake, pytester, registry):
    """The test, and the two commands: the runs are made up, but the suite takes the override."""
    text = (ROOT / "README.md").read_text()
    (example,) = re.findall(r"```python\n(def test_.*?mtbench_regression.*?)```", text, re.DOTALL)
    assert len(example.splitlines()) == 3
    store, compare = re.findall(r"^pytest (--(?:benchmark|mtbench)\S+)", text, re.MULTILINE)
    pytester.makepyfile(example)
    project(store).assert_outcomes(passed=1)
    project(compare).assert_outcomes(passed=1)
    project(compare, loss=0.1).assert_outcomes(failed=1)
    suite, override = fake.command[4], fake.command[6]
    assert load_suite(ROOT / Path(suite).relative_to(pytester.path), registry, overrides=[override])


def test_it_counts_as_a_benchmark(project):
    project("--benchmark-only").assert_outcomes(passed=1)
    project("--benchmark-skip").assert_outcomes(skipped=1)
    project("--benchmark-disable").assert_outcomes(passed=1)


@pytest.mark.parametrize("text", ["{", "[]", '{"benchmarks": [{}]}', '{"benchmarks": 3}'])
def test_what_is_no_file_of_pytest_benchmark(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(RecordError) as caught:
        stored(path)
    assert str(caught.value) == f"{path}: expected the JSON of pytest-benchmark"


def test_a_folder_is_no_baseline(tmp_path):
    with pytest.raises(RecordError) as caught:
        stored(tmp_path)
    assert str(caught.value) == f"{tmp_path}: is a directory"


def test_tests_of_others_are_not_read(tmp_path):
    path = tmp_path / "x.json"
    others = [{"fullname": "a", "extra_info": {"x": 1}}, {"fullname": "b", "extra_info": {}}]
    path.write_text(json.dumps({"benchmarks": others}))
    assert stored(path) == {}


def test_pytest_starts_without_what_mtbench_needs():
    """And with Keras as the process would have had it."""
    code = (
        "import os, sys, mtbench_pytest\n"
        "heavy = {'mtbench', 'tensorflow', 'pydantic', 'numpy', 'pytest_benchmark'}\n"
        "print(sorted(heavy & set(sys.modules)), 'TF_USE_LEGACY_KERAS' in os.environ)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[] False\n"


@pytest.mark.thorough
def test_a_real_suite_from_end_to_end(pytester, monkeypatch, tiny_text):
    """Once to store a baseline, and once to compare with it: the same bits."""
    alone(monkeypatch)
    pytester.makefile(".yaml", tiny=tiny_text)
    test = TEST.replace('"])', '"], max_increase={"rmse": 0.0}, strict=True)')
    pytester.makepyfile(test.replace('"joint"', '"rating-only"'))
    pytester.runpytest_inprocess(*QUIET, "--benchmark-json=b.json").assert_outcomes(passed=1)
    (found,) = stored(Path("b.json")).values()
    assert found["suite"] == "tiny"
    assert len(found["series"]["rating-only"]["metrics"]["ranking/rmse"]) == 3
    pytester.runpytest_inprocess(*QUIET, "--mtbench-baseline=b.json").assert_outcomes(passed=1)
