"""Two folders of results: what differs, and what the numbers say. By hand and against SciPy."""

import json
import math
import re
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import identity, put, record, write
from scipy import stats

from mtbench.errors import RecordError
from mtbench.evidence import changes
from mtbench.evidence.changes import _cut, change, ratio, seeds_text
from mtbench.records.results import Results
from mtbench.records.series import from_json, load, measure
from mtbench.regress.compare import compare, to_text
from mtbench.regress.differences import differences, mismatches

A = [(1.00, 0.50), (1.02, 0.55), (0.97, 0.45), (1.01, 0.52)]
"""RMSE and top-5 of four seeds."""


@pytest.fixture
def folders(tmp_path):
    """Write two folders: records of a and of b."""

    def make(a, b):
        return write(tmp_path / "a", a), write(tmp_path / "b", b)

    return make


def runs(scenario="joint", values=A, seeds=None, better=0.0, **changes):
    """Runs of a scenario, `better` by that much in both headline metrics."""
    seeds = range(len(values)) if seeds is None else seeds
    return [
        record(scenario, seed, rmse - better, top + better, **changes)
        for seed, (rmse, top) in zip(seeds, values, strict=True)
    ]


def lines(a, b, **options):
    return to_text(compare(a, b, **options)).splitlines()


finite = st.floats(-1e3, 1e3)
samples = st.dictionaries(st.integers(0, 9), finite, min_size=1, max_size=6)


def test_paired_interval_and_p_are_scipys():
    a = {seed: rmse for seed, (rmse, _) in enumerate(A)}
    falls = (0.01, 0.02, 0.03, 0.012)
    b = {seed: value - shift for (seed, value), shift in zip(a.items(), falls, strict=True)}
    found = change(a, b)
    expected = stats.ttest_rel(list(b.values()), list(a.values()))
    low, high = expected.confidence_interval(0.95)
    assert (found.n_a, found.n_b, found.paired) == (4, 4, True)
    assert found.interval(0.95) == pytest.approx((low, high))
    assert found.mean == pytest.approx(-0.018)
    above = stats.ttest_rel(list(b.values()), list(a.values()), alternative="greater")
    assert found.p_above(0.0) == pytest.approx(above.pvalue)
    shifted = stats.ttest_1samp([b[s] - a[s] for s in a], -0.02, alternative="greater")
    assert found.p_above(-0.02) == pytest.approx(shifted.pvalue)


def test_seeds_that_disagree_are_two_samples():
    a, b = {0: 1.0, 1: 1.2, 2: 0.9, 3: 1.1}, {3: 1.4, 4: 1.0, 5: 1.6}
    found = change(a, b)
    expected = stats.ttest_ind(list(b.values()), list(a.values()), equal_var=False)
    assert (found.n_a, found.n_b, found.paired) == (4, 3, False)
    assert found.interval(0.9) == pytest.approx(tuple(expected.confidence_interval(0.9)))
    assert found.df == pytest.approx(expected.df)
    p = min(found.p_above(0.0), found.negated().p_above(0.0))
    assert 2 * p == pytest.approx(expected.pvalue)


@pytest.mark.parametrize(
    ("a", "b", "paired", "df"),
    [
        ({0: 1.0}, {0: 1.1}, True, 0),
        ({0: 1.0, 1: 1.0}, {0: 1.1, 1: 1.3}, True, 0),
        ({0: 1.0, 1: 1.0}, {2: 1.1, 3: 1.3}, False, 0),
        ({0: 1.0, 1: 1.0, 2: 1.0}, {3: 1.1, 4: 1.3}, False, 0),
        ({0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}, {1: 1.1, 2: 1.3, 3: 1.2}, True, 2),
        ({0: 1.0, 1: 1.0, 2: 1.0}, {2: 1.1, 3: 1.3, 4: 1.2}, False, 2.0),
    ],
)
def test_pairs_need_three_seeds_in_common_and_a_claim_needs_three(a, b, paired, df):
    found = change(a, b)
    assert (found.paired, found.df) == (paired, df)
    assert (found.interval(0.95) is None) == (df == 0)
    assert (found.p_above(0.0) is None) == (df == 0)


