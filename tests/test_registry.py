"""Plugins: by entry point and by file, the same way for all."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from made import plugin_source

from mtbench.cli.main import main
from mtbench.errors import PluginError, SuiteError
from mtbench.plugin.registry import installed
from mtbench.runs import doctor
from mtbench.suite.reader import load_suite

ROOT = Path(__file__).parent.parent
PLUGIN = plugin_source()


def test_importing_mtbench_does_not_import_tensorflow():
    code = (
        "import sys, mtbench.cli, os;"
        "print('tensorflow' in sys.modules, os.environ['TF_USE_LEGACY_KERAS'])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False 1\n"


def test_loading_the_built_ins_does_not_import_what_is_slow():
    slow = "{'tensorflow', 'tensorflow_datasets', 'scipy', 'pandas', 'pyarrow', 'matplotlib'}"
    load = "import sys, mtbench.plugin.registry as r; r.installed()"
    code = f"{load}; print({slow} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_builtins_have_an_origin(registry):
    assert built_in(registry)
    for cls, origin in registry:
        if origin.distribution == "mtbench":
            assert len(origin.sha256) == 64, cls
            assert origin.plugin.startswith(f"{cls.kind}_")
    assert not [plugin for plugin in registry.failed if plugin.endswith("(mtbench)")]


def test_a_file(tmp_path, tiny):
    (tmp_path / "mine.py").write_text(PLUGIN)
    registry = installed()
    registry.load_file(tmp_path / "mine.py")
    registry.load_file(tmp_path / "mine.py")  # once is enough
    overrides = [f"plugins=[{tmp_path / 'mine.py'}]", "scenarios.joint.weighting=mine"]
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


@pytest.mark.thorough
def test_a_plugin_may_import_tensorflow_at_its_top(tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN)
    code = (
        "import sys, pathlib; from mtbench.plugin.registry import installed; r = installed();"
        "r.load_file(pathlib.Path('mine.py')); assert 'tensorflow' not in sys.modules;"
        "f = r.find('weighting', 'mine')().build({}); assert 'tensorflow' not in sys.modules;"
        "assert f([1.0, 2.0]).numpy() == 3; import tensorflow as tf; assert tf.constant(1) == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


OTHER = """
import mtbench

class Other(mtbench.LossWeighting):
    name = "other"

@mtbench.hookimpl
def mtbench_weightings():
    return [Other]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Make a distribution with one plugin, as pip would, in a folder of its own on the path."""

    def make(name, code, version="1.0", entry="mine"):
        folder = tmp_path / f"site-{name}"
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[mtbench]\n{entry} = {name}_plugin\n")
        (folder / f"{name}_plugin.py").write_text(code)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, f"{name}_plugin", raising=False)
        return folder / f"{name}_plugin.py"

    return make


def kinds_and_names(registry):
    return [(cls.kind, cls.name) for cls, _ in registry]


def built_in(registry):
    return [(c.kind, c.name) for c, origin in registry if origin.distribution == "mtbench"]


def test_built_ins_come_by_entry_point_only(monkeypatch):
    """Without the entry points there is nothing: the core knows none of them."""
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ())
    assert list(installed()) == []


BASELINES = "bayesian-fm biased-mf ease edlae from-file ials item-knn rp3beta svdpp".split()
TOWERS = """
    aitm bag cgc cross-stitch dcn dselect-k embedding feature mlp mmoe mtan ple sequence
    shared-bottom stem
""".split()
WEIGHTINGS = """
    aligned-mtl auto-lambda auxiliary cagrad config db-mtl dualproj dwa equal excess-mtl fairgrad
    famo fixed forum gls go4align gradcraft graddrop gradnorm gradvac imtl imtl-g imtl-l log
    metabalance mgda moco modo moml nash-mtl pcgrad pe-ltr rlw sdmgrad stch uncertainty upgrad uw-so
