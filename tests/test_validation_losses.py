"""Losses on the validation part: beside its metrics in the curve, and nothing changes by them."""

import numpy as np
import pytest
from made import run_suite

from mtbench.report.page import curves

VALIDATED = ["split={name: random, validation_share: 0.2}", "train.batch_size=50"]
pytestmark = pytest.mark.usefixtures("traced")


@pytest.fixture(scope="module")
def runs(tmp_path_factory, shared_tiny):
    """With and without a validation part that is looked at, from the same split."""
    folder = tmp_path_factory.mktemp("losses")
    return [
        run_suite(shared_tiny, folder / str(n), *VALIDATED, *more, scenarios=["joint"], seeds="1")[
            0
        ]
        for n, more in enumerate([["train.validate_every=1"], []])
    ]


@pytest.mark.thorough
def test_the_loss_of_each_trained_task_stands_beside_its_metrics(runs):
    """That of squared errors is the RMSE's square: a mean over all rows, however many a batch."""
    validated, plain = runs
    assert [each["epoch"] for each in validated.validation] == [1, 2]
    for each in validated.validation:
        assert set(each["losses"]) == {"ranking", "retrieval"}
        rmse = each["metrics"]["ranking"]["rmse"]
        assert each["losses"]["ranking"] == pytest.approx(rmse**2, rel=1e-5)
        assert each["losses"]["retrieval"] > 0
    assert plain.validation == ()


def test_to_look_at_it_changes_nothing(runs):
    validated, plain = runs
    assert validated.curve == plain.curve
    assert validated.metrics == plain.metrics


def test_the_page_draws_them(runs):
    panels = curves.losses(runs[:1], ["ranking", "retrieval"])
    assert [panel.title for panel in panels] == [
        f"{part} loss of {task}"
        for task in ("ranking", "retrieval")
        for part in ("training", "validation")
    ]
    expected = [each["losses"]["ranking"] for each in runs[0].validation]
    np.testing.assert_allclose(panels[1].lines[0].mean, expected)
    only = [panel.title for panel in curves.losses(runs[1:], ["ranking"])]
    assert only == ["training loss of ranking"]
