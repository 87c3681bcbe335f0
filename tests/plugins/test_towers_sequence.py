"""A tower over histories: which candidates it reads, and what its networks make of them."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from made import interactions
from pydantic import ValidationError

import mtbench
from mtbench.data.history import lengths, positions
from mtbench.kit.histories import Histories
from mtbench_plugins.towers.sequence import SequenceEncoder, SequenceTower

QUERIES, CANDIDATES = 3, 7
SIDE = mtbench.Features("id", {"id": QUERIES}, num_other=CANDIDATES)
NETWORKS = ("self-attention", "gru", "mean")


def train_of(query, candidate, **columns):
    return interactions(query, candidate, QUERIES, CANDIDATES, **columns)


TRAIN = train_of(
    query=[0, 2, 0, 2, 2, 0], candidate=[5, 1, 4, 2, 3, 6], timestamp=[30, 1, 10, 2, 2, 20]
)
"""Query 0 had 4, 6, 5; query 1 nothing; query 2 had 1, 2, 3, the last two at one time."""


def build(side=SIDE, **options):
    """A layer with random weights that has adapted to `TRAIN`."""
    layer = SequenceEncoder(**{"embedding_dim": 2, "item_dim": 4, **options}).build(side, ["one"])
    rng = np.random.default_rng(0)
    for weight in layer.network.weights:
        weight.assign(rng.normal(size=weight.shape))
    layer.adapt(TRAIN)
    return layer


def read(layer, query, history, **features):
    inputs = {"id": tf.constant(query, tf.int32), "history": tf.constant(history, tf.int32)}
    return layer({**inputs, **features}, training=False).numpy()


def last(layer, query, history):
    """The candidates of each example, as lists."""
    items, known = layer.last(tf.constant(query, tf.int32), tf.constant(history, tf.int32))
    assert (items.dtype, known.dtype) == (tf.int32, tf.bool)
    assert (items.numpy()[~known.numpy()] == CANDIDATES).all()
    for row in known.numpy():
        assert (np.diff(row.astype(int)) >= 0).all()  # padding comes first
    return [row[mask].tolist() for row, mask in zip(items.numpy(), known.numpy(), strict=True)]


def test_histories_by_hand():
    layer = build(max_length=2)
    assert last(layer, [0, 0, 0, 0], [0, 1, 2, 3]) == [[], [4], [4, 6], [6, 5]]
    assert last(layer, [1, 2, 2, 2], [0, 1, 2, 3]) == [[], [1], [1, 2], [2, 3]]
    assert last(build(max_length=9), [0, 2], [3, 2]) == [[4, 6, 5], [1, 2]]


def test_nobody_has_more_than_there_is():
    assert last(build(max_length=5), [0, 1, 2], [9, 9, 9]) == [[4, 6, 5], [], [1, 2, 3]]
    fresh = SequenceEncoder().build(SIDE, ["one"])
    assert last(fresh, [0, 1, 2], [1, 0, 5]) == [[], [], []]


def test_without_times_the_order_is_that_of_the_data():
    layer = build(max_length=3)
    layer.adapt(train_of([1, 0, 1, 1], [6, 0, 2, 6]))
    assert last(layer, [0, 1, 1], [1, 2, 3]) == [[0], [6, 2], [6, 2, 6]]


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, QUERIES - 1), st.integers(0, CANDIDATES - 1), st.integers(0, 3)),
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 6),
)
def test_a_history_is_what_came_before(rows, max_length):
    """Never the example itself, nor what is later; at one time the order of the data decides."""
    query, candidate, timestamp = zip(*rows, strict=True)
    train = train_of(query, candidate, timestamp=timestamp)
    layer = SequenceTower(SIDE, max_length, Histories("sequence", SIDE), None)
    layer.adapt(train)
    found = last(layer, train.query, positions(train))
    for row, (query, _, time) in enumerate(rows):
        before = sorted(
            (when, other)
            for other, (who, _, when) in enumerate(rows)
            if who == query and (when, other) < (time, row)
        )
        assert found[row] == [rows[other][1] for _, other in before][-max_length:]
    everything = last(layer, range(QUERIES), lengths(train))
    assert [len(items) for items in everything] == np.minimum(lengths(train), max_length).tolist()


@pytest.mark.parametrize("sequence", NETWORKS)
def test_the_future_makes_no_difference(sequence):
    """Other candidates at the example's place and after it give the same numbers."""
    layer = build(sequence=sequence, max_length=3)
    before = read(layer, [0, 2, 0], [1, 2, 0])
    layer.adapt(train_of(**TRAIN.columns | {"candidate": [0, 1, 4, 2, 0, 0]}))
    assert np.array_equal(read(layer, [0, 2, 0], [1, 2, 0]), before)
    assert not np.array_equal(read(layer, [0], [2]), before[:1])


