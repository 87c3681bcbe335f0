"""The guide for authors of plugins: its files work as printed, its reference is up to date."""

import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import made
import pytest
from jobs import Job

import mtbench
from mtbench.cli.main import main
from mtbench.plugin.kinds import KINDS
from mtbench.plugin.registry import Registry, installed
from mtbench.testing.regression import stored
from mtbench.workers import supervisor

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "docs" / "plugins.md", *sorted((ROOT / "docs" / "plugins").glob("*.md")))
GUIDE = "\n".join(page.read_text() for page in PAGES)
README = (ROOT / "README.md").read_text()
PRINTED = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)```", GUIDE, re.DOTALL | re.MULTILINE))
"""Every file that the guide prints, by name."""
PLUGINS = [name for name in PRINTED if "@mtbench.hookimpl" in PRINTED[name]]
CHEAP = ("cold_candidates.py", "csv_log.py", "library.py", "together.py")
"""Plugins whose contract takes no training."""
SUITE = """
name: guide
plugins: [{plugins}]
dataset: {{name: synthetic, num_users: 30, num_items: 40, num_ratings: 300}}
split: cold-candidates
towers:
  query: {{name: residual, embedding_dim: 4, units: 4}}
  candidate: {{name: embedding, embedding_dim: 4}}
tasks: {{ranking: {{units: [4]}}, above-mean: {{units: [4]}}}}
scenarios:
  worst: {{tasks: [ranking, above-mean], weighting: worst}}
  relative: {{tasks: [ranking, above-mean], weighting: relative}}
  even: {{tasks: [ranking, above-mean], weighting: even}}
  agreement: {{tasks: [ranking, above-mean], weighting: {{name: agreement, threshold: 0.5}}}}
train: {{epochs: 1, batch_size: 64}}
seeds: 1
"""


def load_reference():
    """The script that makes the reference."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    module = sys.modules["reference"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = load_reference()
FACE = REFERENCE.PACKAGES


def commands(*programs):
    """The words of every command of the guide that calls one of these programs."""
    for block in re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[0] in programs:
                yield words[1:]


RUNS = [words for words in commands("mtbench") if words[0] == "run"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with every file that the guide prints, and the project's suites."""
    monkeypatch.chdir(tmp_path)
    for name, text in PRINTED.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "suites").symlink_to(ROOT / "suites")
    return tmp_path


def test_every_block_of_code_is_a_file():
    blocks = re.findall(r"```(?:python|toml|yaml)\n(.*?)```", GUIDE, re.DOTALL)
    assert sorted(PRINTED.values()) == sorted(blocks)
    assert len(re.findall(r"^```", GUIDE, re.MULTILINE)) % 2 == 0


def test_the_first_plugin_is_that_of_the_readme():
    assert PRINTED["worst.py"] in README


def test_every_kind_has_its_page():
    assert {page.stem for page in PAGES[1:]} == set(KINDS)


def test_there_is_an_example_of_every_kind_and_form(folder):
    registry = Registry()
    for name in PLUGINS:
        registry.load_file(Path(name))
    bases = {base for cls, _ in registry for base in cls.__mro__}
    assert {base for kind in KINDS.values() for base in kind.bases} <= bases


@pytest.mark.parametrize("name", [name for name in PRINTED if name.endswith(".py")])
def test_an_example_imports_only_the_public_face(name):
    for module in re.findall(r"^\s*(?:from|import) ([\w.]+)", PRINTED[name], re.MULTILINE):
        assert module in FACE or module.partition(".")[0] != "mtbench", module


@pytest.mark.parametrize(
    "name",
    [
        n if n in CHEAP else pytest.param(n, marks=pytest.mark.thorough)
        for n in PLUGINS
        if n != "worst.py"  # the README's: test_docs.py checks it
    ],
)
def test_an_example_keeps_its_contract(folder, name, capsys):
    if "import ray" in PRINTED[name]:
        pytest.importorskip("ray")
    assert main(["check-plugin", name]) == 0
    assert "the contract holds" in capsys.readouterr().out


@pytest.mark.thorough
def test_the_examples_run_together(folder):
    """But the dataset, whose table is too small for this."""
    (folder / "guide.yaml").write_text(SUITE.format(plugins=", ".join(PLUGINS)))
    assert main(["run", "guide.yaml", "--track", "csv:logs/losses.csv"]) == 0
    lines = [line.split(",") for line in (folder / "logs" / "losses.csv").read_text().splitlines()]
    assert len(lines) == 8  # four runs, one epoch, two tasks
    assert {tuple(line[1:3]) for line in lines} == {("0", "1")}
    assert len({line[0] for line in lines}) == 4
    assert all(float(line[4]) > 0 for line in lines)


def test_the_smallest_executor(folder, monkeypatch):
    """With workers that import no TensorFlow: what ends one costs the run it was at."""
    monkeypatch.setattr(supervisor, "PROGRAM", "simple_worker")
    registry, job = Registry(), Job("a1", "a2", "b1", how={"a2": "hard-exit"})
    registry.load_file(Path("fresh.py"))
    registry.find("executor", "fresh")().execute(job)
    assert [job.of(key)[-1] for key in ("a1", "a2", "b1")] == ["ended", "lost", "ended"]
    assert [job.of(key).count("started") for key in ("a1", "a2", "b1")] == [1, 1, 1]


