"""Datasets, splits and towers."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from made import interactions
from pydantic import ValidationError

import mtbench
from mtbench_plugins.datasets.movielens import MovieLens
from mtbench_plugins.datasets.synthetic import Cascade, Synthetic, _draw, _shares, _smallest
from mtbench_plugins.splits.random import Random
from mtbench_plugins.towers.mlp import MLP


@pytest.fixture(scope="module")
def synthetic():
    return Synthetic().load()


def test_synthetic_has_the_shape_of_movielens(synthetic):
    rows = synthetic.interactions
    assert (len(rows), rows.num_queries, rows.num_candidates) == (100_000, 943, 1682)
    assert synthetic.synthetic
    assert set(rows.columns["user_rating"]) == {1, 2, 3, 4, 5}
    pairs = rows.query.astype(np.int64) * rows.num_candidates + rows.candidate
    assert len(np.unique(pairs)) == 100_000
    counts = np.sort(np.bincount(rows.candidate, minlength=1682))[::-1]
    assert 0.3 < counts[:168].sum() / 100_000 < 0.7
    assert (np.diff(rows.columns["timestamp"]) >= 0).all()


def test_synthetic_is_decided_by_its_options(synthetic):
    assert Synthetic().load().fingerprint == synthetic.fingerprint
    assert Synthetic(seed=1).load().fingerprint != synthetic.fingerprint


def test_items_are_drawn_as_by_sorting_them_all():
    """Gumbel noise on the logits, largest first: not one bit else, so that results stay."""
    logits = np.random.default_rng(1).normal(size=(7, 50)).astype(np.float32)
    counts = np.array([3, 0, 50, 1, 7, 20, 49])
    noise = np.random.default_rng(0).standard_exponential(logits.shape, dtype=np.float32)
    keys = logits - np.log(noise + np.finfo(np.float32).tiny)
    order = np.argsort(-keys, axis=1, kind="stable")
    expected = np.concatenate([row[:n] for row, n in zip(order, counts, strict=True)])
    found = _draw(np.random.default_rng(0), logits, counts)
    np.testing.assert_array_equal(found, expected)


def test_features_and_holes_change_nothing_else(synthetic):
    features = {"group": {"form": "categorical"}}
    data = Synthetic(missing_label=0.3, query_features=features).load()
    rating = synthetic.interactions.columns["user_rating"]
    found = data.interactions.columns["user_rating"]
    missing = np.isnan(found)
    assert 0.28 < missing.mean() < 0.32
    np.testing.assert_array_equal(found[~missing], rating[~missing])
    for name in ("query", "candidate", "timestamp"):
        column = data.interactions.columns[name]
        np.testing.assert_array_equal(column, synthetic.interactions.columns[name])


def test_synthetic_features_follow_the_latent_vectors():
    """A user's group says what they watch; an item's genres say who watches it."""
    forms = {name: {"form": name, "num_values": 4} for name in ("categorical", "multi_hot")}
    forms["numeric"] = {"form": "numeric"}
    data = Synthetic(
        num_users=400, num_items=100, num_ratings=8000, latent_dim=2, popularity_exponent=0,
        query_features=forms, candidate_features=forms,
    ).load()  # fmt: skip
    for side in (data.query, data.candidate):
        assert {name: feature.form for name, feature in side.features.items()} == {
            name: name for name in forms
        }
        assert len(side.features["categorical"].names) == 4
        assert side.features["multi_hot"].values.sum(axis=1).min() >= 1
        assert len(np.unique(side.features["numeric"].values)) > 10
    group = data.query.features["categorical"].values[data.interactions.query]
    genres = data.candidate.features["multi_hot"].values[data.interactions.candidate]
    shares = np.array([genres[group == n].mean(axis=0) for n in range(4)])
    assert (shares.max(axis=0) / shares.min(axis=0)).max() > 3


def test_a_feature_does_not_depend_on_the_others():
    one, two = {"age": {"form": "numeric"}}, {"a": {}, "age": {"form": "numeric"}}
    small = {"num_users": 30, "num_items": 40, "num_ratings": 300}
    alone, beside = (
        Synthetic(**small, query_features=features).load().query.features["age"]
        for features in (one, two)
    )
    np.testing.assert_array_equal(alone.values, beside.values)


@given(
    st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 5.5]), min_size=1, max_size=12),
    st.integers(0, 12),
)
def test_smallest(keys, number):
    keys, number = np.array(keys, np.float32), min(number, len(keys))
    expected = np.argsort(keys, kind="stable")[:number]
    np.testing.assert_array_equal(_smallest(keys, number), expected)


def test_synthetic_ratings_follow_preferences():
    """Without noise and with one latent dimension two like-minded users agree more."""
    data = Synthetic(num_users=60, num_items=50, num_ratings=2500, latent_dim=1, noise=0).load()
    table = np.full((60, 50), np.nan)
    rows = data.interactions
    table[rows.query, rows.candidate] = rows.columns["user_rating"]
    table -= np.nanmean(table, axis=0)
    gram = np.ma.corrcoef(np.ma.masked_invalid(table)).filled(0)
    assert np.abs(gram[np.triu_indices(60, 1)]).mean() > 0.4


def test_synthetic_refuses_what_does_not_fit():
    with pytest.raises(ValidationError, match="at most num_users × num_items = 6 ratings"):
        Synthetic(num_users=2, num_items=3, num_ratings=7)
    assert len(Synthetic(num_users=2, num_items=3, num_ratings=6).load().interactions) == 6


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8), st.integers(1, 20), st.floats(0, 1))
def test_shares(weights, most, share):
    total = round(share * most * len(weights))
    found = _shares(np.array(weights), total, most)
    assert found.sum() == total
    assert found.min() >= 0
    assert found.max() <= most


@given(st.integers(0, 1000), st.floats(0.01, 0.99), st.integers(2, 60))
def test_random_split(seed, share, size):
    rows = interactions(range(size), range(size), size, size)
    sides = [mtbench.Side(name, np.arange(size).astype(str)) for name in rows.columns]
    data = mtbench.Data(*sides, rows, "made")
    train, test, _ = Random(test_share=share).build(data, seed)
    assert sorted([*train, *test]) == list(range(size))
    assert len(test) == min(max(round(size * share), 1), size - 1)


def test_random_split_follows_the_seed(synthetic):
    first, again, other = (Random().build(synthetic, seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert 0.1 < len(np.intersect1d(first, other)) / len(first) < 0.3


@pytest.mark.parametrize(("units", "dropout"), [((), 0.0), ((64,), 0.5)])
def test_mlp(units, dropout):
    tf.keras.utils.set_random_seed(0)
    tower = MLP(embedding_dim=3, id_dim=4, units=units, dropout=dropout)
    assert tower.by_id == (dropout == 0)
    layer = tower.build(mtbench.Features("user_id", {"user_id": 9}), ["ranking"])
    ids = {"user_id": tf.constant([0, 8, 0])}
    output = layer(ids, training=False).numpy()
    assert output.shape == (3, 3)
    np.testing.assert_array_equal(output[0], output[2])
    weights = [w.shape for w in layer.trainable_weights]
    sizes = [4, *units, 3]
    dense = [shape for n, m in itertools.pairwise(sizes) for shape in ((n, m), (m,))]
    assert weights == [(9, 4), *dense]
    trained = layer(ids, training=True).numpy()
    assert np.array_equal(trained[0], trained[2]) == (dropout == 0)


@pytest.mark.realdata
@pytest.mark.parametrize(("candidate", "number"), [("title", 1664), ("id", 1682)])
def test_movielens(data_dir, monkeypatch, candidate, number):
    monkeypatch.setenv("TFDS_DATA_DIR", data_dir)
    dataset = MovieLens(candidate=candidate)
    dataset.require()
    data = dataset.load()
    rows = data.interactions
    assert (len(rows), rows.num_queries, rows.num_candidates) == (100_000, 943, number)
    ratings = rows.columns["user_rating"]
    assert (ratings.min(), ratings.max(), ratings.dtype) == (1, 5, np.float32)
    assert np.unique(rows.candidate).size == number  # every movie has a rating
    assert dataset.source_digest() == MovieLens(candidate=candidate).source_digest()
    assert not data.synthetic


@pytest.mark.realdata
def test_bring_the_archive(data_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    archive = tmp_path / "mine.zip"
    shutil.copy(Path(data_dir) / "downloads" / "manual" / "ml-100k.zip", archive)
    target = MovieLens.bring(archive)
    assert target == tmp_path / "data" / "downloads" / "manual" / "ml-100k.zip"
    assert target.read_bytes() == archive.read_bytes()
    assert MovieLens.bring(target) == target
    MovieLens().require()
    altered = tmp_path / "ml-100k.zip"
    altered.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(mtbench.DataError, match="expected SHA-256 50d2a982"):
        MovieLens.bring(altered)
    target.write_bytes(altered.read_bytes())
    with pytest.raises(mtbench.DataError, match="is not the official archive"):
        MovieLens().source_digest()
    assert MovieLens.bring(Path(__file__)) is None


def test_what_cannot_be_had_is_said_with_the_ways_out(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(MovieLens, "_in_reach", lambda self: False)
    with pytest.raises(mtbench.DataError) as caught:
        MovieLens(config="1m").require()
    for way in ("--data-dir DIR or TFDS_DATA_DIR", "mtbench data import ml-1m.zip", "--synthetic"):
        assert way in str(caught.value)


def test_a_server_that_does_not_answer_is_out_of_reach(monkeypatch, tmp_path):
    import urllib.request

    def refuse(request, timeout):
        assert request.full_url.endswith("/ml-100k.zip")
        assert timeout <= 5
        raise OSError

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    assert MovieLens()._in_reach() is False


@pytest.mark.parametrize("config", ["100k", "1m", "20m", "25m", "latest-small"])
def test_every_config_has_a_stand_in(registry, config):
    spec = dict(MovieLens(config=config).stand_in())
    assert registry.find("dataset", spec.pop("name"))(**spec).num_ratings > 99_999


def cascade(**options):
    return Synthetic(num_users=200, num_items=150, num_ratings=12_000, cascade=options).load()


def logit(p):
    p = p.astype(float)
    return np.log(p / (1 - p))


def test_a_cascade_changes_nothing_else():
    plain = Synthetic(num_users=30, num_items=40, num_ratings=300)
    with_cascade = plain.model_copy(update={"cascade": Cascade()})
    one, two = plain.load(), with_cascade.load()
    for name, column in one.interactions.columns.items():
        np.testing.assert_array_equal(column, two.interactions.columns[name])
    assert one.fingerprint != two.fingerprint
    assert "cascade" not in plain.options()
    assert Synthetic(**with_cascade.options()) == with_cascade


@pytest.mark.parametrize(("selection", "relatedness"), [(3.0, 0.5), (0.0, 0.5), (1.0, -0.8)])
def test_the_truth_of_a_cascade(selection, relatedness):
    """Rates, spreads and correlation are those of the options; what is drawn is drawn by them."""
    found = cascade(selection=selection, relatedness=relatedness, click_rate=0.3, buy_rate=0.1)
    columns = found.interactions.columns
    click, buy = columns["click_probability"], columns["buy_probability"]
    assert click.mean() == pytest.approx(0.3, abs=1e-5)
    assert buy.mean() == pytest.approx(0.1, abs=1e-5)
    assert logit(click).std() == pytest.approx(selection, abs=1e-3)
    assert logit(buy).std() == pytest.approx(1.5, abs=1e-3)
    if selection:
        correlation = np.corrcoef(logit(click), logit(buy))[0, 1]
        assert correlation == pytest.approx(relatedness, abs=1e-3)
    for label, p in (("click", click), ("would_buy", buy)):
        error = np.sqrt(np.sum(p * (1 - p)))  # rows stay beside their own probabilities
        for rows in (p >= 0, p >= np.median(p), p <= np.median(p)):
            assert abs(np.sum(columns[label][rows] - p[rows])) < 5 * error
    np.testing.assert_array_equal(columns["buy"], columns["click"] * columns["would_buy"])


def test_the_truth_of_behaviours():
    """Rates, spreads, correlation and share of labels are those of the options."""
    options = {"view": {"rate": 0.4, "spread": 1.5}, "buy": {"relatedness": -0.7, "labelled": 0.3},
               "cart": {"relatedness": 0.0}}  # fmt: skip
    plain = Synthetic(num_users=200, num_items=150, num_ratings=12_000)
    made = Synthetic.model_validate({**plain.options(), "behaviours": options})
    columns, without = made.load().interactions.columns, plain.load().interactions.columns
    for name, column in without.items():
        np.testing.assert_array_equal(column, columns[name])
    assert "behaviours" not in plain.options()
    assert Synthetic(**made.options()) == made
    logits = {name: logit(columns[f"{name}_probability"]) for name in options}
    for one, other, rho in (("view", "buy", -0.7), ("view", "cart", 0.0)):
        assert np.corrcoef(logits[one], logits[other])[0, 1] == pytest.approx(rho, abs=1e-3)
    for name, rate, spread, labelled in (("view", 0.4, 1.5, 1), ("buy", 0.3, 2, 0.3)):
        p, done = columns[f"{name}_probability"], columns[name]
        assert p.mean() == pytest.approx(rate, abs=1e-5)
        assert logits[name].std() == pytest.approx(spread, abs=1e-3)
        known = ~np.isnan(done)
        assert known.mean() == pytest.approx(labelled, abs=0.02)
        for rows in (p >= np.median(p), p <= np.median(p)):
            here = rows & known
            error = np.sqrt(np.sum(p[here] * (1 - p[here])))
            assert abs(np.sum(done[here] - p[here])) < 5 * error


def test_a_behaviour_does_not_depend_on_the_others():
    few, more = (
        Synthetic(num_users=30, num_items=40, num_ratings=300, behaviours=behaviours).load()
        for behaviours in ({"buy": {}}, {"view": {"relatedness": 0.5}, "buy": {}})
    )
    for name in ("buy", "buy_probability"):
        ours, theirs = (data.interactions.columns[name] for data in (few, more))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["user_rating", "timestamp", "click", "would_buy", "a b", ""])
def test_a_behaviour_has_a_name_of_its_own(name):
    with pytest.raises(ValueError, match="expected behaviours of names that no other column has"):
        Synthetic(cascade=Cascade(), behaviours={name: {}})


def test_selection_decides_what_is_known_of_purchases():
    """Where clicks choose, the share of what would be bought is another one among them."""
    for selection, gap in ((0.0, 0.0), (4.0, 0.25)):
        columns = cascade(selection=selection, relatedness=0.9).interactions.columns
        among = columns["buy_probability"][columns["click"] == 1].mean()
        assert among - columns["buy_probability"].mean() == pytest.approx(gap, abs=0.04)
