"""Splits: their guarantees on any data, their parts by hand, and what they refuse."""

import io
import itertools
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from made import interactions
from pydantic import ValidationError

import mtbench
from mtbench.data.store import load_data
from mtbench_plugins.datasets.movielens import MovieLens
from mtbench_plugins.splits.k_fold import KFold
from mtbench_plugins.splits.leave_last_out import LeaveLastOut
from mtbench_plugins.splits.movielens_folds import MovieLensFolds
from mtbench_plugins.splits.random import Random
from mtbench_plugins.splits.stratified import Stratified
from mtbench_plugins.splits.temporal import Temporal
from mtbench_plugins.splits.user_temporal import UserTemporal
from mtbench_plugins.tasks.ranking import Ranking

SHARES = [Random, Stratified, Temporal, UserTemporal]
SEEDED = [Random, Stratified]
TIMED = [Temporal, UserTemporal, LeaveLastOut]
share = st.floats(0.01, 0.99)
seeds = st.integers(0, 1000)


def data_of(query, timestamp=None):
    """Interactions of these users at these times; without times there is no such column."""
    size = int(max(query, default=0)) + 2  # one user without any
    times = {} if timestamp is None else {"timestamp": timestamp}
    rows = interactions(query, range(len(query)), size, len(query), **times)
    sides = [mtbench.Side(name, np.arange(size).astype(str)) for name in ("user_id", "movie_id")]
    return mtbench.Data(*sides, rows, "made")


@st.composite
def datasets(draw, least=2):
    """Few users with few interactions, or some with many; times distinct, equal or extreme."""
    size = draw(st.integers(least, 60))
    query = draw(hnp.arrays(np.int32, size, elements=st.integers(0, draw(st.integers(0, 9)))))
    span = draw(st.sampled_from([0, 3, 50, 2**31, 2**62]))
    return data_of(query, draw(hnp.arrays(np.int64, size, elements=st.integers(-span, span))))


@st.composite
def splits(draw, *classes, validates=None):
    """One of the classes with any options."""
    cls = draw(st.sampled_from(classes))
    asked = draw(st.booleans()) if validates is None else validates
    if cls is LeaveLastOut:
        return cls(validation=asked, min_train=draw(st.integers(1, 3)))
    shares = {"validation_share": draw(share) if asked else 0}
    if cls is KFold:
        folds = draw(st.integers(2, 6))
        fold = draw(st.none() | st.integers(1, folds))
        return cls(folds=folds, fold=fold, seed=draw(seeds), **shares)
    return cls(test_share=draw(share), **shares)


def built(split, data, seed=0):
    """The parts, or None where the split refuses the data, in one line that names it."""
    try:
        return split.build(data, seed)
    except mtbench.DataError as error:
        refusal = str(error)
    assert refusal.startswith("made: ")
    assert "\n" not in refusal
    return None


def validates(split):
    return split.validation if isinstance(split, LeaveLastOut) else split.validation_share > 0


def counts(data, rows):
    return np.bincount(data.interactions.query[rows], minlength=data.interactions.num_queries)


@given(splits(*SHARES, LeaveLastOut, KFold), datasets(), seeds)
@settings(max_examples=300)
def test_the_parts_are_disjoint_and_complete(split, data, seed):
    parts = built(split, data, seed)
    if parts is None:
        return
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(data.interactions)))
    assert {part.dtype for part in parts} == {np.dtype(np.int64)}
    assert len(parts.train)
    assert len(parts.test)
    if not isinstance(split, LeaveLastOut):  # which may have no user with enough of them
        assert bool(len(parts.validation)) == validates(split)
    if not isinstance(split, Random):  # rows of a part in the order of the data
        assert all((np.diff(part) > 0).all() for part in parts)


@given(splits(*SHARES, LeaveLastOut, KFold), datasets(), seeds)
@settings(max_examples=100)
def test_the_same_seed_gives_the_same_parts(split, data, seed):
    first, again = built(split, data, seed), built(split, data, seed)
    assert (first is None) == (again is None)
    if first is not None:
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, other)