@given(samples, samples)
def test_exchanging_the_sides_changes_the_sign(a, b):
    there, back = change(a, b), change(b, a)
    assert there.mean == pytest.approx(-back.mean)
    assert (there.df, there.paired) == (pytest.approx(back.df), back.paired)
    if interval := there.interval(0.9):
        assert interval == pytest.approx(tuple(-end for end in back.interval(0.9)[::-1]))
        assert interval[0] <= there.mean <= interval[1]


@given(samples)
def test_a_sample_is_identical_to_itself(a):
    found = change(a, dict(a))
    assert found.identical
    assert not change(a, {seed: value + 1.0 for seed, value in a.items()}).identical


def test_a_difference_that_does_not_vary_has_neither_interval_nor_p():
    found = change({s: 0.1 * s for s in range(5)}, {s: 0.1 * s + 0.02 for s in range(5)})
    assert (found.mean, found.df, found.judged) == (pytest.approx(0.02), 4, False)
    assert (found.interval(0.95), found.p, found.p_above(0.0)) == (None, None, None)
    two = change(
        dict.fromkeys(range(3), 1.0), dict.fromkeys(range(5, 9), 2.0)
    )  # Welch's, of no spread
    assert (two.paired, two.mean, two.judged, two.interval(0.95)) == (False, 1.0, False, None)


def test_what_is_equal_has_an_interval_without_width():
    found = change({s: 0.1 * s for s in range(5)}, {s: 0.1 * s for s in range(5)})
    assert (found.judged, found.interval(0.95), found.p) == (True, (0, 0), 1)
    assert (found.p_above(0.0), found.p_above(0.1), found.p_above(-0.1)) == (1, 1, 0)


def test_ratio_of_three_and_three_is_the_range():
    found = ratio([1.0, 2.0, 4.0], [3.0, 8.0, 6.0])
    assert found.median == 3.0  # of 0.75 1.5 1.5 2 3 3 4 6 8
    assert (found.smallest, found.low, found.high, found.largest) == (0.75, 0.75, 8.0, 8.0)


def test_ratio_of_few_has_no_interval():
    for a, b in (([1.0], [2.0] * 9), ([1.0, 2.0], [2.0] * 3)):
        found = ratio(a, b)
        assert (found.low, found.high) == (None, None)
        assert (found.n_a, found.n_b) == (len(a), len(b))


@pytest.mark.parametrize(
    ("m", "n", "level", "cut"),
    # critical values of Mann and Whitney's U in the textbooks' tables, one-sided: U ≤ cut − 1
    [(3, 3, 0.05, 1), (4, 4, 0.05, 2), (5, 5, 0.05, 5), (10, 10, 0.05, 28), (10, 10, 0.025, 24),
     (3, 5, 0.05, 2), (5, 3, 0.05, 2), (2, 2, 0.05, 0), (20, 20, 0.025, 128)],
)  # fmt: skip
def test_cuts_are_those_of_the_tables(m, n, level, cut):
    assert _cut(m, n, level) == cut


@pytest.mark.thorough
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([0.01, 0.05, 0.3]))
def test_cuts_are_those_of_scipys_exact_distribution(m, n, level):
    cut = _cut(m, n, level)
    for u in range(m * n):
        # a sample whose U is u: P(U ≤ u) is SciPy's exact p-value
        assert (u < cut) == (_p_at_most(u, m, n) <= level + 1e-12)


@cache
def orders(u, m, n):
    """How many orders of m and n values have u pairs inverted, by which of them the last is of."""
    if u < 0 or not (m and n):
        return int(u == 0)
    return orders(u - n, m - 1, n) + orders(u, m, n - 1)


@pytest.mark.parametrize("level", [0.001, 0.01, 0.025, 0.05, 0.1, 0.3])
def test_cuts_are_those_of_counting_whole_numbers(level):
    assert [orders(u, 2, 2) for u in range(5)] == [1, 1, 2, 1, 1]
    for m in range(1, 11):
        for n in range(1, 11):
            total, below, cut = math.comb(m + n, n), 0, 0
            while (below := below + orders(cut, m, n)) / total <= level:
                cut += 1
            assert _cut(m, n, level) == cut, (m, n)


@pytest.mark.parametrize(("m", "n"), [(100, 100), (20, 180), (3, 197), (199, 1)])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_the_approximation_takes_over_where_counting_ends(m, n, level, monkeypatch):
    counted = _cut(m, n, level)
    monkeypatch.setattr(changes, "_EXACT", 0)
    assert 0 <= counted - _cut(m, n, level) <= 13  # of 591 to 10000 places: never narrower


