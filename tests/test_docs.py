"""What the documentation shows works."""

import re
import textwrap
from pathlib import Path

import made
import pytest
import yaml

from mtbench.cli.main import main
from mtbench.plugin.registry import installed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def block(language, containing):
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(text for text in blocks if containing in text)


def commands():
    text = "".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))
    for line in text.splitlines():
        for command in line.partition("#")[0].split("&&"):
            if command.strip().startswith("mtbench"):
                yield command.split(">")[0].split()[1:]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the README's suite and plugin, and the project's suites."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(block("yaml", "name: mine"))
    (tmp_path / "worst.py").write_text(block("python", "Worst"))
    (tmp_path / "suites").symlink_to(ROOT / "suites")
    return tmp_path


def test_the_plugin_is_about_twenty_lines():
    lines = [line for line in block("python", "Worst").splitlines() if line.strip()]
    assert len(lines) <= 20


def test_the_plugin_runs(folder, capsys):
    words = ["run", "suites/quickstart.yaml", "-p", "worst.py", "-o", "train.epochs=1"]
    assert main([*words, "-o", "scenarios.joint.weighting=worst", "--scenario", "joint"]) == 0
    assert main(["plugins", "-p", "worst.py", "weighting", "worst"]) == 0
    assert "A large one evens the weights out." in capsys.readouterr().out


def test_the_suite_is_valid(folder, capsys):
    assert yaml.safe_load((folder / "mine.yaml").read_text())["name"] == "mine"
    assert main(["check", "mine.yaml"]) == 0
    assert "3 scenarios × 5 seeds = 15 runs" in capsys.readouterr().out


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_is_understood(folder, words, capsys, monkeypatch):
    """`run` and `tune` become `plan`, which reads the same suite and trains nothing."""
    words = made.as_plan(words)
    # there is no folder, nor an archive
    absent = ("report", "data", "compare", "gate", "export", "list", "show", "clean")
    expected = 2 if words[0] in absent else 0
    assert main(words) == expected
    told = capsys.readouterr().err
    assert "unknown" not in told
    assert "unrecognized" not in told


@pytest.mark.thorough
def test_the_example_from_python_runs(folder, capsys):
    code = block("python", "mtbench.run(")
    exec(code.replace("seeds=3", "seeds=1").replace('"train.epochs": 5', '"train.epochs": 1'), {})
    assert "1 seed is too few to compare joint with rating-only" in capsys.readouterr().out
    assert (folder / "quickstart.html").is_file()


def test_every_link_into_the_project_exists():
    for target in re.findall(
        r"\]\(([^)#]+)\)|`([a-z_]+/[\w./-]+)`", README + (ROOT / "CONTRIBUTING.md").read_text()
    ):
        name = target[0] or target[1]
        if not name.startswith(("http", "results")):
            assert (ROOT / name).exists(), name


STRATEGIES = (ROOT / "docs" / "strategies.md").read_text()


def test_the_page_of_strategies(folder, capsys):
    """Its commands are understood, its picture is there, its table has every strategy."""
    for command in re.findall(r"`mtbench ([^`A-Z]+)`", STRATEGIES):
        words = command.split()
        assert main(["plan" if words[0] == "run" else words[0], *words[1:]]) == 0
    assert (ROOT / "docs" / "toy.svg").is_file()
    named = set(re.findall(r"^\| `([a-z0-9-]+)", STRATEGIES, re.MULTILINE))
    assert named == {cls.name for cls, _ in installed() if cls.kind == "weighting"}


def test_the_contract_in_a_test():
    (code,) = re.findall(r"```python\n(.*?)```", STRATEGIES, re.DOTALL)
    names = {"MyStrategy": installed().find("split", "random")}  # whose contract is soon checked
    exec(textwrap.dedent(code), names)
    names["test_contract"]()


SETUPS = (ROOT / "docs" / "setups.md").read_text()


@pytest.mark.parametrize(
    "section", re.findall(r"```yaml\n(.*?)```", SETUPS + STRATEGIES, re.DOTALL)
)
def test_sections_of_the_pages_are_valid(folder, section):
    """In place of those of the README's suite; the table's file is made up."""
    suite = yaml.safe_load((folder / "mine.yaml").read_text()) | yaml.safe_load(section)
    (folder / "mine.yaml").write_text(yaml.safe_dump(suite))
    (folder / "ratings.csv").write_text("user,item,stars,time\na,b,3,1\na,c,4,2\nb,c,5,3\n")
    assert main(["check", "mine.yaml"]) == 0


def test_commands_of_the_page_of_setups(folder, capsys):
    (folder / "ratings.csv").write_text("user,item,stars\na,b,3\na,c,4\nb,c,5\n")
    for line in re.findall(r"```bash\n(.*?)```", SETUPS, re.DOTALL):
        words = line.split()[1:]
        assert main(["plan" if words[0] == "run" else words[0], *words[1:]]) == 0
    for command in re.findall(r"`mtbench (\w+ [^`]+)`", SETUPS):
        assert main(command.split()) == 0


def test_the_page_of_setups_names_all_there_is():
    for cls, _ in installed():
        if cls.kind in ("dataset", "split", "tower", "task", "baseline"):
            assert f"`{cls.name}`" in SETUPS, cls.name
    for target in re.findall(r"\]\((\w+\.md)\)|`((?:mtbench|tests)/[\w./]+)`", SETUPS):
        assert (ROOT / "docs" / target[0]).is_file() if target[0] else (ROOT / target[1]).is_file()
