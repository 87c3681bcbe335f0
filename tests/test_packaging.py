"""The project's files hold together."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import mtbench

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_plugin_has_an_entry_point():
    files = {
        "mtbench_plugins." + ".".join(path.relative_to(ROOT / "plugins").with_suffix("").parts)
        for path in (ROOT / "plugins").rglob("*.py")
        if path.name != "__init__.py"
    }
    assert set(PROJECT["project"]["entry-points"]["mtbench"].values()) == files


def test_every_folder_is_packaged():
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts).replace("plugins", "mtbench_plugins")
        for base in (ROOT / "mtbench", ROOT / "plugins")
        for path in base.rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders


def test_every_dependency_has_a_lower_bound_and_a_reason():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    project = PROJECT["project"]
    extras = [name for extra in project["optional-dependencies"].values() for name in extra]
    for name in [*project["dependencies"], *extras]:
        if name.startswith("mtbench["):
            continue
        assert ">=" in name
        (line,) = [line for line in lines if f'"{name}"' in line]
        reasons = {"mypy", "pre-commit", "pytest", "ruff"}  # say it by their name
        assert "#" in line or name.split(">=")[0] in reasons


def test_no_file_names_a_registry_or_a_path_of_the_machine():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    bad = re.compile(
        "|".join(["pypi" + r"\.org", "files" + r"\.pythonhosted", "/wo" + "rk/", "/ro" + "ot/"])
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file():
            assert not bad.search(path.read_text(errors="ignore")), name


def test_an_entry_point_is_named_after_kind_and_file():
    for name, module in PROJECT["project"]["entry-points"]["mtbench"].items():
        _, folder, file = module.split(".")
        kind = folder if folder == "weighting" else folder.removesuffix("s")
        assert name == f"{kind}_{file}"


def test_the_installed_project_is_this_one():
    """Its entry points are those of pyproject.toml: `pip install -e .` again where this fails."""
    found = {entry.name: entry.value for entry in entry_points(group="mtbench")}
    expected = PROJECT["project"]["entry-points"]["mtbench"]
    assert found.items() >= expected.items()


def test_no_python_file_is_outside_a_package():
    for base in (ROOT / "mtbench", ROOT / "plugins"):
        for path in base.rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


def test_types_are_shipped():
    for package in ("mtbench", "mtbench_plugins"):
        assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"][package]
    for folder in ("mtbench", "plugins"):
        assert (ROOT / folder / "py.typed").exists()


EXTRAS = PROJECT["project"]["optional-dependencies"]


def test_what_the_core_and_the_plugins_import_is_a_dependency():
    declared = {
        re.split(r"[^A-Za-z0-9_-]", name)[0].lower().replace("-", "_")
        for name in [
            *PROJECT["project"]["dependencies"],
            *(n for extra in ("report", "tables") for n in EXTRAS[extra]),
            "pytest",  # of pytest's own plugin
        ]
    }
    names = {"yaml": "pyyaml", "pydantic_core": "pydantic"}
    used = set()
    for base in (ROOT / "mtbench", ROOT / "plugins"):
        for path in base.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    used |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    used.add(node.module.partition(".")[0])
    third_party = used - sys.stdlib_module_names - {"mtbench"}
    assert {names.get(name, name) for name in third_party} <= declared


def test_the_version_is_in_one_place():
    assert "version" not in PROJECT["project"]
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert (
        PROJECT["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "mtbench.version.__version__"
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+", mtbench.__version__)
