"""A regression check of a suite or a component, in a test of three lines.

    def test_my_strategy(mtbench_regression):
        override = "scenarios.joint.weighting=my-strategy"
        mtbench_regression("suites/quickstart.yaml", override, plugins=["my_strategy.py"])

The suite is run in a process of its own, by default with three seeds. What pytest-benchmark times
is that process; what decides are accuracy, the time of a step in units of a reference workload and,
where a limit names it, peak memory, by the rules of `mtbench.gate`. All of it is in
`benchmark.extra_info["mtbench"]`, so that a JSON file of pytest-benchmark is a baseline:

    pytest --benchmark-json=baseline.json        # once, and keep the file
    pytest --mtbench-baseline=baseline.json      # in CI: a breach fails the test

(With pytest-xdist, `-n 0` for the first: pytest-benchmark stores nothing from parallel tests.) The
file can also be named in the configuration, `mtbench_baseline = baseline.json`, or in the call. Its
entry is the one of the same test. Where there is no such file or entry yet, pytest warns and the
test passes; under `--mtbench-baseline` it fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbench.errors import MtbenchError, RecordError
from mtbench.files import reason
from mtbench.records.series import Measured, from_json, load
from mtbench.regress.differences import require_comparable
from mtbench.regress.gate import check
from mtbench.regress.limits import load_limits
from mtbench.regress.outcome import Outcome

if TYPE_CHECKING:
    import pytest

KEY = "mtbench"
"""Of `extra_info`."""


class Regression:
    """What the fixture `mtbench_regression` is.

    Args:
        config: Names the baseline, and the folder relative paths start from.
        benchmark: pytest-benchmark's fixture of the test.
    """

    def __init__(self, config: pytest.Config, benchmark: Any) -> None:
        self._config, self._benchmark = config, benchmark

    def __call__(
        self,
        suite: str | Path,
        *overrides: str,
        scenarios: Sequence[str] = (),
        seeds: int | str = 3,
        plugins: Iterable[str | Path] = (),
        baseline: str | Path | None = None,
        limits: str | Path | None = None,
        **options: Any,
    ) -> Outcome | None:
        """Run a suite, keep what it measured, and compare it with the baseline.

        Args:
            suite: The YAML file. It and all other paths may be relative to pytest's root.
            overrides: As after `-o`: `train.epochs=1`.
            scenarios: Only these.
            seeds: As after `--seeds`. Fewer than three settle nothing.
            plugins: Python files with further plugins.
            baseline: pytest-benchmark's JSON; default: `--mtbench-baseline`, then the
                configuration's `mtbench_baseline`.
            limits: A YAML file of `Limits`.
            options: Fields of `Limits`, such as `max_slowdown=1.3` and
                `max_increase={"rmse": 0.01}`. They replace those of the file.

        Returns:
            What was found; None where there is nothing to compare with.
        """
        import pytest  # noqa: PLC0415 - only here, and then it is there

        try:
            held_to = load_limits(self._path(limits) if limits else None, values=options)
            words = [
                *(word for override in overrides for word in ("-o", override)),
                *(word for name in scenarios for word in ("--scenario", name)),
                *(word for file in plugins for word in ("-p", str(self._path(file)))),
                f"--seeds={seeds}",
            ]
            with tempfile.TemporaryDirectory() as folder:
                current = self._run([str(self._path(suite)), *words], Path(folder))
            before = self._baseline(baseline)
            if before is None:
                return None
            held_to.require_known(before.higher_is_better | current.higher_is_better)
            require_comparable(before, current, anyway=False)
            outcome = check(before, current, held_to.limits)
        except MtbenchError as error:
            pytest.fail(str(error), pytrace=False)
        if outcome.breaches:
            pytest.fail(outcome.to_text(), pytrace=False)
        return outcome

    def _path(self, path: str | Path) -> Path:
        return self._config.rootpath / path

    def _run(self, words: Sequence[str], folder: Path) -> Measured:
        """Run a suite under pytest-benchmark and keep what it measured.

        Raises:
            MtbenchError: The suite cannot be run.
            RecordError: No run went well.
        """
        command = [sys.executable, "-m", "mtbench.cli", "run", *words, "--results", str(folder)]
        done = self._benchmark.pedantic(_output, args=(command, self._config.rootpath), rounds=1)
        results = list(folder.glob("*/*.json"))
        if not results:
            lines = done.stderr.strip().splitlines() or [f"mtbench: ended with {done.returncode}"]
            raise MtbenchError("\n".join(line.removeprefix("mtbench: ") for line in lines))
        measured = replace(load(results[0].parent), name="this run")
        failed = [
            f"{name}: seed {seed} failed: {error}"
            for name, series in measured.series.items()
            for seed, error in series.failed.items()
        ]
        if failed:
            raise RecordError("\n".join(failed))
        self._benchmark.extra_info[KEY] = measured.to_json()
        return measured

    def _baseline(self, given: str | Path | None) -> Measured | None:
        """Find what this test measured when the baseline was stored.

        Raises:
            RecordError: The file is none of pytest-benchmark's, or the command line names one that
                lacks this test.
        """
        option = self._config.getoption("--mtbench-baseline")
        named = given or option or self._config.getini("mtbench_baseline")
        if not named:
            return None
        path, test = self._path(named), self._benchmark.fullname
        measured = stored(path).get(test) if path.exists() else None
        if measured is not None:
            return replace(from_json(measured, f"{path}: {test}"), name=str(path))
        lacking = f"lacks {test}" if path.exists() else "no such file"
        if option and not given:
            raise RecordError(f"{path}: {lacking}; --benchmark-json={option} stores a baseline")
        warnings.warn(f"{path}: {lacking}: measured, not compared", stacklevel=3)
        return None


def stored(path: Path) -> dict[str, Any]:
    """Read what the tests of a JSON file of pytest-benchmark measured, by full name.

    Raises:
        RecordError: It is no such file.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return {
            one["fullname"]: one["extra_info"][KEY]
            for one in value["benchmarks"]
            if KEY in one["extra_info"]
        }
    except OSError as error:
        raise RecordError(f"{path}: {reason(error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path}: expected the JSON of pytest-benchmark") from error


def _output(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command line
        command, cwd=folder, capture_output=True, text=True, check=False
    )
