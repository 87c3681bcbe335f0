"""What a page says, held against made-up truth: how often it is wrong, and whether it agrees."""

import html
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import metric, record, repeated
from scipy import stats

from mtbench.evidence import compare_values, sentences
from mtbench.evidence.changes import Change
from mtbench.evidence.comparison import interval_beyond
from mtbench.records.results import Results
from mtbench.report.page import findings, wording
from mtbench.report.page.view import look_at

PAGES = 200
TOLERATED = 0.05 + 3 * (0.05 * 0.95 / PAGES) ** 0.5
TASKS = {"rank": ("ranking",), "retrieve": ("retrieval",), "one": None, "two": None}
INFO = {"ranking": [metric("rmse", higher=False)], "retrieval": [metric("top_5")]}
MADE = {
    name: record(name, 0, tasks=tasks or ("ranking", "retrieval"), metric_info=INFO)
    for name, tasks in TASKS.items()
}


def page_of(values, splits=None):
    """What a page says of scenarios whose rmse and top_5 by seed are `[scenario, metric, seed]`."""
    records = []
    for name, (rmse, top) in zip(MADE, values, strict=True):
        for seed in range(len(rmse)):
            metrics = {"ranking": {"rmse": rmse[seed]}, "retrieval": {"top_5": top[seed]}}
            one = repeated(MADE[name], seed, **metrics)
            scored = f"split {splits[seed] if splits is not None else seed}"
            records.append(
                one.model_copy(update={"data": one.data.model_copy(update={"scored": scored})})
            )
    return look_at(Results.of(records))


def said(view):
    """The text of the first screen and of the comparisons."""
    return html.unescape(
        re.sub("<[^>]+>", " ", f"{wording.summary(view)}{findings.comparisons(view)}")
    )


def claims(text):
    """Sentences that call a scenario better or worse than another."""
    return re.findall(r"(\w+) is (better|worse) than (\w+) in (\S+)", text)


def gaussian(rng, shape, _):
    return rng.normal(size=shape)


def heavy(rng, shape, _):
    return rng.standard_t(3, size=shape)


def hits(rows):
    """A share of so many test rows, of which each seed of each scenario has its own."""

    def share(rng, shape, _):
        return rng.binomial(rows, 0.3, size=shape) / rows

    share.__name__ = f"hits of {rows}"
    return share


def same_split(rng, shape, n):
    """Scenarios differ by their weights alone, the split moves all of them alike."""
    return rng.normal(size=shape) + 5 * rng.normal(size=(1, shape[1], n))