@given(splits(*TIMED), datasets(), seeds, seeds)
@settings(max_examples=100)
def test_a_split_by_time_does_not_depend_on_the_seed(split, data, seed, other):
    first, second = built(split, data, seed), built(split, data, other)
    assert (first is None) == (second is None)
    for one, two in zip(first or (), second or (), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("cls", SEEDED)
def test_another_seed_gives_other_parts(cls):
    """Of 1000 rows a share of 0.2 tests: two draws have 0.04 in common, 40 rows, sd 5."""
    data = data_of(np.arange(1000) % 10)
    first, second = (cls(test_share=0.2, validation_share=0.2).build(data, s) for s in (0, 1))
    assert len(first.test) == len(second.test) == 200
    assert 10 < len(np.intersect1d(first.test, second.test)) < 70
    assert len(np.intersect1d(first.validation, second.validation)) < 70  # 160² / 1000 = 26


@given(splits(Temporal), datasets())
@settings(max_examples=300)
def test_no_leak_in_time(split, data):
    """All of the training part is earlier than all that validates, and that than all that tests."""
    parts = built(split, data)
    times = data.interactions.columns["timestamp"]
    if parts is None:
        assert len(set(times.tolist())) < 2 + validates(split)
        return
    ordered = [times[part] for part in (parts.train, parts.validation, parts.test)]
    ordered = [part for part in ordered if len(part)]
    assert len(ordered) == 2 + validates(split)
    assert all(before.max() < after.min() for before, after in itertools.pairwise(ordered))


@given(splits(UserTemporal, LeaveLastOut), datasets())
@settings(max_examples=200)
def test_no_leak_in_the_time_of_a_user(split, data):
    parts = built(split, data)
    if parts is None:
        return
    times = data.interactions.columns["timestamp"]
    for user in np.unique(data.interactions.query):
        of_user = [part[data.interactions.query[part] == user] for part in parts]
        ordered = [(times[row], row) for part in (0, 2, 1) for row in of_user[part]]
        train, validation = len(of_user[0]), len(of_user[2])
        for cut in (train, train + validation):
            assert max(ordered[:cut]) < min(ordered[cut:], default=(np.inf,))


@given(splits(Stratified, UserTemporal, LeaveLastOut), datasets(), seeds)
@settings(max_examples=200)
def test_no_user_is_lost_from_training(split, data, seed):
    parts = built(split, data, seed)
    if parts is not None:
        assert set(data.interactions.query[parts.train]) == set(data.interactions.query)


@given(splits(Stratified, UserTemporal), datasets(), seeds)
@settings(max_examples=200)
def test_shares_of_each_user(split, data, seed):
    """Within half a row of what was asked for, but that one trains."""
    parts = built(split, data, seed)
    if parts is None:
        return
    every, train, kept = (
        counts(data, rows)
        for rows in (slice(None), parts.train, np.concatenate([parts.train, parts.validation]))
    )
    left = 1 - split.test_share
    for found, share in ((kept, left), (train, left * (1 - split.validation_share))):
        off = np.abs(found - every * share) <= 0.5 + 1e-6
        assert (off | (found == np.minimum(every, 1))).all()


@given(splits(Random, validates=True), datasets(least=3), seeds)
def test_shares_of_the_random_split(split, data, seed):
    total = len(data.interactions)
    parts = split.build(data, seed)
    assert len(parts.test) == min(max(round(total * split.test_share), 1), total - 2)
    rest = total - len(parts.test)
    asked = round(rest * split.validation_share)
    assert len(parts.validation) == min(max(asked, 1), rest - 1)


@given(share, share, st.integers(3, 80))
def test_shares_of_the_temporal_split(test_share, validation_share, size):
    """Within half a row of what was asked for where no two times are equal, but one at least."""
    split = Temporal(test_share=test_share, validation_share=validation_share)
    parts = split.build(data_of([0] * size, np.arange(size)[::-1]), 0)
    left = size * (1 - test_share)
    kept = size - len(parts.test)
    assert abs(kept - min(max(left, 2), size - 1)) <= 0.5 + 1e-9
    assert (
        abs(len(parts.train) - min(max(kept * (1 - validation_share), 1), kept - 1)) <= 0.5 + 1e-9
    )


@given(st.integers(0, 1000), st.integers(2, 7), st.integers(0, 90), seeds)
def test_folds_cover_everything_once(seed, folds, more, run):
    """The test parts of a run of seeds, as those of the folds by name, are disjoint and cover."""
    data = data_of(np.zeros(folds + more))
    by_seed = [KFold(folds=folds, seed=seed).build(data, run + n).test for n in range(folds)]
    by_name = [
        KFold(folds=folds, seed=seed, fold=n + 1).build(data, run).test for n in range(folds)
    ]
    assert sorted(np.concatenate(by_seed).tolist()) == list(range(folds + more))
    assert max(map(len, by_seed)) - min(map(len, by_seed)) <= 1
    for n, test in enumerate(by_seed):
        np.testing.assert_array_equal(test, by_name[(run + n) % folds])


@pytest.mark.parametrize("folds", [3, 5])
def test_the_next_fold_validates(folds):
    """With a share of 1 / (folds − 1); of the last fold the first is the next."""
    data = data_of(np.zeros(30))
    share = 1 / (folds - 1)
    parts = [KFold(folds=folds, validation_share=share).build(data, n) for n in range(folds)]
    for before, after in zip(parts, parts[1:] + parts[:1], strict=True):
        np.testing.assert_array_equal(before.validation, after.test)


def test_folds_of_another_seed_are_others():
    data = data_of(np.zeros(1000))
    first, other = (KFold(seed=seed, fold=1).build(data, 0).test for seed in (0, 1))
    assert 10 < len(np.intersect1d(first, other)) < 70


@given(splits(LeaveLastOut), datasets())
@settings(max_examples=200)
def test_one_of_each_user_that_has_enough(split, data):
    parts = built(split, data)
    every = counts(data, slice(None))
    enough = every >= split.min_train + 1 + split.validation
    if parts is None:
        assert not enough.any()
        return
    np.testing.assert_array_equal(counts(data, parts.test), enough)
    np.testing.assert_array_equal(counts(data, parts.validation), enough & split.validation)
    assert (counts(data, parts.train)[enough] >= split.min_train).all()


#             row 0  1  2  3  4  5  6  7  8  9
USERS = np.array([0, 1, 0, 1, 0, 2, 0, 1, 0, 1])
TIMES = np.array([9, 5, 3, 1, 3, 7, 8, 5, 1, 2])


@pytest.mark.parametrize(
    ("split", "train", "validation", "test"),
    [
        # user 0: 8, 2, 4, 6, 0 (rows 2 and 4 at one time); user 1: 3, 9, 1, 7; user 2: 5
        (UserTemporal(test_share=0.4), [2, 3, 4, 5, 8, 9], [], [0, 1, 6, 7]),
        (UserTemporal(test_share=0.4, validation_share=0.5), [3, 5, 2, 8], [4, 9], [0, 1, 6, 7]),
        (LeaveLastOut(), [1, 2, 3, 4, 5, 6, 8, 9], [], [0, 7]),
        (LeaveLastOut(validation=True), [2, 3, 4, 5, 8, 9], [1, 6], [0, 7]),
        (LeaveLastOut(min_train=4), [1, 2, 3, 4, 5, 6, 7, 8, 9], [], [0]),
        (LeaveLastOut(min_train=3, validation=True), [1, 2, 3, 4, 5, 7, 8, 9], [6], [0]),
        # by time: 3 8 | 9 | 2 4 | 1 7 | 5 | 6 | 0
        (Temporal(test_share=0.2), [1, 2, 3, 4, 5, 7, 8, 9], [], [0, 6]),
        (Temporal(test_share=0.3), [1, 2, 3, 4, 7, 8, 9], [], [0, 5, 6]),
        (Temporal(test_share=0.4), [2, 3, 4, 8, 9], [], [0, 1, 5, 6, 7]),  # 5 or 7 train, not 6
        (Temporal(test_share=0.6), [3, 8, 9], [], [0, 1, 2, 4, 5, 6, 7]),
        (Temporal(test_share=0.3, validation_share=0.3), [2, 3, 4, 8, 9], [1, 7], [0, 5, 6]),
        (Temporal(test_share=0.99), [3, 8], [], [0, 1, 2, 4, 5, 6, 7, 9]),
        (Temporal(test_share=0.99, validation_share=0.5), [3, 8], [9], [0, 1, 2, 4, 5, 6, 7]),
    ],
)
def test_parts_by_hand(split, train, validation, test):
    parts = split.build(data_of(USERS, TIMES), 0)
    assert [part.tolist() for part in parts] == [sorted(train), test, validation]


def test_a_half_is_not_left_to_rounding_errors():
    """15 (1 − 0.7) = 4.500000000000001 is as near to 4 as to 5: the earlier cut."""
    parts = Temporal(test_share=0.7).build(data_of([0] * 15, range(15)), 0)
    assert len(parts.train) == 4


@pytest.mark.parametrize(
    ("size", "share", "tests"), [(300, 0.2, 60), (7, 0.5, 4), (2, 0.01, 1), (2, 0.99, 1)]
)
def test_sizes(size, share, tests):
    """7 / 2 = 3.5 rounds to the even 4; each part has one row at least."""
    train, test, validation = Random(test_share=share).build(data_of(np.arange(size)), 3)
    assert (len(train), len(test), len(validation)) == (size - tests, tests, 0)
    assert train.dtype == test.dtype == np.int64


def test_the_random_split_without_validation_is_as_it_was():
    """Its parts are pieces of one permutation; results of before validation parts still count."""
    parts = Random().build(data_of(np.arange(50)), 7)
    order = np.random.default_rng(7).permutation(50)
    np.testing.assert_array_equal(parts.train, order[:40])
    np.testing.assert_array_equal(parts.test, order[40:])
    validating = Random(validation_share=0.25).build(data_of(np.arange(50)), 7)
    np.testing.assert_array_equal(validating.train, order[:30])
    np.testing.assert_array_equal(validating.validation, order[30:40])
    np.testing.assert_array_equal(validating.test, order[40:])


@pytest.mark.parametrize("cls", SHARES)
@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(cls, share):
    with pytest.raises(ValidationError):
        cls(test_share=share)
    if share != 0:
        with pytest.raises(ValidationError):
            cls(validation_share=share)


def test_a_fold_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="expected fold at most folds = 5, found 6"):
        KFold(fold=6)
    for options in ({"fold": 0}, {"folds": 1}, {"seed": -1}):
        with pytest.raises(ValidationError):
            KFold(**options)
    with pytest.raises(ValidationError, match="'u1', 'u2', 'u3', 'u4', 'u5', 'ua' or 'ub'"):
        MovieLensFolds(fold="u6")


