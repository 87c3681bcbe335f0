"""`mtbench doctor`: what is there, what is wrong, and what to do."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from mtbench.cli.main import main
from mtbench.extras import EXTRAS
from mtbench.runs import doctor
from mtbench.runs.doctor import Finding

ROOT = Path(__file__).parent.parent
GOLDEN = """\
mtbench VERSION
ok      python: VERSION
ok      click: VERSION
ok      importlib_resources: VERSION
ok      moocore: VERSION
ok      numpy: VERSION
ok      platformdirs: VERSION
ok      pluggy: VERSION
ok      psutil: VERSION
ok      pydantic: VERSION
ok      pyyaml: VERSION
ok      rich: VERSION
ok      scipy: VERSION
ok      tensorflow: VERSION
ok      tf-keras: VERSION
ok      tensorflow-datasets: VERSION
ok      tensorflow-recommenders: VERSION
ok      report: plots of the page; matplotlib
ok      tables: frames, Parquet, and data from your own files; pandas, pyarrow
ok      tune: `tune:`, options chosen on the validation part; optuna
ok      tensorboard: `--track tensorboard`; tensorboard
ok      mlflow: `--track mlflow`; mlflow-skinny, alembic, sqlalchemy
ok      baselines: the baseline bayesian-fm; myfm
ok      dask: the executor dask: runs on several machines; distributed
ok      slurm: the executor dask on SLURM, PBS or LSF; dask-jobqueue
ok      plugins: NUMBER components
ok      data of movielens: none is prepared in data (TFDS_DATA_DIR, --data-dir); \
others are fetched when a suite asks
ok      cache: cache: 0 encoded datasets, 0.0 MB
ok      threads: 2, by TF_NUM_INTRAOP_THREADS
ok      device: cpu (no accelerator to be seen; TensorFlow was not asked)
TensorFlow was not imported: --tensorflow tries that, in some seconds
nothing is wrong
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MTBENCH_CACHE_DIR", "cache")
    monkeypatch.setenv("TFDS_DATA_DIR", "data")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    monkeypatch.setattr(doctor, "device", lambda: "cpu")
    monkeypatch.setattr(sys, "modules", {**sys.modules})
    sys.modules.pop("tensorflow.python", None)


def found(what, look):
    """What one look finds."""
    return [each for each in doctor._guarded(what, look) if each.what == what]


def test_what_it_says(capsys):
    assert main(["doctor"]) == 0
    text = re.sub(r"(mtbench|[\w-]+:) \d[\w.]*(?=\n)", r"\1 VERSION", capsys.readouterr().out)
    assert re.sub(r"\d+ components", "NUMBER components", text) == GOLDEN


def test_the_extras_are_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert [*EXTRAS] == [
        n for n in project["project"]["optional-dependencies"] if n not in ("dev", "docs")
    ]


def versions(monkeypatch, **others):
    """Other versions of packages; None for one that is not installed."""
    version = metadata.version

    def other(name):
        key = name.replace("-", "_")
        if key in others and others[key] is None:
            raise metadata.PackageNotFoundError(name)
        return others.get(key) or version(name)

    monkeypatch.setattr(metadata, "version", other)


def test_a_package_that_is_missing_or_old(monkeypatch, capsys):
    versions(monkeypatch, tensorflow=None, scipy="1.9.3", optuna=None, numpy="2.0rc1")
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    for line, fix in (
        ("WRONG   tensorflow: is not installed", "pip install 'tensorflow>=2.21'"),
        ("WRONG   scipy: expected 1.15 or later, found 1.9.3", "pip install 'scipy>=1.15'"),
        (
            "absent  tune: `tune:`, options chosen on the validation part; lacks optuna",
            "pip install 'mtbench[tune]'",
        ),
    ):
        assert lines[lines.index(line) + 1] == f"        → {fix}"
    assert lines[-1] == "3 things are wrong"  # numpy 2.0rc1 is before 2.0


def test_an_extra_that_is_absent_is_not_wrong(monkeypatch, capsys):
    versions(monkeypatch, optuna=None, myfm=None)
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.count("absent  ") == 2


