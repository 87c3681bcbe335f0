"""Encoding, fingerprint, cache."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtbench
from mtbench import files
from mtbench.data import encoding
from mtbench.data.cache import cache_dir
from mtbench.data.dataset import Data
from mtbench.data.encoding import Coded, Known, Raw, distinct
from mtbench.data.store import load_data


def make(rating=3.0, candidates=(b"9", b"10", b"9"), catalogue=None):
    return Data.encode(
        query=("user_id", np.array([b"b", b"a", b"b"])),
        candidate=("movie_id", np.array(candidates), catalogue),
        columns={"user_rating": np.array([1.0, 2.0, rating], np.float32)},
        source="made",
    )


def with_columns(data, columns):
    rows = data.interactions
    return mtbench.Interactions(columns, rows.num_queries, rows.num_candidates)


class Counting(mtbench.Dataset):
    """Counts its loads."""

    name = "counting"
    loads: ClassVar[list[int]] = []

    def source_digest(self):
        return "digest"

    def load(self):
        self.loads.append(os.getpid())
        return make()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MTBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(Counting, "loads", [])
    return tmp_path / "cache" / "data"


def test_codes():
    data = make()
    assert data.query.ids.tolist() == ["a", "b"]
    assert data.candidate.ids.tolist() == ["10", "9"]
    assert data.interactions.query.tolist() == [1, 0, 1]
    assert data.interactions.candidate.tolist() == [1, 0, 1]
    assert data.interactions.query.dtype == data.interactions.candidate.dtype == np.int32


def test_names_of_a_catalogue_are_merged():
    ids, names = np.array([b"9", b"7", b"10"]), np.array([b"Same", b"Rest", b"Same"])
    data = make(catalogue=Known(ids, names=names))
    assert data.candidate.ids.tolist() == ["Rest", "Same"]
    assert data.interactions.candidate.tolist() == [1, 1, 1]
    assert data.interactions.num_candidates == 2


def test_a_candidate_outside_the_catalogue_is_refused():
    ids = np.array([b"9"])
    with pytest.raises(mtbench.DataError, match="is not in the catalogue"):
        make(catalogue=Known(ids))


def test_no_interaction_is_refused():
    empty = np.array([], dtype="S1")
    with pytest.raises(mtbench.DataError, match="found none"):
        Data.encode(("u", empty), ("c", empty), {}, "nothing")


def test_fingerprint_is_that_of_the_content():
    assert make().fingerprint == make().fingerprint
    assert make().fingerprint != make(rating=4.0).fingerprint
    assert make().fingerprint != make(candidates=(b"9", b"11", b"9")).fingerprint


def test_cache_round_trip(folder):
    first, second = (load_data(Counting(), {"name": "counting"}) for _ in range(2))
    assert len(Counting.loads) == 1
    assert second.fingerprint == first.fingerprint
    recomputed = Data(second.query, second.candidate, second.interactions, second.source)
    assert recomputed.fingerprint == first.fingerprint
    assert second.source == "made"
    load_data(Counting(), {"name": "counting", "options": {"other": 1}})
    assert len(Counting.loads) == 2


@pytest.mark.parametrize("damage", ["truncate", "remove", "garbage"])
def test_a_damaged_entry_is_made_again(folder, damage):
    expected = load_data(Counting(), {}).fingerprint
    entry = next(folder.iterdir())
    if damage == "truncate":
        (entry / "column-query.npy").write_bytes(b"\x93NUMPY")
    elif damage == "remove":
        (entry / "candidate.npy").unlink()
    else:
        (entry / "meta.json").write_text("{")
    assert load_data(Counting(), {}).fingerprint == expected
    assert len(Counting.loads) == 2
    load_data(Counting(), {})
    assert len(Counting.loads) == 2


@pytest.mark.thorough
def test_processes_at_once_leave_one_whole_entry(folder):
    code = (
        "from mtbench.data.store import load_data;"
        "from mtbench_plugins.datasets.synthetic import *;"
        "print(load_data(Synthetic(num_ratings=50_000), {}).fingerprint)"
    )
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    found = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0] * 4
    assert len(found) == 1
    assert len([path.name for path in folder.iterdir()]) == 1


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTBENCH_CACHE_DIR", str(tmp_path / "file"))
    assert load_data(Counting(), {}).fingerprint == make().fingerprint


def test_cache_dir(monkeypatch):
    monkeypatch.setenv("MTBENCH_CACHE_DIR", "/somewhere")
    assert cache_dir() == Path("/somewhere")


def rewrite_meta(change):
    def damage(entry):
        meta = json.loads((entry / "meta.json").read_text())
        (entry / "meta.json").write_text(json.dumps(change(meta)))

    return damage


def without(key):
    return rewrite_meta(lambda meta: {k: v for k, v in meta.items() if k != key})


OTHER_DAMAGE = {
    "an array of length 0": lambda entry: (entry / "column-query.npy").write_bytes(b""),
    "ids of length 0": lambda entry: (entry / "query.npy").write_bytes(b""),
    "a list for meta": rewrite_meta(lambda meta: [meta]),
    "no source": without("source"),
    "no fingerprint": without("fingerprint"),
    "another fingerprint": rewrite_meta(lambda meta: meta | {"fingerprint": "f" * 64}),
    "no checksum": without("checksum"),
    "a flipped bit of a column": lambda entry: flip(entry / "column-user_rating.npy", -2),
    "a flipped bit of an id": lambda entry: flip(entry / "query.npy", -4),
    "another type": lambda entry: flip(entry / "column-query.npy", 22),
}


def flip(path, place):
    """Flip a bit of a file, of a column's last number or of what says its type."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", OTHER_DAMAGE.values(), ids=OTHER_DAMAGE)