@pytest.mark.parametrize("cls", SEEDED)
def test_every_row_is_as_likely(cls):
    """Of 400 seeds a row tests 80 times, sd 8, and validates as often: within 5 sd."""
    data, split = data_of(np.arange(30) % 3), cls(test_share=0.2, validation_share=0.25)
    found = np.zeros((2, 30))
    for seed in range(400):
        parts = split.build(data, seed)
        found[0, parts.test] += 1
        found[1, parts.validation] += 1
    assert found.sum(1).tolist() == [2400, 2400]
    assert (abs(found - 80) < 40).all()


def test_the_ids_have_no_influence_on_the_random_split():
    some, others = data_of(np.arange(50)), data_of(np.zeros(50))
    for first, second in zip(Random().build(some, 1), Random().build(others, 1), strict=True):
        np.testing.assert_array_equal(first, second)


ONE_TIME = (
    "made: expected 2 different timestamps or more to split into 2 parts by time, found 1: use "
    "split 'random' or 'stratified'"
)
REFUSED = {
    "no timestamps": (
        data_of([0, 0, 1, 1]),
        dict.fromkeys(
            TIMED,
            "made: split '{}' reads column 'timestamp', which the data lacks (it has query, "
            "candidate)",
        ),
    ),
    "one time": (
        data_of([0, 0, 0, 1, 1], [7] * 5),
        {
            Temporal: ONE_TIME,
        },
    ),
    "one interaction": (
        data_of([0], [7]),
        {
            Random: "made: expected 2 interactions or more to split into 2 parts, found 1",
            Temporal: ONE_TIME,
            KFold: "made: expected 5 interactions or more for 5 folds, found 1",
            LeaveLastOut: "made: expected split 'leave-last-out' to leave a test part, found none "
            "of 1 interactions by 1 user_id: 2 of one are needed, the most of one is 1",
        },
    ),
    "one of each user": (
        data_of([0, 1, 2], [1, 2, 3]),
        {
            Stratified: "made: expected split 'stratified' to leave a test part, found none of 3 "
            "interactions by 3 user_id: raise test_share, or use split 'random'",
            UserTemporal: "made: expected split 'user-temporal' to leave a test part, found none "
            "of 3 interactions by 3 user_id: raise test_share, or use split 'temporal'",
            LeaveLastOut: "made: expected split 'leave-last-out' to leave a test part, found none "
            "of 3 interactions by 3 user_id: 2 of one are needed, the most of one is 1",
        },
    ),
}