def test_cuts_of_many_values_are_the_normals():
    """U has the mean m n / 2 and the variance m n (m + n + 1) / 12; counting would not end."""
    sd = math.sqrt(500 * 500 * 1001 / 12)
    assert _cut(500, 500, 0.05) == pytest.approx(125_000 - 1.644854 * sd, abs=2.5)
    found = ratio(np.linspace(1, 2, 500), np.linspace(2, 4, 500))
    assert found.low < found.median < found.high
    assert found.median == pytest.approx(2, rel=0.02)


def _p_at_most(u, m, n):
    """P(U ≤ u), from ranks of a sample that has that U."""
    ranks = list(range(m))
    for i in range(m - 1, -1, -1):
        step = min(u, n)
        ranks[i] += step
        u -= step
    others = [r for r in range(m + n) if r not in ranks]
    return stats.mannwhitneyu(ranks, others, alternative="less", method="exact").pvalue


@given(
    st.lists(st.floats(0.1, 10), min_size=1, max_size=6),
    st.lists(st.floats(0.1, 10), min_size=1, max_size=6),
    st.floats(0.5, 3),
)
def test_a_ratio_scales_and_turns_over(a, b, factor):
    found, scaled, back = ratio(a, b), ratio(a, [factor * x for x in b]), ratio(b, a)
    assert scaled.median == pytest.approx(factor * found.median)
    assert found.smallest <= found.median <= found.largest
    assert back.largest == pytest.approx(1 / found.smallest)
    if found.low is not None:
        assert found.smallest <= found.low <= found.median <= found.high <= found.largest
        assert back.high == pytest.approx(1 / found.low)


def test_numbers_of_seeds_in_words():
    assert [seeds_text(*n) for n in ((1, 1), (5, 5), (5, 1))] == [
        "1 seed",
        "5 seeds",
        "5 and 1 seed",
    ]