def test_an_entry_damaged_otherwise_is_made_again(folder, damage):
    """A crash of the machine can leave files of length 0 behind a finished rename."""
    expected = load_data(Counting(), {}).fingerprint
    damage(next(folder.iterdir()))
    assert load_data(Counting(), {}).fingerprint == expected
    assert len(Counting.loads) == 2


@pytest.mark.parametrize("name", ["column-query.npy", "query.npy", "meta.json"])
def test_an_entry_cut_in_the_middle_is_made_again(folder, name):
    expected = load_data(Counting(), {}).fingerprint
    path = next(folder.iterdir()) / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size - 1])
    assert load_data(Counting(), {}).fingerprint == expected
    assert len(Counting.loads) == 2


def test_what_killed_writers_left_goes_with_the_next_write(folder):
    """Not what is being written, here or in another container."""
    folder.mkdir(parents=True)
    mine, other, older = (
        *(files.temporary_for(folder / "abc"),),
        *(folder / f"abc.01234567-{n}-1-ab.tmp" for n in range(2)),
    )
    for place in (mine, other, older):
        place.mkdir()
        (place / "column-query.npy").write_bytes(b"x")
    for place in (older / "column-query.npy", older, other):  # a file in `other` is being written
        os.utime(place, (0, 0))
    load_data(Counting(), {})
    assert {mine, other} < {*folder.iterdir()}
    assert not older.exists()