@pytest.mark.parametrize(
    ("data", "cls", "told"),
    [
        pytest.param(data, cls, told, id=f"{name}-{cls.name}")
        for name, (data, found) in REFUSED.items()
        for cls, told in found.items()
    ],
)
def test_what_cannot_be_divided_is_said(data, cls, told):
    with pytest.raises(mtbench.DataError) as caught:
        cls().build(data, 0)
    assert str(caught.value) == told.format(cls.name)


@pytest.mark.parametrize(
    ("split", "told"),
    [
        (Random(validation_share=0.5), "expected 3 interactions or more to split into 3 parts"),
        (Temporal(validation_share=0.5), "expected 3 different timestamps or more"),
        (Stratified(test_share=0.5, validation_share=0.5), "to leave a validation part"),
        (UserTemporal(test_share=0.5, validation_share=0.5), "to leave a validation part"),
        (LeaveLastOut(validation=True), "3 of one are needed, the most of one is 2"),
        (KFold(folds=2, validation_share=0.5), "expected 4 interactions or more for 2 folds"),
    ],
)
def test_two_interactions_are_too_few_for_three_parts(split, told):
    with pytest.raises(mtbench.DataError, match=told):
        split.build(data_of([0, 0], [1, 2]), 0)


@pytest.mark.parametrize(
    "split",
    [
        Random(),
        Temporal(),
        Stratified(test_share=0.5),
        UserTemporal(test_share=0.5),
        LeaveLastOut(),
        KFold(folds=2),
    ],
)
def test_two_interactions_of_one_user(split):
    parts = split.build(data_of([0, 0], [1, 2]), 0)
    assert sorted([*parts.train, *parts.test]) == [0, 1]
    assert len(parts.validation) == 0
    if split.name not in ("random", "stratified", "k-fold"):
        assert parts.test.tolist() == [1]


