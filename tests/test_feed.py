"""The order of the batches is that of one permutation an epoch, however it is cut up."""

import numpy as np
import pytest

from mtbench.data.interactions import Interactions
from mtbench.suite.training import Train
from mtbench.testing.tiny import TinyDataset
from mtbench.train import feed as module
from mtbench.train.feed import Feed


@pytest.fixture
def data():
    return TinyDataset().load()


def expected(train, seed, epochs, batch_size, reshuffle):
    """As it was before rows were fed a part at a time."""
    for epoch in range(epochs):
        stream = [seed, 1, epoch if reshuffle else 0]
        order = np.random.default_rng(stream).permutation(len(train))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield {name: column[rows] for name, column in train.columns.items()}


@pytest.mark.parametrize("rows", [1, 20, 50, 2**18])
@pytest.mark.parametrize("reshuffle", [True, False])
def test_batches(data, monkeypatch, rows, reshuffle):
    monkeypatch.setattr(module, "ROWS", rows)
    options = Train(epochs=3, batch_size=8, reshuffle=reshuffle)
    feed = Feed(data, data.interactions.columns, options)
    for seed, size in ((3, 60), (4, 60), (4, 41)):
        train = data.interactions.take(np.arange(size))
        feed.start(train, seed)
        batches = list(feed.dataset.as_numpy_iterator())
        wanted = list(expected(train, seed, 3, 8, reshuffle))
        assert len(batches) == len(wanted)
        for batch, want in zip(batches, wanted, strict=True):
            assert batch.keys() == want.keys()
            for name, column in want.items():
                np.testing.assert_array_equal(batch[name], column)
                assert batch[name].dtype == column.dtype


def test_a_pipeline_that_was_left_does_not_disturb(data, monkeypatch):
    """One of an earlier run goes on asking, as after an early stop."""
    monkeypatch.setattr(module, "ROWS", 1)
    options = Train(epochs=4, batch_size=8)
    feed = Feed(data, ["query", "candidate"], options)
    feed.start(data.interactions.take(np.arange(50)), 0)
    left = feed.dataset.as_numpy_iterator()
    next(left)
    train = data.interactions.take(np.arange(5, 60))
    feed.start(train, 1)
    found = []
    for batch in feed.dataset.as_numpy_iterator():
        found.append(batch)
        next(left, None)
    for batch, want in zip(found, expected(train, 1, 4, 8, True), strict=True):
        np.testing.assert_array_equal(batch["query"], want["query"])


def test_no_copy_of_the_columns(data, monkeypatch):
    """What Python gives at once is a few batches, not the epoch."""
    monkeypatch.setattr(module, "ROWS", 16)
    feed = Feed(data, ["query"], Train(epochs=1, batch_size=8))
    sizes = []
    rows = Feed._rows

    def watched(self, epoch, start):
        found = rows(self, epoch, start)
        sizes.append(len(found[0]))
        return found

    monkeypatch.setattr(Feed, "_rows", watched)
    feed = Feed(data, ["query"], Train(epochs=1, batch_size=8))
    feed.start(Interactions(data.interactions.columns, 8, 10), 0)
    list(feed.dataset)
    assert sizes == [16, 16, 16, 12]


@pytest.mark.parametrize("reshuffle", [True, False])
def test_several_batches_of_a_step(data, monkeypatch, reshuffle):
    """The first is what it is alone; each goes through the same rows in an order of its own."""
    monkeypatch.setattr(module, "ROWS", 20)
    options = Train(epochs=2, batch_size=8, reshuffle=reshuffle)
    train = data.interactions.take(np.arange(41))
    feed = Feed(data, ["query", "timestamp"], options, batches=3)
    feed.start(train, 3)
    steps = list(feed.dataset.as_numpy_iterator())
    again = list(feed.dataset.as_numpy_iterator())
    rows = np.array([[each["timestamp"] for each in step] for step in steps[:5]])
    assert [len(step) for step in steps] == [3] * 12
    for step, other, want in zip(steps, again, expected(train, 3, 2, 8, reshuffle), strict=True):
        np.testing.assert_array_equal(step[0]["timestamp"], want["timestamp"])
        for one, two in zip(step, other, strict=True):
            assert len(one["query"]) == len(want["query"])
            np.testing.assert_array_equal(one["timestamp"], two["timestamp"])
    orders = [
        [np.concatenate([step[n]["timestamp"] for step in steps[at : at + 6]]) for at in (0, 6)]
        for n in range(3)
    ]
    for order in (each for orders_of in orders for each in orders_of):
        assert sorted(order) == list(range(41))
    for n, m in ((0, 1), (0, 2), (1, 2)):
        assert np.mean(orders[n][0] == orders[m][0]) < 0.2
    assert all(np.array_equal(*each) == (not reshuffle) for each in orders)
    assert rows.shape == (5, 3, 8)
