"""Context of interactions: what it is in the data, in towers, in what is scored, and later."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from made import interactions

import mtbench
from mtbench.cli.main import main
from mtbench.data.context import SITUATION
from mtbench.data.encoding import Raw
from mtbench.data.store import load_data
from mtbench.metrics import Lists
from mtbench.metrics.requests import ByRequest, OfRequests
from mtbench_plugins.datasets.table import Table

ROWS = [(f"u{u}", f"i{(3 * u + n) % 8}", (u + n) % 5 + 1, "pd"[n % 2], n) for u in range(12)
        for n in range(6)]  # fmt: skip
SUITE = """
name: context
dataset:
  name: table
  path: rows.csv
  columns: {user_rating: rating}
  context: {device: categorical, hour: numeric}
split: {name: random, test_share: 0.3}
towers:
  query: {name: feature, embedding_dim: 4, id_dim: 4, units: [], context: [device, hour]}
  candidate: {name: embedding, embedding_dim: 4}
tasks:
  ranking: {interaction: dot}
  retrieval: {measures: [top_k, ndcg, coverage], top_k: [2], loss: full_softmax}
  click: {}
scenarios: {joint: {tasks: [ranking, retrieval, click], weighting: equal}}
train: {epochs: 2, batch_size: 16}
seeds: 1
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [",".join(map(str, row)) for row in ROWS]
    (tmp_path / "rows.csv").write_text("\n".join(["user_id,item_id,rating,device,hour", *lines]))
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path


def table(**options):
    return Table(path="rows.csv", columns={"user_rating": "rating"}, **options)


def test_what_it_is_in_the_data(folder):
    data = table(context={"device": "categorical", "hour": "numeric"}).load()
    columns = data.interactions.columns
    assert data.context["device"].names.tolist() == ["d", "p"]
    np.testing.assert_array_equal(columns["device"], [row[3] == "p" for row in ROWS])
    np.testing.assert_array_equal(columns["hour"], np.float32([row[4] for row in ROWS]))
    keys = [*zip(columns["query"], columns["device"], columns["hour"], strict=True)]
    for (one, a), (other, b) in itertools.combinations(
        zip(keys, columns[SITUATION], strict=True), 2
    ):
        assert (one == other) == (a == b)
    plain = table().load()
    assert SITUATION not in plain.interactions.columns
    assert not plain.context
    assert len({plain.fingerprint, data.fingerprint}) == 2


def test_names_of_a_context_are_part_of_the_fingerprint():
    made = [
        mtbench.Data.encode(
            ("u", np.array(["a", "b"])), ("i", np.array(["x", "y"])), {}, "made"
        ).with_context({"device": Raw("categorical", np.array(values))})
        for values in (["p", "q"], ["p", "r"], ["p", "q"])
    ]  # fmt: skip
    first, other, again = (data.fingerprint for data in made)
    assert first == again != other