"""


def test_the_built_ins(registry):
    found = built_in(registry)
    assert [name for kind, name in found if kind == "weighting"] == WEIGHTINGS.split()
    assert [(kind, name) for kind, name in found if kind != "weighting"] == [
        ("dataset", "movielens"),
        ("dataset", "synthetic"),
        ("dataset", "table"),
        ("dataset", "tfds"),
        ("split", "cold"),
        ("split", "column"),
        ("split", "files"),
        ("split", "k-fold"),
        ("split", "leave-last-out"),
        ("split", "movielens-folds"),
        ("split", "random"),
        ("split", "stratified"),
        ("split", "temporal"),
        ("split", "user-temporal"),
        *(("tower", name) for name in TOWERS),
        ("task", "click"),
        ("task", "conversion"),
        ("task", "listwise"),
        ("task", "ranking"),
        ("task", "retrieval"),
        *(("baseline", name) for name in BASELINES),
        ("executor", "dask"),
        ("executor", "inline"),
        ("executor", "processes"),
        ("observer", "mlflow"),
        ("observer", "tensorboard"),
    ]


def test_the_origin_of_a_file_is_its_content(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    registry = installed()
    registry.load_file(path)
    origin = dict(registry)[registry.find("weighting", "mine")]
    assert origin.sha256 == hashlib.sha256(PLUGIN.encode()).hexdigest()
    assert str(origin) == "mine.py"


def test_the_identity_of_a_component(tmp_path):
    path = tmp_path / "other.py"
    path.write_text(OTHER.replace('"other"', '"other"\n    power: float = 2.0'))
    registry = installed()
    registry.load_file(path)
    component = registry.find("weighting", "other")(power=3)
    assert registry.identity(component) == {
        "name": "other",
        "options": {"power": 3.0},
        "origin": {
            "plugin": "other.py",
            "distribution": None,
            "version": None,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        },
    }


def test_the_same_file_by_another_path_is_loaded_once(tmp_path, monkeypatch):
    (tmp_path / "count.txt").write_text("")
    counting = (
        "from pathlib import Path\n"
        "with Path(__file__).with_name('count.txt').open('a') as stream:\n    stream.write('x')\n"
    )
    (tmp_path / "mine.py").write_text(counting + OTHER)
    (tmp_path / "link.py").symlink_to(tmp_path / "mine.py")
    monkeypatch.chdir(tmp_path)
    registry = installed()
    for path in (Path("mine.py"), tmp_path / "mine.py", tmp_path / "x" / ".." / "mine.py"):
        registry.load_file(path)
    registry.load_file(Path("link.py"))
    assert (tmp_path / "count.txt").read_text() == "x"


def test_two_files_of_one_name(tmp_path):
    """Their modules do not get in each other's way."""
    for folder, name in (("a", "first"), ("b", "second")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(OTHER.replace('"other"', f'"{name}"'))
    registry = installed()
    registry.load_file(tmp_path / "a" / "mine.py")
    registry.load_file(tmp_path / "b" / "mine.py")
    assert {("weighting", "first"), ("weighting", "second")} <= set(kinds_and_names(registry))


def test_annotations_that_are_text(tmp_path):
    """pydantic finds what they name in the module of a file, too."""
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\nfrom typing import Literal\n"
        "Form = Literal['a', 'b']\n" + OTHER.replace('"other"', "'other'\n    form: Form = 'a'")
    )
    registry = installed()
    registry.load_file(tmp_path / "mine.py")
    assert registry.find("weighting", "other")(form="b").form == "b"


def test_a_broken_file_leaves_no_component_behind(tmp_path):
    (tmp_path / "mine.py").write_text(OTHER.replace("[Other]", "[Other, dict]"))
    registry = installed()
    with pytest.raises(PluginError, match="found dict"):
        registry.load_file(tmp_path / "mine.py")
    assert ("weighting", "other") not in kinds_and_names(registry)
    (tmp_path / "mine.py").write_text(OTHER)
    registry.load_file(tmp_path / "mine.py")  # after it was mended
    assert ("weighting", "other") in kinds_and_names(registry)


def test_a_plugin_with_a_duplicate_leaves_no_component_behind(tmp_path):
    more = OTHER.replace(
        "@mtbench", "class Again(mtbench.LossWeighting):\n    name = 'fixed'\n\n@mtbench"
    )
    (tmp_path / "mine.py").write_text(more.replace("[Other]", "[Other, Again]"))
    registry = installed()
    before = kinds_and_names(registry)
    with pytest.raises(PluginError, match="'fixed' is offered twice"):
        registry.load_file(tmp_path / "mine.py")
    assert kinds_and_names(registry) == before