def test_a_write_that_fails_leaves_nothing(folder, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert load_data(Counting(), {}).fingerprint == make().fingerprint
    assert list(folder.iterdir()) == []


def test_a_dataset_without_digest_is_not_cached(folder, monkeypatch):
    monkeypatch.setattr(Counting, "source_digest", lambda self: None)
    for _ in range(2):
        load_data(Counting(), {})
    assert len(Counting.loads) == 2
    assert not folder.exists()


def test_the_digest_is_part_of_the_key(folder, monkeypatch):
    load_data(Counting(), {})
    monkeypatch.setattr(Counting, "source_digest", lambda self: "other")
    load_data(Counting(), {})
    assert len(Counting.loads) == 2


def test_storage_does_not_change_the_fingerprint(tmp_path):
    """Strided, memory-mapped and wider arrays of one content."""
    data = make()
    columns = data.interactions.columns
    strided = {name: np.repeat(column, 2)[::2] for name, column in columns.items()}
    assert not strided["query"].flags.c_contiguous
    mapped = {}
    for name, column in columns.items():
        np.save(tmp_path / name, column)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    wide = dataclasses.replace(data.query, ids=data.query.ids.astype("U9"))
    for other in (strided, mapped):
        rows = with_columns(data, other)
        assert dataclasses.replace(data, query=wide, interactions=rows).fingerprint == (
            data.fingerprint
        )


def test_every_part_of_the_content_is_in_the_fingerprint():
    data, rows = make(), make().interactions
    others = [
        dataclasses.replace(data, query=dataclasses.replace(data.query, key="other")),
        dataclasses.replace(data, query=dataclasses.replace(data.query, ids=np.array(["a", "c"]))),
        dataclasses.replace(
            data, candidate=dataclasses.replace(data.candidate, ids=np.array(["1", "09"]))
        ),
        *(
            dataclasses.replace(data, interactions=with_columns(data, {**rows.columns, name: new}))
            for name, new in {
                "query": rows.query[::-1] * 0,
                "candidate": rows.candidate[::-1] * 0,
                "timestamp": np.arange(3),
            }.items()
        ),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 7


def test_an_empty_catalogue_is_refused():
    empty = np.array([], "S1")
    with pytest.raises(mtbench.DataError, match="is not in the catalogue"):
        make(catalogue=Known(empty))


def test_present_order_of_ids_is_that_of_their_texts():
    """However they come: bytes of any width, text, integers, counted out."""
    numbers = np.array([10, 9, 100, 9, 1])
    long = np.array([b"x" * 9 + str(n).encode() for n in numbers])
    expected = (["1", "10", "100", "9"], [1, 3, 2, 3, 0])
    coded = Coded(np.array([b"9", b"77", b"1", b"100", b"10"]), np.array([4, 0, 3, 0, 2]))
    for values in (numbers, numbers.astype(str), numbers.astype("S"), long, coded):
        texts, codes = distinct(values)
        assert ([text.lstrip("x") for text in texts], codes.tolist()) == expected
        assert codes.dtype == np.int32


@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=9)
    ),
    st.integers(1, 4),
)
def test_chunks_make_no_difference(texts, size):
    if not texts:
        return
    for values in (np.array(texts), np.array([text.encode() for text in texts])):
        with mock.patch.object(encoding, "CHUNK", size):
            found, codes = distinct(values)
        expected, positions = np.unique(np.array(texts), return_inverse=True)
        assert found.tolist() == expected.tolist() == sorted(set(texts))
        assert codes.tolist() == positions.tolist()


USERS = Known(
    np.array([b"c", b"b", b"x"]),
    {
        "group": Raw("categorical", np.array(["two", "one", ""])),
        "age": Raw("numeric", [30.0, np.nan, 99.0]),
    },
)
ITEMS = Known(
    np.array([1, 2, 3, 4]),
    {
        "genres": Raw("multi_hot", [["War"], ["Action", "War"], [], ["Action", ""]]),
        "year": Raw("numeric", [1990.0, 1994.0, np.nan, 1992.0]),
        "kind": Raw("categorical", [b"film", b"film", b"", b"short"]),
    },
    names=np.array(["B", "A", "A", "C"]),
)


def described():
    return Data.encode(
        ("user", np.array([b"c", b"a", b"b"]), USERS),
        ("item", np.array([4, 1, 3]), ITEMS),
        {"user_rating": np.arange(3, dtype=np.float32)},
        "made",
        notes=["a note"],
    )


def test_features_are_in_the_order_of_the_ids():
    query, candidate = described().query, described().candidate
    assert query.ids.tolist() == ["a", "b", "c"]  # x has no interaction, nothing is known of a
    group, age = query.features["group"], query.features["age"]
    assert (group.form, group.names.tolist()) == ("categorical", ["", "one", "two"])
    assert (group.values.tolist(), group.values.dtype) == ([0, 1, 2], np.int32)
    assert (age.form, age.values.tolist(), age.values.dtype) == ("numeric", [30] * 3, np.float32)
    assert age.names.size == 0
    assert candidate.ids.tolist() == ["A", "B", "C"]
    assert described().interactions.candidate.tolist() == [2, 1, 0]
    genres = candidate.features["genres"]
    assert (genres.form, genres.names.tolist()) == ("multi_hot", ["Action", "War"])
    assert (genres.values.tolist(), genres.values.dtype) == ([[1, 1], [0, 1], [1, 0]], np.uint8)
    assert candidate.features["year"].values.tolist() == [1994, 1990, 1992]
    kind = candidate.features["kind"]
    assert kind.names[kind.values].tolist() == ["film", "film", "short"]


