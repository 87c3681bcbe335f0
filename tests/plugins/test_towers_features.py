"""The feature tower and DCN-v2 against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

import mtbench
from mtbench_plugins.towers.dcn import DCN
from mtbench_plugins.towers.feature import FeatureMLP
from mtbench_plugins.towers.mlp import MLP

YEARS = np.float32([1990, 2000, 2010])
COLUMNS = {
    "year": mtbench.Feature("numeric", YEARS),
    "genres": mtbench.Feature(
        "multi_hot", np.uint8([[1, 1], [0, 1], [0, 0]]), np.array(["a", "b"])
    ),
}
SIDE = mtbench.Features("id", {"id": 3, "genres": 2}, COLUMNS)
ROWS = {
    "id": tf.constant([2, 0]),
    "year": tf.constant(YEARS[[2, 0]]),
    "genres": tf.constant([[0.0, 0.0], [1.0, 1.0]]),
}


def build(options):
    """A layer with random weights, and these by layer, in the order of its layers."""
    layer = options.build(SIDE, ["ranking"])
    rng = np.random.default_rng(0)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer, [made.get_weights() for made in layer.layers if made.weights]


def start(table):
    """The vector of the two examples, id and year alone; the year's deviation is √(200 / 3)."""
    years = np.array([[10], [-10]]) / np.sqrt(200 / 3)
    return np.concatenate([table[[2, 0]], years], 1)


def hidden(values, kernel, bias):
    return np.maximum(values @ kernel + bias, 0)


READ = {"id_dim": 2, "features": ["year"], "units": [4], "embedding_dim": 3}


def test_feature_tower():
    layer, ((table,), first, (kernel, bias)) = build(FeatureMLP(**READ))
    found = layer({name: ROWS[name] for name in ("id", "year")}, training=False)
    expected = hidden(start(table), *first) @ kernel + bias
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.dtype == tf.float32


def test_the_feature_tower_reads_everything_by_default():
    layer = FeatureMLP().build(SIDE, ["ranking"])
    found = layer(ROWS)
    assert found.shape == (2, 32)
    for name, other in (("id", [1, 0]), ("year", [0, 1990]), ("genres", [[1, 0], [1, 1]])):
        changed = layer({**ROWS, name: tf.constant(other, ROWS[name].dtype)})
        assert [np.array_equal(*rows) for rows in zip(found, changed, strict=True)] == [False, True]


def test_with_an_id_alone_it_is_the_mlp():
    side = mtbench.Features("id", {"id": 3})
    first, second = (cls().build(side, ["ranking"]) for cls in (FeatureMLP, MLP))
    second.set_weights(first.get_weights())
    assert np.array_equal(first({"id": tf.range(3)}), second({"id": tf.range(3)}))


@pytest.mark.parametrize("projection_dim", [None, 2])
@pytest.mark.parametrize("structure", ["stacked", "parallel"])
def test_dcn(projection_dim, structure):
    """x_0 ⊙ (W x + b) + x twice; then dense layers over it, or over x_0 and beside it."""
    options = DCN(projection_dim=projection_dim, structure=structure, **READ)
    layer, weights = build(options)
    found = layer({name: ROWS[name] for name in ("id", "year")}, training=False)
    (table,), *rest = weights
    crosses = [part for part in rest if len(part) == (3 if projection_dim else 2)]
    if projection_dim:
        deep = [part for part in rest if len(part) == 2]
        assert crosses[0][0].shape == (3, 2)
    else:
        crosses = [part for part in rest if part[0].shape == (3, 3)][:2]
        deep = [part for part in rest if not any(part is cross for cross in crosses)]
    assert (len(crosses), len(deep)) == (2, 2)
    x = first = start(table)
    for *kernels, bias in crosses:
        product = x
        for kernel in kernels:
            product = product @ kernel
        x = first * (product + bias) + x
    (inner, last) = sorted(deep, key=lambda part: part[0].shape[1] == 3)
    if structure == "stacked":
        joined = hidden(x, *inner)
    else:
        joined = np.concatenate([x, hidden(first, *inner)], 1)
    np.testing.assert_allclose(found, joined @ last[0] + last[1], rtol=1e-4, atol=1e-4)


def test_dcn_without_dense_layers():
    layer, weights = build(DCN(id_dim=2, features=["year"], units=[], num_layers=1))
    assert [part[0].shape for part in weights] == [(3, 2), (3, 3), (3, 32)]
    assert layer.output_shape == (None, 32)


@pytest.mark.parametrize("cls", [FeatureMLP, DCN])
def test_dropout(cls):
    assert cls().by_id
    assert not cls(dropout=0.5).by_id
    layer = cls(dropout=0.5).build(SIDE, ["ranking"])
    twice = {name: tf.repeat(rows[:1], 2, axis=0) for name, rows in ROWS.items()}
    for training in (False, True):
        assert np.array_equal(*layer(twice, training=training)) != training


@pytest.mark.parametrize(
    "options", [{"num_layers": 0}, {"projection_dim": 0}, {"structure": "beside"}, {"units": [0]}]
)
def test_options_that_make_no_network_are_refused(options):
    with pytest.raises(ValidationError):
        DCN(**options)
