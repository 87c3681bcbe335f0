"""The order of a part's rows: the data's, whatever order a split gives them in."""

import dataclasses

import numpy as np
import pytest

import mtbench
from mtbench.data.history import in_time
from mtbench.runs.stages import divide
from mtbench.suite.training import Train
from mtbench_plugins.splits.k_fold import KFold
from mtbench_plugins.splits.leave_last_out import LeaveLastOut
from mtbench_plugins.splits.random import Random
from mtbench_plugins.splits.stratified import Stratified
from mtbench_plugins.splits.temporal import Temporal
from mtbench_plugins.splits.user_temporal import UserTemporal


class Given(mtbench.Split):
    """The parts as they are written down."""

    name = "given"
    train: tuple[int, ...] = (5, 0, 3)
    test: tuple[int, ...] = (4, 1)
    validation: tuple[int, ...] = (7, 6, 2)

    def build(self, data, seed):
        parts = (np.array(rows, np.int64) for rows in (self.train, self.test, self.validation))
        return mtbench.Parts(*parts)


class Mask(mtbench.Split):
    """Masks in place of row numbers."""

    name = "mask"

    def build(self, data, seed):
        tests = np.arange(len(data.interactions)) % 5 == 0
        return mtbench.Parts(~tests, tests)


def numbered(rows=8):
    """Interactions of two users, all at one time; the candidate is the number of the row."""
    return mtbench.Data.encode(
        ("user_id", (np.arange(rows) % 2).astype(str)),
        ("movie_id", np.arange(rows).astype(str).astype("U4")),
        {"user_rating": np.ones(rows, np.float32), "timestamp": np.full(rows, 9)},
        "numbered",
        synthetic=True,
    )


def numbers(part):
    return part.candidate.tolist()


@pytest.fixture
def setup_of(make_suite):
    """A setup with another split."""
    setup = make_suite().setup("joint")
    return lambda split, **more: dataclasses.replace(setup, split=split, **more)


def test_parts_have_the_datas_order_whatever_the_splits(setup_of):
    parts = divide(setup_of(Given()), numbered(), 0)
    assert numbers(parts.train) == [0, 3, 5]
    assert numbers(parts.validation) == [2, 6, 7]
    assert numbers(parts.test) == [1, 4]
    assert parts.sizes == {"train": 3, "validation": 3, "test": 2}


def test_what_a_query_has_seen_is_in_the_datas_order(setup_of):
    """Of two at one time the earlier row of the data comes first, in whichever part it is."""
    setup = setup_of(Given())
    parts = divide(setup, numbered(), 0)
    seen, scored = parts.scored(setup)
    assert numbers(seen) == [0, 2, 3, 5, 6, 7]
    assert numbers(scored) == [1, 4]
    assert seen.candidate[in_time(seen)].tolist() == [0, 2, 6, 3, 5, 7]  # users 0 and 1
    with parts.validation.sealed(), pytest.raises(mtbench.MtbenchError, match="sealed"):
        numbers(seen)
    choosing = parts.scored(dataclasses.replace(setup, evaluate_on="validation"))
    assert list(map(numbers, choosing)) == [[0, 3, 5], [2, 6, 7]]


def test_parts_that_are_joined_have_the_datas_order(setup_of):
    setup = setup_of(Given(), train_on="train+validation")
    parts = divide(setup, numbered(), 0)
    assert numbers(parts.train) == [0, 2, 3, 5, 6, 7]
    assert numbers(parts.validation) == []
    assert parts.scored(setup)[0] is parts.train


@pytest.mark.parametrize("shares", [{}, {"validation_share": 0.25}], ids=["two", "three"])
@pytest.mark.parametrize("cls", [Random, Stratified, Temporal, UserTemporal, KFold])
def test_parts_are_the_splits_as_sets(cls, shares, setup_of, tiny_data):
    split = cls(**shares)
    built = split.build(tiny_data, 3)
    parts = divide(setup_of(split), tiny_data, 3)
    for name in ("train", "validation", "test"):
        part, rows = getattr(parts, name), np.sort(getattr(built, name))
        for column, values in tiny_data.interactions.columns.items():
            np.testing.assert_array_equal(part.columns[column], values[rows])


def test_the_last_of_equal_times_is_the_last_in_the_data(setup_of):
    parts = divide(setup_of(LeaveLastOut(validation=True)), numbered(), 0)
    assert numbers(parts.test) == [6, 7]
    assert numbers(parts.validation) == [4, 5]
    assert numbers(parts.train) == [0, 1, 2, 3]


def test_no_pair_of_equal_times_is_exchanged(setup_of, tiny_data):
    """Half of them were, of parts in the order of a permutation."""
    rows = tiny_data.interactions
    days = rows.columns["timestamp"] // 10**6  # so that there are many
    columns = {**rows.columns, "timestamp": days, "number": np.arange(len(rows))}
    data = dataclasses.replace(
        tiny_data, interactions=mtbench.Interactions(columns, rows.num_queries, rows.num_candidates)
    )
    train = divide(setup_of(Random()), data, 0).train
    order = in_time(train)
    query, day, number = (train.columns[n][order] for n in ("query", "timestamp", "number"))
    tied = (np.diff(query) == 0) & (np.diff(day) == 0)
    assert tied.sum() > 50
    assert (np.diff(number)[tied] > 0).all()


def test_a_mask_is_refused(setup_of, tiny_data):
    """Sorted, it would be the last rows."""
    with pytest.raises(mtbench.DataError, match="'mask', train part: expected row numbers") as one:
        divide(setup_of(Mask()), tiny_data, 0)
    assert "np.flatnonzero" in str(one.value)


def test_training_is_shuffled_all_the_same(make_suite, registry):
    """By the seed, anew in each epoch: the feed's own doing."""
    from mtbench.train.feed import Feed

    data, setup = numbered(), make_suite().setup("joint")
    feed = Feed(data, ["query", "candidate"], Train(epochs=2, batch_size=4))
    train = divide(dataclasses.replace(setup, split=Given()), data, 0).train
    orders = {}
    for seed in (0, 1):
        assert feed.start(train, seed) == 3
        orders[seed] = [batch["candidate"].tolist() for batch in feed.dataset.as_numpy_iterator()]
        for epoch, order in enumerate(orders[seed]):
            stream = np.random.default_rng([seed, 1, epoch])
            assert order == train.candidate[stream.permutation(3)].tolist()
    assert orders[0] != orders[1]
