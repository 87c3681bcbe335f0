"""Who may import what."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KERAS = ("tensorflow.keras", "keras", "tf_keras", "tensorflow.python.keras")
TENSORFLOW = ("kit/", "train/", "testing/", "plugin/batch.py")
"""Where the core imports TensorFlow: packages, and what heads are handed."""
SLOW = ("tensorflow", "tensorflow_recommenders", "tensorflow_datasets")
MODULES = 7
"""What the root may hold besides packages."""


def imports(source):
    """Dotted names that a source imports, wherever in it: `from a import b` gives `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def sources(*folders):
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    "line",
    [
        "import tensorflow.keras",
        "import tensorflow.keras.layers as kl",
        "from tensorflow import keras",
        "from tensorflow import constant, keras as k",
        "from tensorflow.keras import layers",
        "def f():\n    from tensorflow.keras.layers import Dense",
        "import keras",
        "import tf_keras as keras",
        "if True:\n    from keras.layers import Dense",
    ],
)
def test_the_search_for_keras_finds(line):
    assert any(within(name, KERAS) for name in imports(line))


@pytest.mark.parametrize(
    "line", ["import tensorflow as tf\ntf.keras.layers.Dense(1)", "from .keras import x"]
)
def test_the_search_for_keras_passes(line):
    assert not any(within(name, KERAS) for name in imports(line))


@pytest.mark.parametrize("folder", ["mtbench", "plugins", "tests", "benchmarks", "docs"])
def test_keras_is_not_imported_by_a_path_that_may_be_keras_3(folder):
    assert list(sources(folder))
    for path in sources(folder):
        assert not [n for n in imports(path.read_text()) if within(n, KERAS)], path


def of_core():
    """Each module of the core by its path below `mtbench/`."""
    return {path.relative_to(ROOT / "mtbench").as_posix(): path for path in sources("mtbench")}


def test_tensorflow_is_imported_in_few_packages_of_the_core():
    named = {
        name
        for name, path in of_core().items()
        if any(within(each, SLOW) for each in imports(path.read_text()))
    }
    assert not [name for name in named if not name.startswith(TENSORFLOW)]
    assert all(any(name.startswith(place) for name in named) for place in TENSORFLOW)


def test_the_root_holds_packages_and_few_modules():
    assert len([name for name in of_core() if "/" not in name]) <= MODULES


def lint(folder):
    """What import-linter says of the packages in a folder, and whether all contracts are kept."""
    lint_all = "from importlinter.cli import lint_imports; import sys"
    code = f"{lint_all}; sys.exit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def house(tmp_path):
    """A copy of the packages to plant something in."""
    for name, copy in (("mtbench", "mtbench"), ("plugins", "mtbench_plugins")):
        shutil.copytree(ROOT / name, tmp_path / copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_of_the_house_hold(house):
    kept, said = lint(house)
    assert kept, said


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("mtbench/data/cache.py", "import mtbench.runs.plan", "packages lie in layers"),
        ("mtbench/metrics/metric.py", "from mtbench.report import summary", "packages lie"),
        ("mtbench/records/store.py", "from mtbench.data import cache", "telling knows nothing"),
        ("mtbench_plugins/splits/random.py", "import mtbench.train.feed", "public face"),
        ("mtbench_plugins/splits/random.py", "import mtbench_plugins.splits.k_fold", "each other"),
        ("mtbench/newcomer.py", "", "packages lie in layers"),
    ],
)
def test_a_planted_import_breaks_a_contract(house, module, line, broken):
    path = house / module
    text = path.read_text() if path.exists() else ""
    head = "from __future__ import annotations\n"
    guarded = f"{head}\nfrom typing import TYPE_CHECKING as T\n\nif T:\n    {line or 'pass'}\n"
    path.write_text(text.replace(head, guarded, 1) if head in text else guarded + text)
    kept, said = lint(house)
    assert not kept
    assert (
        any(broken in each and "BROKEN" in each for each in said.splitlines()) or "exhaust" in said
    )


def test_the_core_imports_no_plugin():
    for path in sources("mtbench"):
        text = path.read_text()
        names = ("mtbench_plugins", "plugins", "tests", "benchmarks")
        assert not [name for name in imports(text) if within(name, names)], path
        assert "mtbench_plugins" not in text, path


@pytest.mark.parametrize("folder", ["records", "evidence", "report", "regress"])
def test_what_tells_imports_nothing_of_what_does(folder):
    """For typing neither."""
    doing = [f"mtbench.{name}" for name in ("plugin", "suite", "train", "runs", "kit", "data")]
    for path in sources(f"mtbench/{folder}"):
        assert not [n for n in imports(path.read_text()) if within(n, doing)], path


def test_plugins_do_not_import_each_other():
    """Each is one file that could be anybody's."""
    for path in sources("plugins"):
        assert not [n for n in imports(path.read_text()) if within(n, ["mtbench_plugins"])], path


def test_every_other_module_of_the_core_is_imported_without_tensorflow():
    """In a process of its own, module after module."""
    modules = [
        "mtbench." + ".".join(path.relative_to(ROOT / "mtbench").with_suffix("").parts)
        for path in sources("mtbench")
        if path.name not in ("__init__.py", "__main__.py")
        and not path.relative_to(ROOT / "mtbench").as_posix().startswith(TENSORFLOW)
    ]
    code = (
        "import importlib, os, sys\n"
        "for name in ('mtbench', *sys.argv[1:]):\n"
        "    importlib.import_module(name)\n"
        "    slow = {'tensorflow', 'tensorflow_recommenders', 'tensorflow_datasets', 'keras',\n"
        "            'tf_keras'} & set(sys.modules)\n"
        "    assert not slow, (name, slow)\n"
        "print(os.environ['TF_USE_LEGACY_KERAS'])\n"
    )
    assert "mtbench.cli.main" in modules
    command = [sys.executable, "-c", code, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")
