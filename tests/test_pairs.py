"""Pairs of tasks: what their gradients' cosines against the null allow one to say."""

import numpy as np
import pytest
from made import record

from mtbench import evidence
from mtbench.evidence.pairs import estimate_text
from mtbench.records.results import Results
from mtbench.report.formats import markdown, to_json
from mtbench.report.page.page import page
from mtbench.report.summary import summarize

KEYS = ("ranking|retrieval", "ranking|ranking", "retrieval|retrieval")


def epoch(number, cosines, **parts):
    """An epoch's diagnostics: the cosine of both tasks, and of each with itself."""
    return {
        "epoch": number,
        "weights": {"ranking": 1.0, "retrieval": 1.0},
        "half_cosines": dict(zip(KEYS, map(float, cosines), strict=True)),
        "half_conflicts": dict(zip(KEYS, (0.25, 0.125, 0.5), strict=True)),
        "norm_ratios": {"ranking|retrieval": 2.0},
        "affinity": {
            "ranking>retrieval": 0.02,
            "retrieval>ranking": -0.01,
            "ranking>ranking": 0.03,
            "retrieval>retrieval": 0.04,
        },
    } | parts


def results(rows):
    """A scenario of both tasks; each row a seed with its cosines."""
    runs = [
        record("joint", seed, diagnostics=[epoch(1, row)], started="2026")
        for seed, row in enumerate(rows)
    ]
    return Results.of(runs)


def spread(*means, sd=0.01, seeds=5):
    """Cosines of so many seeds about means."""
    shape = np.linspace(-1, 1, seeds)
    return np.array(means) + sd * np.stack([np.roll(shape, n) for n in range(len(means))], 1)


def test_numbers_by_hand():
    runs = [
        record(
            "joint",
            seed,
            diagnostics=[
                epoch(1, (0.1 + seed / 10, 0.5, 0.6)),
                epoch(2, (0.3 + seed / 10, 0.7, 0.8), norm_ratios={"ranking|retrieval": 8.0}),
            ],
        )
        for seed in range(3)
    ]
    (pair,) = evidence.task_pairs(Results.of(runs))
    assert pair.tasks == ("ranking", "retrieval")
    assert pair.cosine.mean == pytest.approx(0.3)
    # t of 2 degrees at 0.025 / 2, for the two intervals that are read
    half = 6.2053 * 0.1 / np.sqrt(3)
    assert (pair.cosine.low, pair.cosine.high) == pytest.approx((0.3 - half, 0.3 + half), rel=1e-4)
    assert [own.mean for own in pair.own] == pytest.approx([0.6, 0.7])
    assert pair.below.mean == pytest.approx(0.3)
    assert (pair.conflict, pair.own_conflict) == (0.25, (0.125, 0.5))
    assert pair.norm_ratio == pytest.approx(4.0)
    assert [one.mean for one in pair.affinity] == pytest.approx([0.02, -0.01])
    assert [one.mean for one in pair.own_affinity] == pytest.approx([0.03, 0.04])
    assert pair.level == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("cosines", "reading", "told"),
    [
        (spread(-0.3, 0.4, 0.5), "conflict", "in joint pull against each other: cosine of their"),
        (spread(0.4, 0.4, 0.5), "agree", "show no more conflict than two halves of one task's"),
        (spread(0.2, 0.4, 0.5), "agree less", "agree, but less than two halves of one task's"),
        (spread(0.0, 0.4, 0.5), "unrelated", "neither agree nor conflict beyond what chance gives"),
        (spread(0.0, 0.0, 0.0), "open", "in joint: the data does not say whether they agree"),
        (spread(0.0, 0.4, 0.5, sd=0.6), "open", "in joint: the data does not say"),
        # "hardly any conflict" at a cosine of −0.02 is conflict, where the noise is small
        (spread(-0.02, 0.03, 0.03, sd=0.001), "conflict", "pull against each other"),
        (spread(0.4, 0.4, 0.5, seeds=2), "too few seeds", "in joint: too few seeds to say"),
    ],
)
def test_readings(cosines, reading, told):
    (pair,) = evidence.task_pairs(results(cosines))
    assert pair.reading == reading
    (said,) = evidence.pair_sentences([pair])
    assert told in said
    assert said.startswith("ranking and retrieval in joint")


def test_a_sentence_in_whole():
    rows = [(0.38, 0.4, 0.5), (0.4, 0.4, 0.5), (0.42, 0.4, 0.5)]
    (said,) = evidence.pair_sentences(evidence.task_pairs(results(rows)))
    assert said == (
        "ranking and retrieval in joint show no more conflict than two halves of one task's batch: "
        "cosine of their gradients 0.400 [0.328, 0.472], of two halves of one task's batch 0.40 "
        "[0.40, 0.40] and 0.50 [0.50, 0.50] (3 seeds); a step on ranking alone takes 2.0 [2.0,"
        " 2.0] % of the loss of retrieval, one on retrieval −1.0 [−1.0, −1.0] % of that of ranking"
    )


def test_what_is_read_is_right_together_in_95_percent_where_nothing_is_there():
    """Gradients of pure noise, of six pairs: hardly ever a claim of any pair."""
    rng = np.random.default_rng(0)
    tasks = "abcd"
    wrong = 0
    pairs = [f"{a}|{b}" for n, a in enumerate(tasks) for b in tasks[n:]]
    made = record("joint", 0, tasks=("ranking", "retrieval"))
    answer = made.answer.model_copy(update={"trained_tasks": tuple(tasks)})
    for _ in range(200):
        runs = [
            made.model_copy(
                update={
                    "answer": answer,
                    "seed": seed,
                    "diagnostics": (
                        {
                            "epoch": 1,
                            "half_cosines": dict(zip(pairs, rng.normal(size=10), strict=True)),
                            "half_conflicts": dict.fromkeys(pairs, 0.5),
                        },
                    ),
                }
            )
            for seed in range(4)
        ]
        scenario = evidence.Scenario("joint", answer, dict(enumerate(runs)), {})
        only = Results(tuple(runs))
        only.__dict__["measured"] = {"joint": scenario}
        found = evidence.task_pairs(only)
        wrong += any(one.reading in ("conflict", "agree", "agree less") for one in found)
    assert len(found) == 6
    assert wrong / 200 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_runs_that_were_not_looked_at_have_no_pairs():
    plain = [record("joint", seed) for seed in range(3)]
    assert evidence.task_pairs(Results.of(plain)) == []
    assert "pairs" not in markdown(summarize(Results.of(plain)))
    strange = {"epoch": 1, "half_cosines": 3, "affinity": {"a>b": 0.1}}
    odd = [record("joint", seed, diagnostics=[strange]) for seed in range(3)]
    assert evidence.task_pairs(Results.of(odd)) == []


def test_the_report_has_the_sentence_and_the_page_the_matrix():
    found = results(spread(0.2, 0.4, 0.5))
    summary = summarize(found)
    (said,) = summary.why
    assert f"## pairs of tasks\n\n- {said}." in markdown(summary)
    assert said.split(":")[0] in to_json(summary)
    text = page(found)
    assert 'id="cosines-0"' in text
    assert 'id="affinity-0"' in text
    (pair,) = evidence.task_pairs(found)
    for shown in (pair.cosine, *pair.own):
        assert estimate_text(shown) in text
    assert "25 % negative" in text
    for percent in ("2.0", "−1.0", "3.0", "4.0"):
        assert f">{percent} [" in text
    assert "norms 2" in text
    assert "norms 0.5" in text