def folds(rng, shape, n):
    """Seeds of one of five splits share the luck that each scenario has with it."""
    luck = 3 * rng.normal(size=(*shape[:2], 5))
    return luck[:, :, np.arange(n) % 5] + rng.normal(size=shape)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("noise", "n"),
    [
        *((noise, n) for noise in (gaussian, heavy, same_split) for n in (3, 5)),
        *((hits(rows), n) for rows, n in ((10, 3), (20, 5), (50, 3), (500, 5))),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_pages_without_a_difference_seldom_claim_one(noise, n):
    """Four scenarios that are one and the same, under four names."""
    rng = np.random.default_rng(n)
    pages = [said(page_of(noise(rng, (4, 2, n), n))) for _ in range(PAGES)]
    assert np.mean([bool(claims(page)) for page in pages]) <= TOLERATED


@pytest.mark.thorough
def test_more_seeds_than_splits_are_no_more_evidence():
    rng = np.random.default_rng(0)
    views = [page_of(folds(rng, (4, 2, 20), 20), np.arange(20) % 5) for _ in range(PAGES)]
    assert {(one.n, one.over) for view in views for one in view.planned} == {(5, "splits")}
    assert np.mean([bool(claims(said(view))) for view in views]) <= TOLERATED
    as_seeds = [page_of(folds(rng, (4, 2, 20), 20)) for _ in range(PAGES)]
    assert np.mean([bool(claims(said(view))) for view in as_seeds]) > 0.3  # what it was before


@pytest.mark.thorough
@pytest.mark.parametrize("n", [3, 5, 10])
def test_a_difference_of_the_stated_size_is_found_in_four_of_five_further_suites(n):
    """Found: the same pair has a verdict on the page of a further suite, with the same family."""
    rng, found = np.random.default_rng(n), []
    for _ in range(PAGES):
        one = next(
            one
            for one in page_of(rng.normal(size=(4, 2, n)) + 100).planned
            if {one.a, one.b} == {"one", "two"}
        )
        if one.detectable is None:  # none of the values' own size would be found
            continue
        second = rng.normal(size=(2, n)) + 100
        second[1] -= one.detectable
        again = compare_values(*second, ("m", "one", "two"), False, 1 - 0.05 / one.family)
        found.append(again.verdict == "better")
    assert np.mean(found) >= 0.8 - 3 * (0.8 * 0.2 / len(found)) ** 0.5


@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_cover_what_they_are_about(n):
    """This data set, divided otherwise: the mean over all its splits."""
    rng = np.random.default_rng(n)
    covered = []
    for _ in range(4 * PAGES):
        split, weights = rng.normal(size=n), rng.normal(size=(2, n))
        one = compare_values(weights[0], 0.3 + split + weights[1], ("m", "a", "b"), True)
        covered.append(one.low <= 0.3 <= one.high)
    assert np.mean(covered) >= 0.93


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25])
def test_intervals_for_other_data_cover_other_data(share):
    """RMSE of means by user, against those of items alone, over data sets of one population."""
    rng, seeds = np.random.default_rng(1), 5
    found = np.array([_differences(rng, share, seeds) for _ in range(PAGES)])
    truth = found.mean()
    intervals = [
        interval_beyond(
            Change(seeds, seeds, True, d.mean(), d.std(ddof=1), 1.0, 4, 0.0), share, 0.95
        )
        for d in found
    ]
    covered = np.mean([low <= truth <= high for low, high in intervals])
    half = stats.t.isf(0.025, seeds - 1) * found.std(axis=1, ddof=1) / seeds**0.5
    naive = np.mean(np.abs(found.mean(axis=1) - truth) <= half)
    assert covered >= 0.93 > naive


def _differences(rng, share, seeds, users=40, rows=600):
    """By seed of a random split: how much worse ratings are told without the user than with it."""
    user = rng.integers(0, users, rows)
    rating = rng.normal(0, 0.5, users)[user] + rng.normal(0, 1, rows)
    found = []
    for _ in range(seeds):
        order = rng.permutation(rows)
        test, train = np.split(order, [round(share * rows)])
        sums = np.bincount(user[train], rating[train], users)
        means = sums / (np.bincount(user[train], minlength=users) + 5)
        errors = rating[test] - means[user[test]], rating[test] - rating[train].mean()
        found.append(np.diff([np.sqrt(np.mean(error**2)) for error in errors])[0])
    return np.array(found)


# No two statements that contradict each other


VALUE = st.floats(0.1, 2).map(lambda value: round(value, 2))


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(1, 4), st.data())
def test_a_page_says_one_thing_of_a_pair(n, kinds, data):
    values = data.draw(
        st.lists(
            st.lists(st.lists(VALUE, min_size=n, max_size=n), min_size=2, max_size=2),
            min_size=4,
            max_size=4,
        )
    )
    view = page_of(np.array(values), np.arange(n) % kinds)
    told = [*view.planned, *view.explored]
    pairs = [(one.metric, frozenset((one.a, one.b))) for one in told]
    assert len(set(pairs)) == len(pairs)
    verdicts = dict(zip(pairs, told, strict=True))
    for b, verdict, a, name in claims(said(view)):
        one = verdicts[name.rstrip(".,;:"), frozenset((a, b))]
        assert one.why  # only what was planned has a verdict
        assert (one if one.b == b else one.turned()).verdict == verdict
    for one in view.planned:
        if one.verdict in ("better", "worse"):
            assert (one.mean > 0) == (one.verdict == "better")
            assert one.low * one.high > 0
        assert sentences([one])[0].count(one.metric) == 1
