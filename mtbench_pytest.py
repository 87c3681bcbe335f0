"""mtbench's pytest plugin. It imports nothing of mtbench, nor what that needs, until a test asks.

It is a module of its own, since importing any module of the package `mtbench` chooses Keras 2 for
the process, which is not for other people's tests. What it does is in `mtbench.testing.regression`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mtbench.testing.regression import Regression


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where the stored baseline lies."""
    what = "pytest-benchmark's JSON that the fixture mtbench_regression compares with"
    parser.addini("mtbench_baseline", f"{what}; relative to the root of the tests", default="")
    parser.getgroup("mtbench").addoption("--mtbench-baseline", metavar="JSON", help=what)


@pytest.fixture
def mtbench_regression(request: pytest.FixtureRequest, benchmark: Any) -> Regression:
    """Run a suite and hold it to a stored baseline: `mtbench_regression("suite.yaml")`."""
    from mtbench.testing.regression import Regression  # noqa: PLC0415

    return Regression(request.config, benchmark)
