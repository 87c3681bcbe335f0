"""The vector of a side's id and features, by hand."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import mtbench
from mtbench.kit.features import FeatureTower, quantile_boundaries

GENRES = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]], np.uint8)
AGES = np.array([10, 20, 30, 60], np.float32)  # mean 30, variance 350
GIVEN = np.array([[0, 4], [0, -4], [6, 0], [2, 0]], np.float32)  # mean (2, 0), mean square 7
COLUMNS = {
    "job": mtbench.Feature("categorical", np.array([1, 0, 1, 0], np.int32), np.array(["", "x"])),
    "age": mtbench.Feature("numeric", AGES),
    "genres": mtbench.Feature("multi_hot", GENRES, np.array(["a", "b", "c"])),
    "given": mtbench.Feature("vector", GIVEN),
}
SIDE = mtbench.Features("user id", {"user id": 4, "job": 2, "genres": 3}, COLUMNS)
IDS = np.array([2, 0, 1, 3])


class Vector(FeatureTower):
    """The vector itself."""

    name = "vector"

    def build(self, features, tasks):
        inputs = self.inputs(features)
        return tf.keras.Model(inputs, self.vector(inputs, features))


def rows(ids):
    """What the model gathers for some ids."""
    return {
        "user id": tf.constant(ids, tf.int32),
        "job": tf.constant(COLUMNS["job"].values[ids]),
        "age": tf.constant(AGES[ids]),
        "genres": tf.constant(GENRES[ids], tf.float32),
        "given": tf.constant(GIVEN[ids]),
    }


def embed(**options):
    """The layer with weights 1, 2, 3, … and its output for `IDS`."""
    layer = Vector(**options).build(SIDE, ())
    first = 1
    for weight in layer.weights:
        size = weight.shape.num_elements()
        weight.assign(np.arange(first, first + size, dtype=np.float32).reshape(weight.shape))
        first += size
    known = rows(IDS)
    output = layer({name: known[name] for name in layer.input_names})
    assert output.dtype == tf.float32
    return layer, output.numpy()


def test_the_id_alone():
    _, found = embed(id_dim=2, features=())
    assert found.tolist() == [[5, 6], [1, 2], [3, 4], [7, 8]]


def test_a_categorical_feature():
    _, found = embed(id_dim=0, features=["job"], feature_dim=3)
    assert found.tolist() == [[4, 5, 6], [4, 5, 6], [1, 2, 3], [1, 2, 3]]


def test_a_numeric_feature_is_standardised_over_all_ids():
    _, found = embed(id_dim=0, features=["age"])
    np.testing.assert_allclose(found, np.array([[0], [-20], [-10], [30]]) / 350**0.5, rtol=1e-6)


def test_a_numeric_feature_that_is_constant_is_0():
    side = mtbench.Features("id", {"id": 2}, {"x": mtbench.Feature("numeric", np.float32([7, 7]))})
    layer = Vector(id_dim=0).build(side, ())
    assert layer({"id": tf.constant([0]), "x": tf.constant([7.0])}).numpy().tolist() == [[0]]


def test_a_numeric_feature_in_two_buckets():
    """Ten and twenty, thirty and sixty."""
    _, found = embed(id_dim=0, features=["age"], num_buckets=2, feature_dim=2)
    assert found.tolist() == [[3, 4], [1, 2], [1, 2], [3, 4]]


def test_buckets_by_name():
    _, found = embed(id_dim=0, features=["age"], buckets={"age": 2}, dims={"age": 1})
    assert found.tolist() == [[2], [1], [1], [2]]
    _, found = embed(id_dim=0, features=["age"], num_buckets=9, buckets={"age": 0})
    assert found[0, 0] == 0


def test_a_multi_hot_feature_is_a_sum_or_a_mean():
    """Rows (1, 2), (3, 4) and (5, 6); none of them for id 1."""
    _, found = embed(id_dim=0, features=["genres"], feature_dim=2, multi_hot="sum")
    assert found.tolist() == [[3, 4], [6, 8], [0, 0], [9, 12]]
    _, found = embed(id_dim=0, features=["genres"], feature_dim=2)
    assert found.tolist() == [[3, 4], [3, 4], [0, 0], [3, 4]]


def test_a_given_vector_keeps_its_directions():
    """Centred, and divided by one number for all of it."""
    _, found = embed(id_dim=0, features=["given"])
    np.testing.assert_allclose(found, (GIVEN[IDS] - [2, 0]) / 7**0.5, rtol=1e-6)
    _, mapped = embed(id_dim=0, features=["given"], dims={"given": 3})
    np.testing.assert_allclose(mapped, found @ [[1, 2, 3], [4, 5, 6]], rtol=1e-6)
    with pytest.raises(mtbench.MtbenchError, match="expected numeric features, found 'given'"):
        embed(features=["given"], buckets={"given": 2})
    same = mtbench.Feature("vector", np.ones((3, 2), np.float32))
    layer = Vector(id_dim=0).build(mtbench.Features("id", {"id": 3}, {"x": same}), ())
    assert layer({"id": tf.constant([0]), "x": tf.ones([1, 2])}).numpy().tolist() == [[0, 0]]


def test_all_of_them_stand_in_their_order():
    layer, found = embed(id_dim=2, dims={"job": 1, "genres": 3}, features=["job", "age", "genres"])
    assert set(layer.input_names) == {"user id", "job", "age", "genres"}
    assert found.shape == (4, 2 + 1 + 1 + 3)
    tables = {weight.shape[0]: weight.numpy() for weight in layer.weights}
    assert found[:, :2].tolist() == tables[4][IDS].tolist()
    assert found[:, 2:3].tolist() == tables[2][COLUMNS["job"].values[IDS]].tolist()
    np.testing.assert_allclose(found[:, 3], (AGES[IDS] - 30) / 350**0.5, rtol=1e-6)
    assert found[:2, 4:].tolist() == [tables[3][1].tolist(), tables[3][[0, 2]].mean(0).tolist()]
    _, other = embed(id_dim=0, features=["genres", "age"], feature_dim=2)
    assert other[:, 2].tolist() == found[:, 3].tolist()
    assert other[2, :2].tolist() == [0, 0]


def test_a_side_without_features():
    side = mtbench.Features("id", {"id": 3})
    layer = Vector(id_dim=5).build(side, ())
    assert layer({"id": tf.constant([2, 2])}).shape == (2, 5)


@settings(max_examples=30)
@given(
    st.integers(0, 4),
    st.lists(st.sampled_from(sorted(COLUMNS)), unique=True),
    st.integers(1, 4),
    st.dictionaries(st.sampled_from(["job", "genres", "given"]), st.integers(1, 4)),
    st.integers(0, 3),
)
def test_its_length_is_the_sum(id_dim, features, feature_dim, dims, num_buckets):
    dims = {name: dim for name, dim in dims.items() if name in features}
    lengths = {"given": 2, **({} if num_buckets else {"age": 1}), **dims}
    expected = id_dim + sum(lengths.get(name, feature_dim) for name in features)
    options = Vector(
        id_dim=id_dim,
        features=features,
        feature_dim=feature_dim,
        dims=dims,
        num_buckets=num_buckets,
    )
    if not expected:
        with pytest.raises(mtbench.MtbenchError, match="an id or a feature to read, found neither"):
            options.build(SIDE, ())
    else:
        assert options.build(SIDE, ()).output_shape == (None, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ["ages"]}, r"features: unknown feature 'ages' \(did you mean 'age'\?\)"),
        ({"dims": {"jo": 2}}, r"dims: unknown feature 'jo' \(did you mean 'job'\?\)"),
        ({"features": [], "dims": {"job": 2}}, r"dims: unknown feature 'job' \(there is none\)"),
        ({"buckets": {"x": 2}}, r"buckets: unknown feature 'x' \(known: age, genres, given, job\)"),
        ({"buckets": {"job": 2}}, "expected numeric features, found 'job', which is categorical"),
        ({"dims": {"age": 2}}, "which is one number: bucketise it with `buckets: {age: 10}`"),
    ],
)
def test_what_does_not_suit_the_data_is_refused(options, message):
    with pytest.raises(mtbench.MtbenchError, match=f"tower 'vector': .*{message}"):
        Vector(**options).build(SIDE, ())


@pytest.mark.parametrize(
    "options",
    [{"id_dim": -1}, {"feature_dim": 0}, {"dims": {"job": 0}}, {"buckets": {"age": -1}}],
)
def test_options_that_make_no_vector_are_refused(options):
    with pytest.raises(ValidationError):
        Vector(**options)


def test_quantile_boundaries_by_hand():
    assert quantile_boundaries(np.float32([5, 1, 2, 3, 4]), 4).tolist() == [2, 3, 4]
    assert quantile_boundaries(np.float32([0, 0, 0, 0, 8]), 5).tolist() == [8]
    assert quantile_boundaries(np.float32([7, 7, 7]), 3).tolist() == []
    assert quantile_boundaries(np.float32([1, 2]), 1).tolist() == []


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=60),
    st.integers(1, 12),
)
def test_buckets_are_not_empty_and_of_about_equal_size(values, num_buckets):
    values = np.array(values, np.float32)
    boundaries = quantile_boundaries(values, num_buckets)
    assert boundaries.dtype == np.float32
    sizes = np.bincount(np.searchsorted(boundaries, values, side="right"))
    assert len(sizes) == len(boundaries) + 1 <= num_buckets
    assert sizes.min() > 0
    if len(np.unique(values)) == len(values) >= num_buckets:
        assert len(sizes) == num_buckets
        assert sizes.max() - sizes.min() <= 2


def test_two_builds_differ_in_nothing_but_their_weights():
    first, second = (Vector(num_buckets=2).build(SIDE, ()) for _ in range(2))
    assert not np.array_equal(first(rows(IDS)), second(rows(IDS)))
    second.set_weights(first.get_weights())
    assert np.array_equal(first(rows(IDS)), second(rows(IDS)))


def test_by_id_unless_there_is_dropout():
    assert Vector().by_id
    assert not Vector(dropout=0.1).by_id