def test_an_installed_weighting_is_seen_with_its_version(install):
    path = install("lodger", OTHER, version="1.2")
    registry = installed()
    origin = dict(registry)[registry.find("weighting", "other")]
    assert (origin.plugin, origin.distribution, origin.version) == ("mine", "lodger", "1.2")
    assert origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(origin) == "lodger 1.2"


def test_a_broken_installed_plugin_does_not_stop_others(install, registry):
    install("broken", "1 / 0\n", entry="bad")
    install("hookless", "x = 1\n", entry="none")
    install("lodger", OTHER)
    found = installed()
    assert found.failed == {
        **registry.failed,
        "bad (broken)": "ZeroDivisionError: division by zero",
        "none (hookless)": (
            "implements no hook (known: mtbench_datasets, mtbench_splits, mtbench_towers, "
            "mtbench_tasks, mtbench_weightings, mtbench_baselines, mtbench_executors, "
            "mtbench_observers, mtbench_run_started, mtbench_epoch_ended, mtbench_run_found, "
            "mtbench_run_finished)"
        ),
    }
    assert set(kinds_and_names(found)) == {*kinds_and_names(registry), ("weighting", "other")}
    with pytest.raises(PluginError) as caught:
        found.find("weighting", "fixd")
    message = str(caught.value)
    assert message.startswith("unknown weighting 'fixd' (did you mean 'fixed'?); plugin ")
    assert "; plugin bad (broken) failed to load: ZeroDivisionError: division by zero" in message


def test_two_installed_plugins_of_one_name_are_an_error_where_it_is_used(install, tiny, capsys):
    """Suites that do without it run; what else the plugins offer is there."""
    install("lodger", OTHER)
    more = "class More(mtbench.LossWeighting):\n    name = 'more'\n\nclass Other"
    also = OTHER.replace("class Other", more).replace("[Other]", "[More, Other]")
    install("second", also, version="2.0", entry="also")
    found = installed()
    assert found.find("weighting", "more").name == "more"
    with pytest.raises(PluginError) as caught:
        found.find("weighting", "other")
    message = str(caught.value)
    assert message.startswith("weighting 'other' is offered twice: by ")
    assert "lodger 1.0 (mine)" in message
    assert "second 2.0 (also)" in message
    assert found.problems[-1] == message
    assert load_suite(tiny, found).scenarios
    with pytest.raises(
        SuiteError, match=r"scenarios\.joint\.weighting\.name: weighting 'other' is"
    ):
        load_suite(tiny, found, overrides=["scenarios.joint.weighting=other"])
    assert main(["check", str(tiny)]) == 0
    assert f"mtbench: warning: {message}\n" in capsys.readouterr().err
    finding = [each for each in doctor._plugins() if each.found == message]
    assert [each.state for each in finding] == ["WRONG"]


def test_a_stranger_does_not_take_the_name_of_a_built_in(install, tiny):
    """Whichever is found first: neither is taken for the other."""
    install("aaa", OTHER.replace('"other"', '"fixed"'))
    found = installed()
    with pytest.raises(PluginError, match="weighting 'fixed' is offered twice"):
        found.find("weighting", "fixed")


def test_one_name_for_two_kinds_is_allowed(tmp_path):
    tower = OTHER.replace("LossWeighting", "Tower").replace("mtbench_weightings", "mtbench_towers")
    (tmp_path / "tower.py").write_text(tower)
    (tmp_path / "weighting.py").write_text(OTHER)
    registry = installed()
    registry.load_file(tmp_path / "tower.py")
    registry.load_file(tmp_path / "weighting.py")
    assert {("tower", "other"), ("weighting", "other")} <= set(kinds_and_names(registry))


def test_unknown_names(registry):
    for kind, name, message in (
        ("tower", "embeding", "unknown tower 'embeding' (did you mean 'embedding'?)"),
        ("tower", "x", f"unknown tower 'x' (known: {', '.join(TOWERS)})"),
    ):
        with pytest.raises(PluginError) as caught:
            registry.find(kind, name)
        assert str(caught.value) == message