def test_the_cache_and_filters_keep_it(folder, registry):
    dataset = table(
        context={"device": "categorical"}, filters={"labels": {"user_rating": {"least": 3}}}
    )
    first, second = (load_data(dataset, registry.identity(dataset)) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert second.context["device"].names.tolist() == ["d", "p"]
    np.testing.assert_array_equal(
        second.context["device"].values, second.interactions.columns["device"]
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"context": {"query": "numeric"}}, "expected a name of your own, found 'query'"),
        ({"context": {"item_id": "categorical"}}, "'item_id' is that of ids"),
        ({"context": {"rating": "numeric"}}, "'rating' is a label, a time or a part"),
        ({"context": {"device": "multi_hot"}}, "'categorical' or 'numeric'"),
    ],
)
def test_what_is_no_context(folder, options, told):
    with pytest.raises(ValueError, match=told):
        table(**options)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["towers.query.context=[devise]"], "has no 'devise' that is known of an interaction "),
        (["towers.query.context=[devise]"], "before its outcome (did you mean 'device'?)"),
        (["towers.query.context=[user_rating]"], "has no 'user_rating'"),
        (["towers.candidate={name: feature, embedding_dim: 4, context: [hour]}"],
         "expected a tower of the catalogue alone, found one that reads 'hour'"),
        (["dataset.context={}"], "has no 'device'"),
        (["dataset.context={hour: categorical, device: numeric}"], "expected a finite number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(folder, capsys, overrides, told):
    words = itertools.chain.from_iterable(("-o", each) for each in overrides)
    assert main(["run", "suite.yaml", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not [*(folder / "results").rglob("*.json")]


# lists of requests


def parts():
    """Two queries; the first asks twice, for the candidates 0 and 1, and has had 3."""
    known = interactions([0, 1, 1], [3, 0, 2], 2, 4)
    test = interactions([0, 0, 1], [0, 1, 3], 2, 4, situation=np.array([5, 2, 9], np.int32))
    return known, test


def test_requests_have_what_their_query_has_had():
    known, test = parts()
    requests = ByRequest(test)
    assert requests.test.query.tolist() == [1, 0, 2]
    had = requests.known(known)
    assert sorted(zip(had.query.tolist(), had.candidate.tolist(), strict=True)) == [
        (0, 3), (1, 3), (2, 0), (2, 2)
    ]  # fmt: skip
    np.testing.assert_array_equal(requests.by_query(np.array([1.0, 0.0, np.nan])), [0.5, np.nan])


SCORES = {5: [4.0, 3, 2, 1], 2: [4.0, 3, 2, 1], 9: [1.0, 2, 3, 4]}


def test_each_request_has_a_list_of_its_own():
    """By hand: candidate 0 is first in one, 1 second in the other, where both would be one list."""
    known, test = parts()
    lists = Lists(("top_k", "ndcg"), (1, 2), ("removed",))
    scores = OfRequests(lambda numbers: np.array([SCORES[n] for n in numbers]))
    found = lists.score(scores, known, known, test)
    second = 1 / np.log2(3)
    assert found.metrics["top_1_seen_removed"] == pytest.approx(2 / 3)
    assert found.metrics["ndcg_2_seen_removed"] == pytest.approx((1 + second + 1) / 3)
    np.testing.assert_allclose(found.by_query["ndcg_2_seen_removed"], [(1 + second) / 2, 1])
    # without a context both are relevant to one list
    plain = interactions([0, 0, 1], [0, 1, 3], 2, 4)
    by_query = lambda ids: np.array([[SCORES[5], SCORES[9]][q] for q in ids])  # noqa: E731
    assert lists.score(by_query, known, known, plain).metrics["ndcg_2_seen_removed"] == 1
    # scores of queries serve all their requests
    again = lists.score(by_query, known, known, test).metrics
    assert again["ndcg_2_seen_removed"] == found.metrics["ndcg_2_seen_removed"]


def test_a_random_order_expects_of_requests_what_it_does_of_queries():
    known, test = parts()
    chance = Lists(("ndcg", "top_k"), (1,), ("removed",)).chance(known, known, test)
    assert chance["top_1_seen_removed"] == pytest.approx((1 / 3 + 1 / 3 + 1 / 2) / 3)


# towers and models


def test_a_run_and_its_model(folder):
    """What a context changes, it changes in scoring too; a saved model has to be told it."""
    options = {"results": folder / "results", "save_models": True, "progress": False}
    (record,) = mtbench.run("suite.yaml", **options).records
    assert record.metrics["retrieval"].keys() >= {"ndcg_2_seen_removed", "coverage_2_seen_removed"}
    model = mtbench.load_model(folder / "results" / "context", record.run_id)
    assert model.evaluate() == record.metrics
    phone, desk = ({"device": [kind], "hour": [2.0]} for kind in "pd")
    one, other = (model.embed_users(["u1"], context=each) for each in (phone, desk))
    assert np.abs(one - other).max() > 1e-4
    both = {"device": ["p", "d"], "hour": [2.0, 2.0]}
    np.testing.assert_array_equal(
        model.predict(["u1", "u1"], ["i1", "i1"], context=both),
        [
            *model.predict(["u1"], ["i1"], context=phone),
            *model.predict(["u1"], ["i1"], context=desk),
        ],
    )
    assert model.recommend(["u1", "u1"], 3, context=both).shape == (2, 3)
    with pytest.raises(mtbench.MtbenchError, match="the model reads 'device': expected a value"):
        model.recommend(["u1"])
    with pytest.raises(mtbench.MtbenchError, match="unknown name 'devise'"):
        model.recommend(["u1"], context={"devise": ["p"]})
    with pytest.raises(mtbench.MtbenchError, match=r"expected one of 'd', 'p', found 'q'"):
        model.recommend(["u1"], context={"device": ["q"], "hour": [1.0]})


def test_scores_are_those_of_each_rows_own_context(folder, registry):
    """Against the embeddings of rows, one by one."""
    from mtbench.plugin.view import TestView
    from mtbench.suite.reader import load_suite
    from mtbench.train.model import MultiTaskModel

    suite = load_suite(folder / "suite.yaml", registry)
    data = load_data(suite.dataset, registry.identity(suite.dataset))
    rows = suite.split.build(data, 0)
    train, test = (data.interactions.take(part) for part in (rows.train, rows.test))
    tf.keras.utils.set_random_seed(0)
    model = MultiTaskModel(suite.setup("joint"), data)
    view = TestView(model, "retrieval", train, test)
    assert len(view.query_embeddings) == len(np.unique(view.test.columns[SITUATION]))
    (batch,) = model.batches(view.test.columns, ("retrieval",)).values()
    np.testing.assert_array_equal(view.query_embeddings[view.request], batch.query.expand())
    np.testing.assert_array_equal(view.askers[view.request], view.test.query)
    scores = view.dot_scores()(view.test.columns[SITUATION][:5])
    expected = batch.query.expand().numpy()[:5] @ view.catalogue.T
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
