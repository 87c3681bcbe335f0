"""Who may import what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KERAS = ("tensorflow.keras", "keras", "tf_keras", "tensorflow.python.keras")
TENSORFLOW = {
    "kit/draws.py",
    "kit/features.py",
    "kit/histories.py",
    "kit/negatives.py",
    "kit/networks.py",
    "kit/ordinal.py",
    "kit/rows.py",
    "kit/scores.py",
    "kit/softmax.py",
    "kit/solvers.py",
    "plugin/batch.py",
    "testing/components.py",
    "testing/probe.py",
    "testing/tiny.py",
    "testing/weightings.py",
    "train/clock.py",
    "train/diagnostics.py",
    "train/embedding.py",
    "train/feed.py",
    "train/gradients.py",
    "train/model.py",
    "train/pace.py",
    "train/state.py",
    "train/trainer.py",
    "train/updates.py",
    "train/weigher.py",
}


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


def test_tensorflow_is_imported_in_few_modules_of_the_core():
    names = ("tensorflow", "tensorflow_recommenders", "tensorflow_datasets")
    found = {
        path.relative_to(ROOT / "mtbench").as_posix()
        for path in sources("mtbench")
        if any(within(name, names) for name in imports(path.read_text()))
    }
    assert found == TENSORFLOW


def test_the_core_imports_no_plugin():
    for path in sources("mtbench"):
        text = path.read_text()
        names = ("mtbench_plugins", "plugins", "tests", "benchmarks")
        assert not [name for name in imports(text) if within(name, names)], path
        assert "mtbench_plugins" not in text, path


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
        and path.relative_to(ROOT / "mtbench").as_posix() not in TENSORFLOW
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