def test_the_interval_covers_the_truth_and_no_more():
    """2000 times four against four, unpaired: 95 % within three standard errors."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        a = dict(enumerate(rng.normal(0, 1, 4)))
        b = dict(zip(range(4, 8), rng.normal(1, 3, 4), strict=True))
        low, high = change(a, b).interval(0.95)
        inside += low <= 1 <= high
    assert inside / 2000 == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 2000))


def test_differences_by_dotted_key():
    a = {"x": identity("p", "n", units=[1, 2], only=1), "y": {"z": None}, "same": 1}
    b = {"x": identity("p", "n", units=[1], other=2), "y": {"z": 0}, "same": 1}
    assert differences(a, b) == {
        "x.units": ([1, 2], [1]),
        "x.only": (1, "–"),
        "y.z": (None, 0),
        "x.other": ("–", 2),
    }
    assert differences(a, a) == {}


def test_a_folder_against_itself_has_no_difference(folders):
    a, b = folders(runs(), runs())
    assert lines(a, b) == [
        f"a: {a}: suite made, 1 scenario, mtbench 0.1.0, tensorflow 2.21.0",
        f"b: {b}: suite made, 1 scenario, mtbench 0.1.0, tensorflow 2.21.0",
        *(f"{part}: no difference" for part in ("suite", "code", "engine", "environment", "data")),
        "joint: ranking/rmse ↓: 1.000 → 1.000, +0.000: identical (4 seeds, paired)",
        "joint: retrieval/top_5 ↑: 0.505 → 0.505, +0.000: identical (4 seeds, paired)",
        "joint: training throughput: × 1.00 (1.00–1.00; 4 seeds)",
        "joint: step time / reference: × 1.00 (1.00–1.00; 4 seeds)",
    ]


def test_everything_that_changed_is_said_by_its_key(folders):
    other = "f" * 64
    changes = {
        "answer__towers__query__options__embedding_dim": 64,
        "answer__tasks__ranking__origin__sha256": other,
        "question__engine__mtbench": "0.2.0",
        "question__engine__threads": 4,
        "answer__train__diagnostics": False,
        "environment__cpu": "another\nCPU",
        "data__test": 20,
        "answer__weighting__options__weights": {"retrieval": 3.0},
        "answer__weighting__origin__version": "0.2.0",
    }
    before = runs(data__test=19)
    found = lines(*folders(before, runs(**changes)))
    for line in (
        "suite: towers.query.embedding_dim: 32 → 64",
        "suite: train.diagnostics: – → false",
        "suite: scenarios.joint.weighting.weights.retrieval: 10.0 → 3.0",
        "code: tasks.ranking.origin.sha256: 0123456789ab → ffffffffffff",
        "code: engine.mtbench: 0.1.0 → 0.2.0",
        "code: scenarios.joint.weighting.origin.version: 0.1.0 → 0.2.0",
        "engine: threads: 2 → 4",
        "environment: cpu: a CPU → 'another\\nCPU'",
        "data: test: 19 → 20",
    ):
        assert line in found
    assert "no difference" not in "\n".join(found)
    assert sum(":" in line and "→" in line for line in found[2:11]) == 9


def test_metrics_with_their_direction_and_verdict(folders):
    losses = [0.05, 0.06, 0.055, 0.052]
    worse = [(rmse + d, top - d) for (rmse, top), d in zip(A, losses, strict=True)]
    a, b = folders(runs(), runs(values=worse))
    rmse, top = compare(a, b).metrics
    assert (rmse.metric, rmse.higher_is_better, rmse.verdict) == ("ranking/rmse", False, "worse")
    assert (top.metric, top.higher_is_better, top.verdict) == ("retrieval/top_5", True, "worse")
    assert (rmse.a, rmse.b) == (pytest.approx(1.0), pytest.approx(1.05425))
    expected = stats.ttest_1samp(losses, 0)
    assert (rmse.low, rmse.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert rmse.p_adjusted == pytest.approx(2 * expected.pvalue)  # Holm of two alike
    better = compare(b, a).metrics
    assert [one.verdict for one in better] == ["better", "better"]
    assert [one.verdict for one in compare(b, a, every_metric=True).metrics] == ["better"] * 3


def test_the_correction_counts_every_comparison(folders):
    """A p-value of 0.03 is evidence alone, and none among twenty."""
    t = stats.t.isf(0.015, 3)
    noise = np.array([1.0, -1.0, 0.9, -0.9]) * 0.001
    shift = t * np.std(noise, ddof=1) / 2
    values = [(r + n + shift, top) for (r, top), n in zip(A, noise, strict=True)]
    alone = {"metric_info__retrieval": []}
    a, b = folders(runs(**alone), runs(values=values, **alone))
    assert compare(a, b).metrics[0].p_adjusted == pytest.approx(0.03)
    assert compare(a, b).metrics[0].verdict == "worse"
    write(a, [r for i in range(4) for r in runs(f"s{i}", **alone)])
    write(b, [r for i in range(4) for r in runs(f"s{i}", values=values, **alone)])
    found = compare(a, b).metrics
    assert len(found) == 5
    assert {one.verdict for one in found} == {"no evidence of a difference"}
    assert found[0].p_adjusted == pytest.approx(0.15)


def test_a_metric_of_a_task_that_is_not_trained_is_left_out(folders):
    single = {"answer__trained_tasks": ["ranking"], "answer__weighting": None}
    a, b = folders(runs(**single), runs(better=0.1, **single))
    assert [one.metric for one in compare(a, b).metrics] == ["ranking/rmse"]
    everything = compare(a, b, every_metric=True).metrics
    assert [one.metric for one in everything] == ["ranking/rmse", "ranking/mae", "retrieval/top_5"]


def test_few_seeds_support_no_claim(folders):
    a, b = folders(runs(values=A[:2]), runs(values=A[:2], better=0.3))
    (line,) = [line for line in lines(a, b) if "rmse" in line]
    assert line.endswith("1.01 → 0.71, −0.30: too few seeds (2 seeds, paired)")


def test_ratios_are_medians_with_smallest_and_largest(folders):
    a = [record("joint", s, pace=1.0, memory=1e9) for s in range(3)]
    b = [record("joint", s, pace=2.0**s, memory=2.0**s * 1e9) for s in range(3)]
    found = lines(*folders(a, b))
    assert "joint: step time / reference: × 2.00 (1.00–4.00; 3 seeds)" in found
    assert not [line for line in found if "memory" in line]  # it depends on the runs before


def test_records_without_a_reference_time_compare_all_the_same(folders):
    found = lines(*folders(runs(pace=None), runs()))
    assert not [line for line in found if "reference" in line]
    assert "joint: training throughput: × 1.00 (1.00–1.00; 4 seeds)" in found


def test_scenarios_of_one_side_are_named_once(folders):
    a, b = folders(runs() + runs("old"), runs() + runs("new"))
    found = lines(a, b)
    assert "only in a: scenario old" in found
    assert "only in b: scenario new" in found
    assert not [line for line in found if "scenarios.old" in line or "scenarios.new" in line]


def test_failed_runs_are_said(folders):
    failed = record("joint", 3, status="failed")
    a, b = folders(runs(), [*runs(values=A[:3]), failed])
    found = lines(a, b)
    assert "joint: FAILED in b: seed 3: ValueError: on purpose" in found
    assert "joint: ranking/rmse ↓: 0.997 → 0.997, +0.000: identical (3 seeds, paired)" in found


@pytest.mark.parametrize(
    ("changes", "kind", "what"),
    [
        ({"data__fingerprint": "f" * 64}, "data", "fingerprint: 0123456789ab → ffffffffffff"),
        ({"answer__train__epochs": 4}, "protocol", "train.epochs: 3 → 4"),
        ({"question__split__options__test_share": 0.3}, "protocol", "split.test_share: 0.2 → 0.3"),
        ({"question__tasks__ranking__options__units": [8],
          "answer__tasks__ranking__options__units": [8]}, "protocol",
         "tasks.ranking.units: [64, 32] → [8]"),
        ({"question__dataset__name": "songs"}, "protocol", "dataset.name: movies → songs"),
        ({"question__stands_in_for": "x"}, "protocol", "stands_in_for: null → x"),
        ({"answer__train__optimizer__name": "sgd"}, "protocol",
         "train.optimizer.name: adam → sgd"),
        ({"answer__tasks__more": identity("t", "ranking")}, "protocol",
         "tasks.more.name: – → ranking"),
    ],
)  # fmt: skip
def test_what_does_not_compare_is_refused_in_one_line(folders, changes, kind, what):
    a, b = folders(runs(), runs(**changes))
    with pytest.raises(RecordError) as caught:
        compare(a, b)
    assert str(caught.value) == (
        f"{a} and {b} do not compare, they differ in {kind} ({what}); "
        "--anyway compares them all the same"
    )
    found = lines(a, b, anyway=True)
    assert len(found) > 8
    assert all(line.endswith(f" (different {kind})") for line in found)


def test_the_same_bytes_under_another_path_compare(folders):
    """The digest decides; what the options say where nothing has one stays part of the question."""
    here = {"question__content": "c" * 64, "question__dataset__options__path": "here.csv"}
    there = here | {"question__dataset__options__path": "there.csv"}
    a, b = folders(runs(**here), runs(**there))
    assert "data: no difference" in lines(a, b)
    a, b = folders(runs(**here), runs(**there, data__fingerprint="f" * 64))
    with pytest.raises(RecordError, match=r"fingerprint.*dataset\.path: here\.csv → there\.csv"):
        compare(a, b)
    a, b = folders(runs(**here), runs(**there | {"question__content": None}))
    with pytest.raises(RecordError, match=r"protocol \(dataset\.path: here\.csv → there\.csv\)"):
        compare(a, b)


def test_parts_from_the_same_files_compare_and_others_do_not(folders):
    here = {"question__split_content": "c" * 64, "question__split__options__test": "here.csv"}
    there = here | {"question__split__options__test": "there.csv"}
    compare(*folders(runs(**here), runs(**there)))
    with pytest.raises(RecordError, match=r"split\.test: here\.csv → there\.csv"):
        compare(*folders(runs(**here), runs(**there | {"question__split_content": "d" * 64})))


def test_both_kinds_are_said_in_every_line(folders):
    a, b = folders(runs(), runs(data__fingerprint="f" * 64, answer__train__epochs=9))
    found = lines(a, b, anyway=True)
    assert all(line.endswith(" (different data) (different protocol)") for line in found)


@pytest.mark.parametrize(
    "changes",
    [
        {"suite": "other"},
        {"answer__towers__query__options__embedding_dim": 64},
        {"question__engine__tensorflow": "2.22.0"},
        {"question__engine__code": "f" * 64},
        {"question__engine__device": "gpu"},
        {"question__split__origin__sha256": "f" * 64},
        {"answer__train__new_option": 1},
        {"answer__weighting": identity("weighting_x", "x")},
    ],
)
def test_what_one_compares_is_not_refused(changes):
    a, b = (
        measure(Results.of([record("joint", 0)]), "a"),
        measure(Results.of([record("joint", 1, **changes)]), "b"),
    )
    assert mismatches(a, b) == {}


def test_what_is_no_record_is_a_line_and_the_rest_is_reported(folders):
    a, b = folders(runs(), runs())
    text = (b / "joint-0.json").read_text()
    (b / "cut.json").write_text(text[: len(text) // 2])
    old = json.loads(text) | {"schema_version": 0, "checksum": None}
    (b / "old.json").write_text(json.dumps(old))
    write(b, [record("joint", 7, suite="other")])
    odd = put(json.loads(text), checksum=None, run_id="odd", answer__trained_tasks=3)
    (b / "odd.json").write_text(json.dumps(odd))
    write(b, [record("x", 9, question_id="q0", started="2025")])
    reason = "answer.trained_tasks: expected a list, found 3"
    found = lines(a, b)
    *others, older = [line for line in found if line.startswith("left out: ")]
    assert others == [
        f"left out: {b}/cut.json: expected JSON, found a damaged file",
        f"left out: {b}/odd.json: is not the record of a run: {reason}",
        f"left out: {b}/old.json: expected schema_version 2, found 0",
        f"left out: {b}/joint-7.json: expected a record of made, found one of other",
    ]
    assert older.startswith(
        f"left out: {b}: 1 record of another version of the suite, data or software is left out: "
        f"{b}@"
    )
    assert "joint: ranking/rmse ↓: 1.000 → 1.000, +0.000: identical (4 seeds, paired)" in found


@pytest.mark.parametrize("started", ["2025", "2026-03"])
def test_a_record_of_another_suite_does_not_hide_the_folders(folders, started):
    stray = record("joint", 9, suite="other", started=started)
    a, _ = folders([*runs(), stray], [])
    assert load(a).suite == "made"


def test_data_that_changed_on_the_way_is_left_out(folders):
    stale = runs(values=A[:1], seeds=[9], data__fingerprint="f" * 64, started="2025")
    a, _ = folders([*stale, *runs()], [])
    found = load(a)
    assert sorted(found.series["joint"].metrics["ranking/rmse"]) == [0, 1, 2, 3]
    assert len(found.problems) == 1


@pytest.mark.parametrize("what", ["absent", "empty", "failed", "damaged"])
def test_a_folder_without_results_is_one_clear_line(folders, tmp_path, what):
    a, b = folders(runs(), [])
    if what == "absent":
        b = tmp_path / "nothing"
    if what == "failed":
        write(b, [record("joint", 0, status="failed")])
    if what == "damaged":
        (b / "x.json").write_text("{")
    expected = {
        "absent": f"{b}: no such folder of results",
        "empty": f"{b}: has no record of a run",
        "failed": f"{b}: has no run that went well",
        "damaged": f"{b}: has no record of a run\n{b}/x.json: expected JSON, found a damaged file",
    }
    with pytest.raises(RecordError) as caught:
        compare(a, b)
    assert str(caught.value) == expected[what]


def test_what_was_measured_survives_json(folders):
    a, _ = folders(
        [*runs(), *runs("single", answer__weighting=None), record("x", 1, status="failed")], []
    )
    found = load(a)
    assert from_json(json.loads(json.dumps(found.to_json())), "here") == found
    broken = found.to_json() | {"headline": 3}
    with pytest.raises(RecordError, match=r"^here: is not what mtbench measured: headline: "):
        from_json(broken, "here")


def test_infinite_numbers_are_no_measurements(folders):
    _, b = folders(runs(), runs())
    path = b / "joint-1.json"
    text = re.sub(r'"checksum": ".*"', '"checksum": null', path.read_text())
    path.write_text(text.replace('"rmse": 1.02', '"rmse": NaN'))
    fault = "metrics.ranking.rmse: expected a finite number, found nan"
    assert load(b).problems == [f"{path}: is not the record of a run: {fault}"]