@pytest.mark.parametrize("sequence", NETWORKS)
def test_the_past_makes_a_difference(sequence):
    layer = build(sequence=sequence, max_length=3)
    found = read(layer, [0, 0, 0, 2, 2, 2], [1, 2, 3, 1, 2, 3])
    for one, other in itertools.combinations(found, 2):
        assert not np.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("sequence", NETWORKS)
def test_no_history_is_0(sequence):
    layer = build(sequence=sequence, max_length=3)
    *_, bias = layer.network.get_weights()
    assert bias.shape == (2,)
    assert read(layer, [0, 1, 2], [0, 0, 0]).tolist() == [bias.tolist()] * 3


@pytest.mark.thorough
@pytest.mark.parametrize("sequence", NETWORKS)
def test_padding_is_not_read(sequence):
    """Two or three candidates in a row of three or of six; whatever the padding's vector is."""
    short, long = (build(sequence=sequence, max_length=length, num_blocks=2) for length in (3, 6))
    for source, target in zip(short.network.weights, long.network.weights, strict=True):
        value = source.numpy()
        if value.shape != target.shape:  # of positions: the last ones are the same
            value = np.concatenate([np.full([3, 4], 7.0), value])
        elif value.shape == (CANDIDATES + 1, 4):
            value[CANDIDATES] = 1e3
        target.assign(value)
    for query, history in (([0, 2], [2, 2]), ([0, 2], [3, 3]), ([0, 2], [1, 1])):
        expected = read(short, query, history)
        np.testing.assert_allclose(read(long, query, history), expected, rtol=1e-5, atol=1e-5)


def weights_by_layer(layer):
    """Float64, by kind of layer in the order in which they were made."""
    found = {}
    names = lambda made: (type(made).__name__, len(made.name), made.name)  # noqa: E731
    for made in sorted(layer.network.layers, key=names):
        if made.weights:
            weights = [weight.astype(np.float64) for weight in made.get_weights()]
            found.setdefault(type(made).__name__, []).append(weights)
    return found


HISTORY = [4, 6, 5]


def test_mean():
    layer = build(sequence="mean", max_length=5)
    weights = weights_by_layer(layer)
    ((items,),), ((kernel, bias),) = weights["Embedding"], weights["Dense"]
    expected = items[HISTORY].mean(0) @ kernel + bias
    np.testing.assert_allclose(read(layer, [0], [3])[0], expected, rtol=1e-5)


def test_gru():
    """Cho et al., EMNLP 2014, with the reset gate after the product, as Keras has it."""
    layer = build(sequence="gru", max_length=5)
    weights = weights_by_layer(layer)
    ((items,),), ((kernel, bias),) = weights["Embedding"], weights["Dense"]
    ((inner, recurrent, (offset, recurrent_offset)),) = weights["RNN"]
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    state = np.zeros(4)
    for item in HISTORY:
        update, reset, new = np.split(items[item] @ inner + offset, 3)
        old_update, old_reset, old = np.split(state @ recurrent + recurrent_offset, 3)
        z = sigmoid(update + old_update)
        state = z * state + (1 - z) * np.tanh(new + sigmoid(reset + old_reset) * old)
    np.testing.assert_allclose(read(layer, [0], [3])[0], state @ kernel + bias, rtol=1e-4)


