"""Transfer by share of labels: break-even, worth, and what is said of them."""

import math

import made
import numpy as np
import pytest

from mtbench.evidence.labels import break_even, label_sentences, transfers, worth
from mtbench.records.results import Results
from mtbench.report.page.page import page

SHARES = (0.1, 0.2, 0.4, 1.0)


def test_break_even_by_hand():
    assert break_even([0.1, 1.0], np.array([0.02, -0.02])) == pytest.approx(math.sqrt(0.1))
    assert break_even([0.1, 0.2, 0.4], np.array([0.3, 0.1, -0.3])) == pytest.approx(0.2 * 2**0.25)
    assert break_even([0.1, 0.2], np.array([0.1, 0.0])) == pytest.approx(0.2)
    assert break_even([0.1, 0.2], np.array([0.1, 0.1])) == math.inf
    assert break_even([0.1, 0.2], np.array([-0.1, 0.0])) == 0.0
    # the last crossing counts
    assert break_even([0.1, 0.2, 0.4], np.array([-0.1, 0.1, -0.1])) == pytest.approx(
        0.2 * math.sqrt(2)
    )


def test_worth_by_hand():
    alone = np.array([1.0, 2.0, 3.0])
    shares = [0.1, 0.2, 0.4]
    assert worth(shares, alone, np.array([2.0, 0, 0]), 0) == pytest.approx(2.0)
    assert worth(shares, alone, np.array([1.5, 0, 0]), 0) == pytest.approx(math.sqrt(2))
    assert worth(shares, alone, np.array([0, 1.0, 0]), 1) == pytest.approx(0.5)
    assert worth(shares, alone, np.array([3.5, 0, 0]), 0) == math.inf
    assert worth(shares, alone, np.array([0.5, 0, 0]), 0) == 0.0
    # a dip of the task alone is no gain of the other's
    assert worth(shares, np.array([1.0, 0.5, 2.0]), np.array([1.0, 0, 0]), 0) == 1.0


def results(curves, seeds=5, noise=0.0, single=("ranking",)):
    """Results of sweeps: by name the RMSE at each of SHARES."""
    rng, records = np.random.default_rng(0), []
    for name, values in curves.items():
        tasks = single if name == "alone" else made.BOTH
        for share, value in zip(SHARES, values, strict=True):
            answer = made.record("x", 0, tasks=tasks).plain()["answer"]
            answer |= {"labels": {"ranking": {"share": share}}}
            point = f"{name}[ranking={share}]"
            records += [
                made.record(point, seed, value + noise * rng.normal(), tasks=tasks, answer=answer)
                for seed in range(seeds)
            ]
    return Results.of(records)


def test_a_partner_that_helps_where_labels_are_few():
    found = transfers(results({"alone": (1.2, 1.1, 1.0, 0.9), "joint": (1.1, 1.05, 1.0, 0.95)}))
    (one,) = found
    assert (one.metric.key, one.single, one.other) == ("ranking/rmse", "alone", "joint")
    assert one.differences.mean(0) == pytest.approx([0.1, 0.05, 0.0, -0.05])
    assert one.break_even.value == pytest.approx(0.4)
    assert one.worth[0.1].value == pytest.approx(2.0)
    assert one.worth[0.2].value == pytest.approx(math.sqrt(2))
    (said,) = label_sentences(found)
    assert said == (
        "joint against alone in ranking/rmse, 5 seeds of this data set: with 10 % of the labels it "
        "is worth 2 times the labels (+0.100); the break-even share is 40 %"
    )


def test_a_partner_that_helps_where_labels_are_many():
    """It is 0.1 worse at 0.2 and 0.1 better at 0.4: equal half way between their logarithms."""
    found = transfers(results({"alone": (1.2, 1.1, 1.0, 0.9), "joint": (1.3, 1.2, 0.9, 0.8)}))
    assert found[0].break_even.value == math.inf
    assert found[0].better_from.value == pytest.approx(math.sqrt(0.2 * 0.4))
    (said,) = label_sentences(found)
    assert said.endswith("no break-even share below 100 %: it is better from 28.3 % on")


def test_intervals_hold_the_value_and_grow_with_the_noise():
    curves = {"alone": (1.2, 1.1, 1.0, 0.9), "joint": (1.1, 1.05, 1.01, 0.95)}
    little, much = (transfers(results(curves, 10, noise))[0] for noise in (0.002, 0.02))
    for one in (little, much):
        for of in (one.break_even, one.worth[0.1]):
            assert of.low <= of.value <= of.high
    widths = [one.worth[0.1].high - one.worth[0.1].low for one in (little, much)]
    assert 0 < widths[0] < widths[1]


@pytest.mark.parametrize(
    ("joint", "told"),
    [
        ((1.1, 1.0, 0.9, 0.8), "no break-even share below 100 %"),
        ((1.3, 1.2, 1.1, 1.0), "it is better at no share of the labels"),
        ((0.8, 0.8, 0.8, 0.8), "it is worth more than 10 times the labels (+0.400)"),
        ((1.3, 1.0, 1.1, 1.0), "with 10 % of the labels it is worse than alone (−0.100)"),
    ],
)
def test_what_lies_beyond_what_was_tried_is_said_so(joint, told):
    (said,) = label_sentences(transfers(results({"alone": (1.2, 1.1, 1.0, 0.9), "joint": joint})))
    assert told in said


def test_the_page_says_and_shows_it():
    curves = {"alone": (1.2, 1.1, 1.0, 0.9), "joint": (1.1, 1.05, 1.0, 0.95)}
    text = page(results(curves, noise=0.01))
    assert "joint against alone in ranking/rmse, 5 seeds of this data set: with 10 % of the" in text
    assert "gain in ranking rmse over alone" in text
    assert 'id="labels"' in text
    assert 'id="labels"' not in page(Results.of([made.record("joint", seed) for seed in range(3)]))


def test_few_seeds_give_no_interval():
    (one,) = transfers(results({"alone": (1.2, 1.1, 1, 0.9), "joint": (1.1, 1, 1, 0.95)}, seeds=2))
    assert (one.break_even.low, one.worth[0.1].low) == (None, None)


def test_without_the_task_alone_there_is_nothing_to_compare():
    curves = {"alone": (1.2, 1.1, 1.0, 0.9), "joint": (1.1, 1.0, 1.0, 0.95)}
    assert transfers(results(curves, single=made.BOTH)) == []
    assert transfers(Results.of([made.record("joint", seed) for seed in range(3)])) == []