def test_nothing_at_all_is_refused():
    for cls in (*SHARES, LeaveLastOut, KFold):
        assert built(cls(), data_of([], [])) is None


@pytest.mark.parametrize("cls", [UserTemporal, LeaveLastOut])
def test_at_one_time_the_order_of_the_data_counts(cls):
    parts = cls().build(data_of([0, 1, 0, 1, 0, 1, 0, 1], [7] * 8), 0)
    assert parts.test.tolist() == [6, 7]


# --- MovieLens' own folds


def archive(folder, **files):
    """An archive of four ratings; `None` for a file that is missing."""
    ratings = "1\t1\t5\t10\n1\t2\t5\t10\n2\t1\t3\t20\n2\t3\t4\t30\n"
    every = {
        "u.data": ratings,
        "u.item": "1|One (1990)|x\n2|One (1990)|x\n3|Café (1991)|x\n",
        "u1.test": "1\t1\t5\t10\n2\t3\t4\t30\n",
        "u2.test": "1\t2\t5\t10\n2\t1\t3\t20\n",
        **files,
    }
    path = folder / "downloads" / "manual" / "ml-100k.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as made:
        for name, text in every.items():
            if text is not None:
                made.writestr(f"ml-100k/{name}", text.encode("latin-1"))
    return path


