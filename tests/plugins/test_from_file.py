"""Scores, ranks and predictions of another tool: by hand, what is refused, and the command."""

import re

import numpy as np
import pytest
from made import interactions

import mtbench
from mtbench.cli.main import main
from mtbench.metrics import Lists
from mtbench.records.results import Results
from mtbench_plugins.baselines.from_file import FromFile

SIDES = tuple(
    mtbench.Side(key, np.array([f"{letter}{n}" for n in range(size)]))
    for key, letter, size in (("user_id", "u", 3), ("item_id", "i", 4))
)
ROWS = interactions([0, 1], [0, 1], 3, 4)


@pytest.fixture
def fitted(tmp_path):
    def fit(text, seed=0, **options):
        path = tmp_path / "scores.csv"
        path.write_text(text)
        return FromFile(file=str(path), **options).fit_named(ROWS, None, seed, SIDES)

    return fit


def test_scores_by_hand(fitted):
    found = fitted("item_id,score,user_id\ni3,0.5,u0\ni0,0.25,u0\ni1,-7,u2\n")
    none = -np.inf
    expected = [[none, -7, none, none], [0.25, none, none, 0.5], [none] * 4]
    np.testing.assert_array_equal(found.scores(np.array([2, 0, 1])), expected)


def test_ranks_and_other_columns(fitted):
    found = fitted(
        "who,what,rank\nu0,i3,1\nu0,i0,2\n", query="who", candidate="what", column="rank",
        lowest_first=True,
    )  # fmt: skip
    assert np.argsort(-found.scores(np.array([0]))[0], kind="stable")[:2].tolist() == [3, 0]


def test_a_list_is_measured_as_any_scores_are(fitted):
    """Items that it leaves out come after it in random order: here two of them."""
    found = fitted("user_id,item_id,score\nu0,i3,2\nu0,i0,1\n")
    test = interactions([0, 0], [0, 1], 3, 4)
    lists = Lists(("recall",), (1, 2, 3, 4), ("kept",))
    values = lists.score(found.scores, ROWS, ROWS, test).metrics
    assert [*values.values()] == [0.0, 0.5, 0.75, 1.0]


def test_predictions_by_hand(fitted):
    found = fitted("user_id,item_id,score\nu0,i3,2\nu1,i1,4.5\n", gives_as="predictions")
    assert found.predictions(np.array([1, 0]), np.array([1, 3])).tolist() == [4.5, 2.0]
    with pytest.raises(mtbench.DataError) as caught:
        found.predictions(np.array([1, 0, 2]), np.array([1, 0, 2]))
    assert str(caught.value).endswith(
        "scores.csv: expected a prediction of every pair that is scored, found none of 2 of 3, "
        "such as 'u0' with 'i0'"
    )


def test_rows_of_each_seed(fitted):
    text = "user_id,item_id,score,fold\nu0,i0,1,0\nu0,i0,2,1\n"
    for seed, value in ((0, 1.0), (1, 2.0), (2, -np.inf)):
        found = fitted(text, seed, seed_column="fold")
        assert found.scores(np.array([0]))[0, 0] == value


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("u0,i0,1\nu9,i0,1\nu8,i0,2\n",
         "scores.csv:3: column 'user_id': expected an id of the data, found 'u9' (2 such rows)"),
        ("u0,x,1\n", "scores.csv:2: column 'item_id': expected an id of the data, found 'x'"),
        ("u0,i1,1\nu0,i0,1\nu0,i1,3\n",
         "scores.csv: expected each pair once, found 'u0' with 'i1' twice (1 such rows)"),
        ("u0,i1,1\nu0,i0,\n",
         "scores.csv:3: column 'score': expected a number, found nothing (1 such rows)"),
        ("u0,i1,high\n", "scores.csv:2: column 'score': expected a finite number, found 'high'"),
    ],
)  # fmt: skip
def test_what_is_refused(fitted, rows, said):
    with pytest.raises(mtbench.DataError, match=re.escape(said)):
        fitted("user_id,item_id,score\n" + rows)


def test_the_digest_of_the_file_is_among_the_options(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("user_id,item_id,score\nu0,i0,1\n")
    before = FromFile(file=str(path)).options()
    path.write_text("user_id,item_id,score\nu0,i0,2\n")
    assert FromFile(file=str(path)).options()["sha256"] != before["sha256"]
    with pytest.raises(mtbench.DataError, match=r"s\.csv: expected a file of SHA-256 \w+, found"):
        FromFile(**before).require()
    assert FromFile(file="absent.csv").options()["sha256"] is None
    with pytest.raises(mtbench.DataError, match=r"absent\.csv: no such file"):
        FromFile(file="absent.csv").require()


SUITE = """
name: ours
dataset: {name: table, path: all.csv, columns: {user_rating: rating, part: part}}
split: column
towers: {query: embedding, candidate: embedding}
tasks: {ranking: {}, retrieval: {top_k: [2]}}
scenarios: {all: {tasks: [ranking]}}
baselines: [item-knn]
train: {epochs: 1, batch_size: 64}
seeds: 1
"""


def test_the_command_gives_a_row_beside_ours(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [
        (n % 7, (3 * n + n // 7) % 5, 1 + n % 5, "test" if n % 5 == 4 else "train")
        for n in range(35)
    ]
    text = "".join(f"u{u},i{i},{r},{part}\n" for u, i, r, part in rows)
    (tmp_path / "all.csv").write_text("user_id,item_id,rating,part\n" + text)
    (tmp_path / "ours.yaml").write_text(SUITE)
    theirs = "".join(f"u{u},i{i},{r + 1}\n" for u, i, r, _ in rows)
    (tmp_path / "theirs.csv").write_text("user_id,item_id,score\n" + theirs)
    words = ["score", "ours.yaml", "--scores", "theirs.csv", "--name", "theirs"]
    assert main(words) == 2
    assert "expected --task, since tasks want different numbers" in capsys.readouterr().err
    assert main([*words, "--task", "clicks"]) == 2
    assert main([*words[:-1], "item-knn", "--task", "ranking"]) == 2
    capsys.readouterr()
    assert main([*words, "--task", "ranking", "--format", "csv"]) == 0
    assert "theirs" in capsys.readouterr().out
    results = Results.read(tmp_path / "results" / "ours")
    (record,) = results.baselines["theirs"].runs.values()
    assert record.metrics == {"ranking": {"rmse": 1.0, "mae": 1.0}}  # one too high everywhere
    assert record.answer.baseline.options["sha256"]
    assert main([*words, "--task", "ranking"]) == 0
    assert "1 of 1 runs are done already" in capsys.readouterr().err
