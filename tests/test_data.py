"""Encoding, fingerprint, cache."""

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import mtbench
from mtbench import data as module
from mtbench.data import Data, load_data


def make(rating=3.0, candidates=(b"9", b"10", b"9"), catalogue=None):
    return Data.encode(
        query=("user_id", np.array([b"b", b"a", b"b"])),
        candidate=("movie_id", np.array(candidates)),
        columns={"user_rating": np.array([1.0, 2.0, rating], np.float32)},
        source="made",
        catalogue=catalogue,
    )


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
    data = make(catalogue=(ids, names))
    assert data.candidate.ids.tolist() == ["Rest", "Same"]
    assert data.interactions.candidate.tolist() == [1, 1, 1]
    assert data.interactions.num_candidates == 2


def test_a_candidate_outside_the_catalogue_is_refused():
    ids = np.array([b"9"])
    with pytest.raises(mtbench.DataError, match="is not in the catalogue"):
        make(catalogue=(ids, ids))


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


def test_processes_at_once_leave_one_whole_entry(folder):
    code = (
        "from mtbench.data import load_data; from mtbench_plugins.datasets.synthetic import *;"
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
    assert module.cache_dir() == Path("/somewhere")