def four_ratings(candidate, stars=(4, 5, 3, 5)):
    """Those of the archive in another order: rows 3 and 1 are user 1's."""
    movie = np.array(["3", "2", "1", "1"])
    titles = np.array(["One (1990)", "One (1990)", "Café (1991)"])
    return mtbench.Data.encode(
        ("user_id", np.array(["2", "1", "2", "1"])),
        ("movie", movie if candidate == "id" else titles[movie.astype(int) - 1]),
        {
            "user_rating": np.array(stars, np.float32),
            "timestamp": np.array([30, 10, 20, 10]),
        },
        "made",
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return tmp_path


def test_folds_of_an_archive_by_hand(folder):
    """With titles rows 1 and 3 are equal; one of them tests in each fold."""
    path = archive(folder)
    for data, first, second in (
        (four_ratings("id"), [0, 3], [1, 2]),
        (four_ratings("title"), [0, 1], [2, 3]),
    ):
        for fold, seed, test in ((None, 0, first), (None, 6, second), ("u1", 3, first)):
            parts = MovieLensFolds(fold=fold).build(data, seed)
            assert parts.test.tolist() == test
            assert sorted([*parts.train, *parts.test]) == [0, 1, 2, 3]
        parts = [MovieLensFolds(fold="u2", validation_share=0.5).build(data, s) for s in range(9)]
        assert {part.test.tolist() == second for part in parts} == {True}
        assert {tuple(part.validation) for part in parts} == {(row,) for row in first}
    path.rename(folder / "downloads" / "files.grouplens.org_ml-100kABC.zip")  # as tfds names it
    assert MovieLensFolds(fold="u1").build(four_ratings("id"), 0).test.tolist() == [0, 3]


def test_no_archive(folder):
    with pytest.raises(mtbench.DataError) as caught:
        MovieLensFolds().build(four_ratings("id"), 0)
    assert str(caught.value) == (
        f"split 'movielens-folds' reads ml-100k.zip, which is not in {folder}/downloads/manual; "
        "bring it: mtbench data import ml-100k.zip"
    )


@pytest.mark.parametrize(
    "files",
    [
        {"u1.test": None},
        {"u.item": None},
        {"u.data": ""},
        {"u.data": "one\ttwo\tthree\tfour\n"},
        {"u.data": "1\t9\t5\t10\n1\t2\t5\t10\n"},
        {"u1.test": "1\t1\t5\t10\n2\t2\t4\t30\n"},
        {"u.item": "no titles\n"},
        None,
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt:UserWarning")
def test_another_archive(folder, files):
    path = archive(folder, **(files or {}))
    if files is None:
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(mtbench.DataError) as caught:
        MovieLensFolds().build(four_ratings("id"), 0)
    told = str(caught.value)
    assert told.startswith(f"{path} cannot be read as the archive of MovieLens 100K (")
    assert told.endswith("bring the official one: mtbench data import ml-100k.zip")
    assert "\n" not in told


@pytest.mark.parametrize(
    "data", [four_ratings("id", (4, 5, 3, 4)), data_of([0, 0, 1], [1, 2, 3]), data_of([0, 1])]
)
def test_other_ratings(folder, data):
    archive(folder)
    if "user_rating" not in data.interactions.columns:
        told = "reads column 'user_rating', which the data lacks"
    else:
        told = "made: split 'movielens-folds' divides MovieLens 100K, expected its ratings, found"
    with pytest.raises(mtbench.DataError, match=told):
        MovieLensFolds().build(data, 0)


@pytest.fixture(scope="module")
def files(data_dir):
    """Files of the archive: ratings as integers, and the titles."""
    path = Path(data_dir) / "downloads" / "manual" / "ml-100k.zip"
    if not path.is_file():
        pytest.skip("the archive of MovieLens 100K is not at hand")
    names = ("u1.base", "ua.test", *(f"u{number}.test" for number in range(1, 6)))
    with zipfile.ZipFile(path) as opened:
        read = {name: opened.read(f"ml-100k/{name}") for name in (*names, "u.item")}
    items = read.pop("u.item").decode("latin-1").splitlines()
    tables = {name: np.loadtxt(io.BytesIO(file), int) for name, file in read.items()}
    return tables, np.array(["", *(item.split("|")[1] for item in items)])


@pytest.mark.thorough
@pytest.mark.realdata
@pytest.mark.parametrize("candidate", ["title", "id"])
def test_the_folds_of_movielens(registry, data_dir, files, monkeypatch, candidate):
    """Each holds the ratings of its file, and the bias of the ranking task errs as much on them."""
    monkeypatch.setenv("TFDS_DATA_DIR", data_dir)
    dataset = MovieLens(candidate=candidate)
    data = load_data(dataset, registry.identity(dataset))
    every, (tables, titles) = data.interactions, files
    names = titles if candidate == "title" else np.arange(len(titles)).astype(str)
    code_of_movie = {name: code for code, name in enumerate(data.candidate.ids.tolist())}
    candidate_of = np.array([code_of_movie.get(name, -1) for name in names.tolist()])

    def contents(rows):
        user = data.query.ids[every.query[rows]].astype(int)
        stars, time = (every.columns[name][rows] for name in ("user_rating", "timestamp"))
        return ordered([user, every.candidate[rows], stars, time])

    def written(name):
        user, movie, stars, time = tables[name].T
        return ordered([user, candidate_of[movie], stars, time])

    def ordered(columns):
        return np.array(columns)[:, np.lexsort(columns)]

    tests = []
    for number in range(5):
        tests.append(MovieLensFolds().build(data, number).test)
        assert len(tests[-1]) == 20_000
        np.testing.assert_array_equal(contents(tests[-1]), written(f"u{number + 1}.test"))
    assert len(np.unique(np.concatenate(tests))) == 100_000
    first = MovieLensFolds(fold="u1").build(data, 3)
    np.testing.assert_array_equal(contents(first.train), written("u1.base"))
    ten = MovieLensFolds(fold="ua", validation_share=0.1).build(data, 0)
    np.testing.assert_array_equal(contents(ten.test), written("ua.test"))
    assert [len(part) for part in ten] == [81_513, 9_430, 9_057]

    known = every.take(first.train)
    floors = Ranking().floors(known, every.take(first.test), known)
    train, test = tables["u1.base"], tables["u1.test"]
    expected = bias_rmse(train, test, candidate_of)
    assert floors["user+item bias"]["rmse"] == pytest.approx(expected, abs=1e-9)


def bias_rmse(train, test, item_of):
    """RMSE of μ + b_u + b_i (Koren 2010, eq. 1), from the files, without the project's code."""
    mean = train[:, 2].mean()
    b_u = np.zeros(2000)
    user, item = train[:, 0], item_of[train[:, 1]]

    def fitted(of, rest, shrink):
        total, count = np.zeros(2000), np.full(2000, float(shrink))
        np.add.at(total, of, train[:, 2] - mean - rest)
        np.add.at(count, of, 1)
        return total / count

    for _ in range(10):
        b_i = fitted(item, b_u[user], 10)
        b_u = fitted(user, b_i[item], 15)
    predicted = mean + b_u[test[:, 0]] + b_i[item_of[test[:, 1]]]
    return np.sqrt(np.mean((test[:, 2] - predicted) ** 2))
