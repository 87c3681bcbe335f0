"""Disks that are full, folders that are read-only, and a user without a home."""

import contextlib
import os
import shutil
import subprocess
import sys

import made
import numpy as np
import pytest
from conftest import TINY

from mtbench.cli.main import main
from mtbench.data.store import load_data
from mtbench.errors import RecordError
from mtbench.records import store
from mtbench_plugins.datasets.synthetic import Synthetic

pytestmark = pytest.mark.storm
VALUES = {"ranking/rmse": np.random.default_rng(0).random(2000)}


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 kB, where one may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            yield place
            subprocess.run(["umount", str(place)], check=True)
            return
    pytest.skip("no tmpfs may be mounted here")


def test_a_full_disk_leaves_whole_records(small_disk):
    """Each write is all there or not at all, and what was there before stays."""
    written, refused = [], []
    for seed in range(60):
        record = made.record("joint", seed)
        try:
            written.append(store.write(small_disk, record, VALUES))
        except RecordError as error:
            refused.append(str(error).rpartition(": ")[2])
    assert written
    assert set(refused) == {"no space left on device"}
    for record in written:
        assert store.read(store.path_of(small_disk, record.run_id)) == record
        assert store.read_by_query(small_disk, record.run_id)
    assert not list(small_disk.glob("*.tmp"))
    assert len(list(small_disk.glob("*.json"))) == len(written)
    for target in ("page.csv", "page.html"):
        words = ["export", str(small_disk), str(small_disk / target)]
        if target.endswith("html"):
            words = ["report", str(small_disk), "--html", str(small_disk / target)]
        assert main(words) == 2
        assert not (small_disk / target).exists()


def test_a_cache_on_a_full_disk_costs_time_only(small_disk, monkeypatch):
    monkeypatch.setenv("MTBENCH_CACHE_DIR", str(small_disk))
    data = load_data(Synthetic(num_ratings=20_000), {})
    assert len(data.interactions) == 20_000
    assert list((small_disk / "data").iterdir()) == []


def as_a_user(*words, **environment):
    """Run mtbench without root's right to pass over permissions."""
    kept = {k: v for k, v in os.environ.items() if k not in ("HOME", "MTBENCH_CACHE_DIR")}
    rights = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] * (os.getuid() == 0)
    return subprocess.run(
        [*rights, sys.executable, "-m", "mtbench.cli", *map(str, words)],
        env=kept | environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture
def closed(tmp_path):
    """A folder of results and a suite that can be read, and one that cannot."""
    if os.getuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may write everywhere")
    (tmp_path / "tiny.yaml").write_text(TINY)
    results = made.write(tmp_path / "results" / "tiny", [made.record("joint", 0, suite="tiny")])
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    folders = {hidden: 0, results: 0o555, results.parent: 0o555, tmp_path: 0o555}
    for folder, mode in folders.items():
        folder.chmod(mode)
    yield tmp_path
    for folder in folders:
        folder.chmod(0o755)


def test_folders_without_permission_are_one_line(closed):
    suite, results, hidden = closed / "tiny.yaml", closed / "results" / "tiny", closed / "hidden"
    for words, code in (
        (["report", results], 0),
        (["report", results, "--html", closed / "x.html"], 2),
        (["export", results, closed / "x.csv"], 2),
        (["run", suite, "--results", closed / "results"], 2),
        (["check", hidden / "x.yaml"], 2),
        (["report", hidden], 2),
        (["report", hidden / "x"], 2),
        (["list", hidden], 2),
        (["list", closed], 0),
        (["show", "joint:0", "--results", closed], 0),
        (["check", suite, "-p", hidden / "x.py"], 2),
    ):
        done = as_a_user(*words, MTBENCH_CACHE_DIR=str(closed / "cache"))
        assert "Traceback" not in done.stderr, (words, done.stderr)
        assert done.returncode == code, (words, done.stderr)
        assert len(done.stderr.splitlines()) == (code == 2), (words, done.stderr)


def test_without_a_home(closed):
    for home in ({}, {"HOME": ""}, {"HOME": "/nonexistent"}):
        done = as_a_user("plan", closed / "tiny.yaml", "--results", closed / "r", **home)
        assert (done.returncode, done.stderr) == (0, "")