def test_missing_numbers_are_the_mean_of_the_others():
    known = Known(np.array(["1", "2", "3"]), {"n": Raw("numeric", [2.0, np.nan, 4.0])})
    data = Data.encode(("u", np.array(["1", "1"])), ("i", np.array(["1", "3"]), known), {}, "made")
    assert data.candidate.features["n"].values.tolist() == [2, 3, 4]


@pytest.mark.parametrize("numbers", [[np.nan, np.nan], [1.0, np.inf]])
def test_a_number_that_is_none_is_refused(numbers):
    known = Known(np.array(["1", "2"]), {"age": Raw("numeric", numbers)})
    with pytest.raises(mtbench.DataError, match=r"feature 'age' of i: expected finite numbers"):
        Data.encode(("u", np.array(["1"])), ("i", np.array(["1"]), known), {}, "made")


def test_vectors_are_as_they_are_given():
    known = Known(
        np.array(["1", "2", "3"]),
        {"v": Raw("vector", np.array([[1, 2], [np.nan, np.nan], [3, 6]]))},
    )
    data = Data.encode(("u", np.array(["1", "1"])), ("i", np.array(["1", "3"]), known), {}, "made")
    given = data.candidate.features["v"]
    assert (given.form, given.values.dtype, given.names.size) == ("vector", np.float32, 0)
    assert given.values.tolist() == [[1, 2], [2, 4], [3, 6]]
    other = data.with_feature("candidate", "v", mtbench.Feature("vector", given.values * 2))
    assert other.candidate.features["v"].values.tolist() == [[2, 4], [4, 8], [6, 12]]
    assert data.candidate.features["v"] is given
    assert other.fingerprint != data.fingerprint
    with pytest.raises(
        mtbench.DataError, match=r"'w' of u: expected 1 rows, one for each id, .* 3"
    ):
        data.with_feature("query", "w", given)


@pytest.mark.parametrize("values", [[[1, 2], [3]], [["x"], ["y"]], [1, 2], [[], []]])
def test_vectors_that_are_none_are_refused(values):
    known = Known(np.array(["1", "2"]), {"v": Raw("vector", values)})
    with pytest.raises(mtbench.DataError, match="feature 'v' of i: expected vectors of numbers"):
        Data.encode(("u", np.array(["1"])), ("i", np.array(["1"]), known), {}, "made")


def test_what_is_described_twice_is_refused():
    known = Known(np.array(["1", "2", "1"]))
    with pytest.raises(mtbench.DataError, match="i '1' is described twice"):
        Data.encode(("u", np.array(["1"])), ("i", np.array(["1"]), known), {}, "made")


def test_a_multi_hot_feature_beyond_all_memory_is_refused(monkeypatch):
    monkeypatch.setattr(encoding, "MOST", 7)
    with pytest.raises(mtbench.DataError, match=r"4 ids × 2 values"):
        Data.encode(("u", np.array([1])), ("i", np.array([1]), ITEMS._replace(names=None)), {}, "m")


def test_features_and_notes_round_trip_through_the_cache(folder, monkeypatch):
    monkeypatch.setattr(Counting, "load", lambda self: described())
    first, second = load_data(Counting(), {}), load_data(Counting(), {})
    for data in (first, second):
        assert data.notes == ("a note",)
        assert isinstance(data.interactions.query, np.memmap)
        assert dataclasses.replace(data, notes=()).fingerprint == described().fingerprint
        for side in ("query", "candidate"):
            found, expected = getattr(data, side).features, getattr(described(), side).features
            assert list(found) == list(expected)
            for name, feature in found.items():
                assert feature.form == expected[name].form
                np.testing.assert_array_equal(feature.values, expected[name].values)
                assert feature.names.tolist() == expected[name].names.tolist()


def test_features_are_in_the_fingerprint():
    data = described()
    genres = data.candidate.features["genres"]

    def other(**changes):
        feature = dataclasses.replace(genres, **changes)
        features = {**data.candidate.features, changes.pop("key", "genres"): feature}
        return dataclasses.replace(
            data, candidate=dataclasses.replace(data.candidate, features=features)
        ).fingerprint

    without = dataclasses.replace(data, query=dataclasses.replace(data.query, features={}))
    found = {
        data.fingerprint,
        without.fingerprint,
        other(values=1 - genres.values),
        other(values=genres.values.astype(np.int8)),
        other(names=genres.names[::-1]),
        other(form="numeric"),
    }
    assert len(found) == 6
