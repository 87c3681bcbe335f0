"""The project's files hold together."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

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
        (folder.name if folder == base else f"{folder.parent.name}.{folder.name}").replace(
            "plugins", "mtbench_plugins"
        )
        for base in (ROOT / "mtbench", ROOT / "plugins")
        for folder in (base, *base.iterdir())
        if (folder / "__init__.py").exists()
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders


def test_every_dependency_has_a_lower_bound_and_a_reason():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    project = PROJECT["project"]
    for name in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
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