def test_keras_goes_with_tensorflow(monkeypatch):
    versions(monkeypatch, tensorflow="2.22.1", tf_keras="2.21.0")
    assert found("tf-keras", doctor._packages)[-1] == Finding(
        "WRONG",
        "tf-keras",
        "expected 2.22, as tensorflow has, found 2.21.0",
        "pip install 'tf-keras~=2.22.0'",
    )


def test_data_that_is_prepared(monkeypatch):
    for config, parts in (("100k", ("ratings", "movies")), ("1m", ("ratings",))):
        for part in parts:
            folder = Path("data/movielens") / f"{config}-{part}" / "0.1.1"
            folder.mkdir(parents=True)
            (folder / "dataset_info.json").touch()
    (finding,) = found("data of movielens", doctor._plugins)
    assert finding.found.startswith("100k prepared in data (")


def test_plugins_that_fail_are_told_by_reason(tmp_path, monkeypatch, capsys):
    for name, text in (("one", "import nothing_at_all"), ("two", "import nothing_at_all"),
                       ("three", "1 / 0")):  # fmt: skip
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[mtbench]\n{name} = doctor_{name}\n")
        (tmp_path / f"doctor_{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["doctor"]) == 1
    told = [each.found for each in found("plugins", doctor._plugins) if each.state == "WRONG"]
    reason = "ModuleNotFoundError: No module named 'nothing_at_all'"
    assert sorted(re.sub("one|two", "X", line) for line in told) == [
        f"X (X) and 1 more failed to load: {reason}",
        "three (three) failed to load: ZeroDivisionError: division by zero",
    ]


def test_two_plugins_of_one_name_are_a_line(monkeypatch):
    def refuse():
        raise doctor.MtbenchError("offered twice")

    monkeypatch.setattr(doctor, "installed", refuse)
    assert found("plugins", doctor._plugins) == [Finding("WRONG", "plugins", "offered twice")]


def test_threads_that_are_no_number(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "many")
    (finding,) = found("threads", doctor._threads)
    assert finding.state == "note"
    assert finding.found.endswith("; expected a number in TF_NUM_INTRAOP_THREADS, found 'many'")


def test_a_cache_that_cannot_be_written_to(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    (finding,) = found("cache", doctor._cache)
    assert (finding.state, finding.found[-22:]) == ("note", "; cannot be written to")


def test_a_look_that_raises_is_a_line(monkeypatch, capsys):
    def broken():
        raise ImportError("no\nlibcuda")

    monkeypatch.setattr(doctor, "device", broken)
    assert main(["doctor"]) == 1
    assert "WRONG   device: ImportError: no libcuda\n" in capsys.readouterr().out


WITHOUT = """
import importlib.machinery, importlib.metadata as metadata, sys
finder, version = importlib.machinery.PathFinder, metadata.version
find = finder.find_spec
finder.find_spec = lambda name, *a: None if name.split('.')[0] == 'tensorflow' else find(name, *a)
def other(name):
    if name == 'tensorflow': raise metadata.PackageNotFoundError(name)
    return version(name)
metadata.version = other
from mtbench.cli.main import main
sys.exit(main(['doctor']))
"""


def test_without_tensorflow():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "WRONG   tensorflow: is not installed\n" in done.stdout
    assert "failed to load: ModuleNotFoundError: No module named 'tensorflow'" in done.stdout
    assert done.stdout.endswith(" things are wrong\n")


@pytest.mark.thorough
def test_tensorflow_is_imported_where_it_is_asked_for(capsys):
    assert main(["doctor", "--tensorflow"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"ok      import: TensorFlow in \d+ s, devices: .*CPU:0", lines[-2])
    assert not [line for line in lines if "not imported" in line]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise ImportError('libdevice is\\nmissing')", "cannot be imported: missing"),
        ("import os; os.abort()", "cannot be imported: ended with -6"),
        ("while True: pass", "took more than 1 s"),
    ],
)
def test_a_broken_tensorflow_is_a_line(monkeypatch, code, told):
    monkeypatch.setattr(doctor, "IMPORT", code)
    monkeypatch.setattr(doctor, "PATIENCE", 1)
    finding = doctor._import()
    assert (finding.state, finding.found) == ("WRONG", f"TensorFlow {told}")
    assert finding.fix.startswith("pip install")