def test_the_dataset_has_what_its_lists_say(folder):
    registry = Registry()
    registry.load_file(Path("library.py"))
    data = registry.find("dataset", "library")().load()
    assert data.candidate.ids.tolist() == ["Emma", "Faust", "Medea", "Ulysses"]
    assert data.candidate.features["genre"].names.tolist() == ["novel", "play"]
    assert len(data.interactions) == 19
    ada = data.interactions.query == data.query.ids.tolist().index("ada")
    stars = data.interactions.columns["user_rating"][ada]
    books = data.candidate.ids[data.interactions.candidate[ada]]
    assert dict(zip(books, stars, strict=True)) == {"Emma": 5, "Ulysses": 3, "Faust": 4}


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_a_run_is_understood(folder, words):
    """`run` becomes `plan`, which reads the same suite and options and trains nothing."""
    assert main(made.as_plan(words)) == 0


@pytest.mark.thorough
@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_a_run_goes_well(folder, words):
    if "ray" in words:
        pytest.importorskip("ray")
    short = ["-o", "train.epochs=1", "--seeds", "1", "--scenario", "joint"]
    assert main([*words, *short]) == 0


def test_every_other_command_is_understood(folder, capsys):
    seen = set()
    for words in commands("mtbench"):
        seen.add(words[0])
        if words[0] == "check-plugin":
            assert words[1] in PLUGINS
        elif words[0] != "run":
            assert main(words) == 0
    assert seen == {"check-plugin", "new", "plugins", "run"}
    assert "A large one evens the weights out." in capsys.readouterr().out
    checked = {words[1] for words in commands("mtbench") if words[0] == "check-plugin"}
    assert checked == set(PLUGINS)
    every = re.findall(r"^(\w+) ", "".join(re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)))
    assert set(every) <= {"mtbench", "pip", "pytest"}


def test_the_distribution_offers_the_plugin(folder, monkeypatch):
    """An entry point of pyproject.toml, as an installer would write it down."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    modules = project["tool"]["setuptools"]["py-modules"]
    points = project["project"]["entry-points"]["mtbench"]
    assert [*points.values()] == modules
    assert [f"{module}.py" for module in modules] == ["worst.py"]
    info = folder / "mtbench_worst-0.1.0.dist-info"
    info.mkdir()
    name, version = project["project"]["name"], project["project"]["version"]
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{point} = {module}" for point, module in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[mtbench]", *lines, ""]))
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    try:
        registry = installed()
        assert not registry.failed
        origin = registry.origin(registry.find("weighting", "worst"))
    finally:
        sys.modules.pop("worst", None)
    assert str(origin) == "mtbench-worst 0.1.0"


@pytest.mark.thorough
def test_the_printed_tests_pass(folder, monkeypatch):
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    (folder / "pyproject.toml").unlink()
    plain = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    store, compare = commands("pytest")
    done = subprocess.run([*plain, *store], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    (baseline,) = stored(folder / "baseline.json")
    assert baseline == "test_worst.py::test_no_worse_than_before"
    command = [*plain, "--collect-only", *compare]  # what a baseline is for is tested elsewhere
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def anchors(text):
    """What the headings of a page can be linked to by."""
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", [*PAGES, ROOT / "docs" / "reference.md"], ids=lambda p: p.stem)
def test_every_link_and_file_exists(path):
    prose = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for page, anchor in re.findall(r"\]\(([\w./]*)#?([\w-]*)\)", prose):
        target = path.parent / page if page else path
        assert target.is_file(), page
        assert not anchor or anchor in anchors(target.read_text()), anchor
    for name in re.findall(r"`((?:plugins|suites|docs|mtbench|tests)/[\w./]+)`", prose):
        assert (ROOT / name).exists(), name


def test_public_names_that_the_guide_mentions_exist():
    for package, name in re.findall(r"`(mtbench(?:\.[a-z]\w*)*)\.([A-Za-z_]\w*)", GUIDE):
        if f"{package}.{name}" not in FACE:
            assert name in REFERENCE.names(package), f"{package}.{name}"


def test_no_line_of_the_pages_is_too_long():
    for page in (*PAGES, ROOT / "docs" / "reference.md"):
        for line in page.read_text().splitlines():
            assert len(line) <= 120, line


def test_the_reference_is_up_to_date():
    """`python docs/reference.py docs/reference.md` where it is not."""
    assert (ROOT / "docs" / "reference.md").read_text() == REFERENCE.page()


@pytest.mark.parametrize("package", FACE)
def test_every_public_name_is_in_the_reference_and_has_a_docstring(package):
    found = REFERENCE.entries(package)
    assert [entry.name for entry in found] == sorted(importlib.import_module(package).__all__)
    assert [entry.name for entry in found if not entry.text] == []
    page = (ROOT / "docs" / "reference.md").read_text()
    (section,) = re.findall(rf"^## `{package}`\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert re.findall(r"^### `(\w+)`", section, re.MULTILINE) == [entry.name for entry in found]


def test_the_reference_shows_what_is_there():
    """Signatures and docstrings from the sources are those of the objects."""
    page = REFERENCE.page()
    assert f"def did_you_mean{'(name: str, known: Iterable[str]) -> str'}" in page
    assert "A clause to append to a message, with its leading space." in page
    assert all(word in page for word in mtbench.Metric.__doc__.split())
    for kind in KINDS.values():
        assert f"The hook is `{kind.hook}`" in page


def test_an_entry_of_nothing():
    with pytest.raises(LookupError, match="mtbench has no nothing"):
        REFERENCE.find("mtbench", "nothing")
    with pytest.raises(LookupError, match=r"no module mtbench\.nowhere"):
        REFERENCE.tree("mtbench.nowhere")
