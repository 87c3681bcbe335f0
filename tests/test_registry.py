"""Plugins: by entry point and by file, the same way for all."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mtbench.errors import PluginError
from mtbench.lazy import lazy_imports, quiet_stderr
from mtbench.registry import installed
from mtbench.suite import load_suite

ROOT = Path(__file__).parent.parent
PLUGIN = '''
"""A weighting."""
import tensorflow as tf
import mtbench

class Mine(mtbench.LossWeighting):
    """Mine."""
    name = "mine"
    def build(self, tasks):
        return lambda losses: tf.reduce_sum(losses)

@mtbench.hookimpl
def mtbench_weightings():
    return [Mine]
'''


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


def test_the_core_names_no_plugin():
    for path in (ROOT / "mtbench").rglob("*.py"):
        assert not [n for n, _ in imports(path) if n.startswith(("mtbench_plugins", "plugins"))]
        assert "mtbench_plugins" not in path.read_text()


def test_tensorflow_is_imported_in_three_modules():
    found = {
        path.relative_to(ROOT / "mtbench").as_posix()
        for path in (ROOT / "mtbench").rglob("*.py")
        if any(name.startswith("tensorflow") for name, _ in imports(path))
    }
    assert found == {"model.py", "softmax.py", "training.py"}


def test_nobody_imports_keras_by_a_path_that_may_be_keras_3():
    for folder in ("mtbench", "plugins", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            bad = [n for n, _ in imports(path) if n.startswith(("tensorflow.keras", "keras"))]
            assert not bad, path


def test_importing_mtbench_does_not_import_tensorflow():
    code = (
        "import sys, mtbench.cli, os;"
        "print('tensorflow' in sys.modules, os.environ['TF_USE_LEGACY_KERAS'])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False 1\n"


def test_builtins_have_an_origin(registry):
    for cls, origin in registry:
        assert origin.distribution == "mtbench"
        assert len(origin.sha256) == 64, cls
        assert origin.plugin.startswith(f"{cls.kind}_")
    assert registry.failed == {}


def test_a_file(tmp_path, tiny):
    (tmp_path / "mine.py").write_text(PLUGIN)
    registry = installed()
    registry.load_file(tmp_path / "mine.py")
    registry.load_file(tmp_path / "mine.py")  # once is enough
    overrides = ["plugins=[mine.py]", "scenarios.joint.weighting=mine"]
    suite = load_suite(tiny, registry, overrides=overrides)
    origin = registry.origin(suite.scenarios["joint"].weighting)
    assert (origin.plugin, origin.distribution, origin.version) == ("mine.py", None, None)
    assert len(origin.sha256) == 64


def test_an_installed_distribution(tmp_path, monkeypatch, tiny):
    info = tmp_path / "stranger-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[mtbench]\nmine = stranger_plugin\n")
    (tmp_path / "stranger_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    registry = installed()
    suite = load_suite(tiny, registry, overrides=["scenarios.joint.weighting=mine"])
    origin = registry.origin(suite.scenarios["joint"].weighting)
    assert (origin.plugin, origin.distribution, origin.version) == ("mine", "stranger", "1.2")
    (tmp_path / "again.py").write_text(PLUGIN)
    with pytest.raises(PluginError, match=r"'mine' is offered twice: by stranger 1\.2"):
        registry.load_file(tmp_path / "again.py")


def test_a_plugin_may_import_tensorflow_at_its_top(tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN)
    code = (
        "import sys, pathlib; from mtbench.registry import installed; r = installed();"
        "r.load_file(pathlib.Path('mine.py')); assert 'tensorflow' not in sys.modules;"
        "f = r.find('weighting', 'mine')().build({}); assert 'tensorflow' not in sys.modules;"
        "assert f([1.0, 2.0]).numpy() == 3; import tensorflow as tf; assert tf.constant(1) == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_a_stand_in_loads_at_its_first_attribute(tmp_path, monkeypatch):
    (tmp_path / "slow_module.py").write_text("value = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    with lazy_imports("slow_module", "a_module_that_is_not_there"):
        import slow_module

        with pytest.raises(ImportError):
            import a_module_that_is_not_there  # noqa: F401
    assert "slow_module" not in sys.modules
    assert slow_module.value == 3
    assert sys.modules["slow_module"].value == 3
    with pytest.raises(AttributeError):
        slow_module.nothing  # noqa: B018


def test_quiet_stderr(capfd):
    import os

    with quiet_stderr():
        os.write(2, b"hidden")

    def fail():
        with quiet_stderr():
            os.write(2, b"shown")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert capfd.readouterr().err == "shown"