@pytest.mark.parametrize(("num_blocks", "num_heads"), [(1, 1), (2, 2)])
def test_self_attention(num_blocks, num_heads):
    """The unpadded history, position by position; every block computes all of them."""
    layer = build(max_length=5, num_blocks=num_blocks, num_heads=num_heads)
    weights = weights_by_layer(layer)
    tables = {len(table): table for (table,) in weights["Embedding"]}
    norms, dense = iter(weights["LayerNormalization"]), iter(weights["Dense"])
    hidden = tables[CANDIDATES + 1][HISTORY] + tables[5][2:]
    for attention in weights["MultiHeadAttention"]:
        hidden = hidden + attend(norm(hidden, *next(norms)), *attention)
        (kernel, bias), (last_kernel, last_bias) = next(dense), next(dense)
        inner = np.maximum(norm(hidden, *next(norms)) @ kernel + bias, 0)
        hidden = hidden + inner @ last_kernel + last_bias
    kernel, bias = next(dense)
    expected = hidden[-1] @ kernel + bias
    np.testing.assert_allclose(read(layer, [0], [3])[0], expected, rtol=1e-4, atol=1e-4)
    assert not [*norms, *dense]


def norm(values, scale, offset):
    centred = values - values.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-3) * scale + offset


def attend(values, *weights):
    """Each position over itself and those before it; head by head."""
    query, query_bias, key, key_bias, value, value_bias, last, bias = weights
    total = np.zeros_like(values) + bias
    for head in range(query.shape[1]):
        queries = values @ query[:, head] + query_bias[head]
        keys = values @ key[:, head] + key_bias[head]
        found = values @ value[:, head] + value_bias[head]
        for position in range(len(values)):
            scores = keys[: position + 1] @ queries[position] / np.sqrt(query.shape[2])
            share = np.exp(scores - scores.max())
            share /= share.sum()
            total[position] += share @ found[: position + 1] @ last[head]
    return total


def test_id_and_features_come_beside_it():
    feature = mtbench.Feature("categorical", np.zeros(QUERIES, np.int32), np.array(["x", "y"]))
    side = mtbench.Features("id", {"id": QUERIES, "f": 2}, {"f": feature}, num_other=CANDIDATES)
    layer = build(side, id_dim=3, feature_dim=2, units=[5], sequence="mean")
    rows = [read(layer, *row, f=tf.constant([f])) for *row, f in (
        ([0], [0], 0), ([2], [0], 0), ([0], [0], 1), ([0], [1], 0), ([0], [0], 0)
    )]  # fmt: skip
    assert [np.array_equal(rows[0], row) for row in rows[1:]] == [False, False, False, True]
    alone = build(side, features=[], sequence="mean")
    assert np.array_equal(read(alone, [0], [0]), read(alone, [2], [0]))


def test_one_graph_reads_the_history_of_the_day():
    """Training parts of other lengths need no new trace."""
    layer = build(max_length=4, sequence="mean")
    traces = []

    @tf.function(autograph=False)
    def call(query, history):
        traces.append(query)
        return layer({"id": query, "history": history})

    example = tf.constant([0]), tf.constant([3])
    before = call(*example).numpy()
    layer.adapt(train_of([0] * 9, [1, 2, 3, 4, 5, 6, 0, 1, 2]))
    after = call(*example).numpy()
    assert len(traces) == 1
    assert not np.array_equal(before, after)
    assert np.array_equal(after, read(layer, [0], [3]))


def test_gradients_reach_every_weight():
    for sequence in NETWORKS:
        layer = build(sequence=sequence, max_length=3, num_blocks=2, id_dim=2, units=[6])
        with tf.GradientTape() as tape:
            output = layer({"id": tf.constant([0, 2]), "history": tf.constant([3, 1])})
        variables = layer.network.trainable_variables
        gradients = tape.gradient(output, variables)
        assert all(gradient is not None for gradient in gradients), sequence


def test_dropout():
    layer = build(dropout=0.5, item_dim=16)
    twice = {"id": tf.constant([0, 0]), "history": tf.constant([3, 3])}
    for training in (False, True):
        assert np.array_equal(*layer(twice, training=training)) != training


def test_what_it_needs():
    tower = SequenceEncoder()
    assert (tower.needs(), tower.by_id) == (("history",), False)
    with pytest.raises(mtbench.MtbenchError, match="expected the number of candidates"):
        tower.build(mtbench.Features("id", {"id": 3}), ["one"])


@pytest.mark.parametrize(
    "options", [{"max_length": 0}, {"item_dim": 0}, {"num_blocks": 0}, {"sequence": "lstm"}]
)
def test_options_that_make_no_network_are_refused(options):
    with pytest.raises(ValidationError):
        SequenceEncoder(**options)
