"""One judge: the page and `compare` say the same of the same numbers."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import changed, record, write

from mtbench.errors import RecordError
from mtbench.evidence import compare_scenarios, compare_values, sentences
from mtbench.evidence.changes import ROUNDING, change, judge
from mtbench.records.results import Results
from mtbench.regress.compare import compare
from mtbench.regress.gate import gate

LEVEL = 0.05


@settings(max_examples=200)
@given(
    st.lists(st.floats(0.01, 10), min_size=1, max_size=6),
    st.sampled_from([0.0, 1e-15, 1e-13, 5e-13, 2e-12, 1e-9, 1e-3, 0.5]),
    st.sampled_from([0.0, 0.01, 1.0]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_both_ways_to_the_judge_end_alike(values, shift, spread, higher, seed):
    a = np.array(values)
    noise = np.random.default_rng(seed).normal(size=len(a))
    b = a * (1 + shift * (1 + spread * noise))
    page = compare_values(a, b, ("task/metric", "a", "b"), higher)
    folders = change(dict(enumerate(a)), dict(enumerate(b)))
    assert page.verdict == judge(folders, folders.p, LEVEL, higher)
    assert (page.p, page.sd) == (folders.p, folders.sd)
    assert abs(page.mean) == abs(folders.mean)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1e-14, "identical"), (5e-13, "identical"), (2e-12, "no spread"), (2e-11, "better")],
)
def test_the_page_and_compare_on_differences_of_summation(tmp_path, factor, verdict):
    """32 ε was the page's bound of rounding and 1e-12 that of compare.

    Of values up to 5 a spread of 5e-12 is one of rounding; differences of 1 to 5 times the factor
    have a standard error of 0.71 times it.
    """
    before = [record("a", seed, 1.0 + seed) for seed in range(5)]
    after = [
        record(
            "a",
            seed,
            (1.0 + seed) * (1 - factor * (1 + 0.01 * seed)),
            started=f"2026-02-0{seed + 1}",
        )
        for seed in range(5)
    ]
    folders = compare(write(tmp_path / "a", before), write(tmp_path / "b", after))
    (told,) = [each.verdict for each in folders.metrics if each.metric == "ranking/rmse"]
    renamed = [changed(one, scenario="b", run_id=f"b{one.seed}") for one in after]
    page = compare_scenarios(
        Results.of([*before, *renamed]), metrics=["ranking/rmse"], pairs=[("a", "b")]
    )
    assert (told, page[0].verdict) == (verdict, verdict)
    if verdict == "identical":
        assert sentences(page) == [
            "b and a are identical in ranking/rmse: equal in each of 5 seeds"
        ]


@pytest.mark.parametrize(
    ("p", "verdict"),
    [(0.05, "no evidence of a difference"), (np.nextafter(0.05, 0), "better"), (0.0, "better")],
)
def test_a_p_value_at_the_level_is_no_evidence(p, verdict):
    grown = change({0: 1.0, 1: 2.0, 2: 3.0}, {0: 1.1, 1: 2.2, 2: 3.5})
    assert judge(grown, p, LEVEL, higher_is_better=True) == verdict
    assert judge(grown.negated(), p, LEVEL, higher_is_better=False) == verdict


def test_one_difference_in_all_seeds_is_of_no_spread_both_ways(tmp_path):
    before = [record("a", seed, 1.0 + seed / 7) for seed in range(4)]
    after = [record("a", seed, 0.9 + seed / 7, started="2026-02") for seed in range(4)]
    folders = compare(write(tmp_path / "a", before), write(tmp_path / "b", after))
    (told,) = [each for each in folders.metrics if each.metric == "ranking/rmse"]
    assert (told.verdict, told.p_adjusted, told.low) == ("no spread", None, None)
    renamed = [changed(one, scenario="b", run_id=f"b{one.seed}") for one in after]
    (page,) = compare_scenarios(
        Results.of([*before, *renamed]), metrics=["ranking/rmse"], pairs=[("a", "b")]
    )
    assert (page.verdict, page.p_adjusted, page.low) == ("no spread", None, None)


def test_without_a_p_value_it_is_the_number_of_seeds_or_their_spread():
    shifted = change({0: 1.0, 1: 2.0, 2: 3.0}, {0: 2.0, 1: 3.0, 2: 4.0})
    few = change({0: 1.0, 1: 2.0}, {0: 2.0, 1: 3.5})
    for higher in (True, False):
        assert judge(shifted, None, LEVEL, higher) == "no spread"
        assert judge(few, None, LEVEL, higher) == "too few seeds"


def test_equal_values_are_identical_at_any_number_of_seeds():
    for n in (1, 2, 3):
        values = {seed: 0.1 * (seed + 1) for seed in range(n)}
        same = change(values, {s: v * (1 + ROUNDING / 2) for s, v in values.items()})
        assert judge(same, same.p, LEVEL, higher_is_better=True) == "identical"


@pytest.mark.parametrize("old", ["test", None])
def test_scores_of_the_validation_part_are_no_baseline_of_the_test_part(tmp_path, old):
    """A record that says nothing of it is older than the key, and of the test part."""
    before = [record("a", seed, question__evaluate_on="test") for seed in range(3)]
    after = [record("a", seed, question__evaluate_on="validation") for seed in range(3)]
    folders = write(tmp_path / "a", before), write(tmp_path / "b", after)
    if old is None:
        for path in folders[0].glob("*.json"):
            told = json.loads(path.read_text())
            del told["question"]["evaluate_on"], told["checksum"]
            path.write_text(json.dumps(told))
    for regress in (compare, gate):
        for pair in (folders, folders[::-1]):
            with pytest.raises(RecordError, match=r"do not compare.*evaluate_on: "):
                regress(*pair)
    assert compare(*folders, anyway=True).mark == " (different protocol)"
    assert not compare(folders[0], folders[0]).mark
