"""The docs site: every page has its place, what the pages show works, and it builds strictly.

What is written in pages of other tests (plugins.md, setups.md, strategies.md) is run there.
"""

import contextlib
import importlib.util
import io
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from made import as_plan
from public import criteo, hillstrom, public

import mtbench
from mtbench.cli.main import COMMANDS, main
from mtbench.plugin.kinds import KINDS
from mtbench.plugin.registry import installed
from mtbench.suite.schema import suite_schema

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
PAGES = [
    DOCS / "index.md",
    DOCS / "tutorial.md",
    *sorted((DOCS / "how-to").glob("*.md")),
    *sorted((DOCS / "explanation").glob("*.md")),
]
BLOCK = re.compile(r"(?:^`([\w.]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
QUICK = ("metrics",)
"""Pages whose Python takes no training."""
READS = ("report", "data", "compare", "gate", "export", "merge")
"""Commands about a folder, which there is only where a command before made it."""


def blocks(page):
    """Every block of code of a page: name of the file it is, if it is one, language and text."""
    return BLOCK.findall(page.read_text())


def commands(text, program="mtbench"):
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == program:
            yield words[1:]


def nav(entries):
    """The pages of the navigation."""
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(value, list):
                yield from nav(value)
            else:
                yield value


NAV = [*nav(CONFIG["nav"])]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder beside the project's suites."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suites").symlink_to(ROOT / "suites")
    return tmp_path


def with_files(folder, page):
    if page.stem == "public-data":  # made-up files of the forms that it is about
        (folder / "suites").unlink()
        (folder / "suites").mkdir()
        for path in (ROOT / "suites").glob("*.yaml"):
            (folder / "suites" / path.name).write_text(path.read_text())
        public(folder / "suites")
        hillstrom(folder)
        criteo(folder)
    for name, _, text in blocks(page):
        if name:
            (folder / name).write_text(text)


def test_every_page_is_in_the_nav_once():
    written = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert len(NAV) == len(set(NAV))
    assert written <= set(NAV)
    assert all(name.startswith("reference/") for name in set(NAV) - written)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_blocks_are_of_kinds_that_are_run(page):
    found = blocks(page)
    fences = re.findall(r"^```", page.read_text(), re.MULTILINE)
    assert len(fences) == 2 * len(found)
    for name, language, text in found:
        assert language in {"bash", "python", "yaml", "csv", "text"}
        if language == "bash":
            assert set(re.findall(r"^(\w+)", text, re.MULTILINE)) <= {"mtbench", "pytest"}
        assert name or language != "csv"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_commands_are_understood(folder, page, capsys, monkeypatch):
    """`run` and `tune` become `plan`, which reads the same suite and trains nothing."""
    if page.stem == "public-data":
        monkeypatch.setenv("TFDS_DATA_DIR", str(folder / "prepared"))
    with_files(folder, page)
    for words in [w for _, lang, text in blocks(page) if lang == "bash" for w in commands(text)]:
        is_there = Path.is_file if words[0] == "data" else Path.is_dir
        nothing = words[0] in READS and not any(is_there(Path(word)) for word in words[1:])
        assert main(as_plan(words)) == (2 if nothing else 0), words
        told = capsys.readouterr().err
        assert "unrecognized" not in told
        assert "unknown" not in told


def test_the_section_of_the_tutorial_is_that_of_its_suite():
    (section,) = [text for _, lang, text in blocks(DOCS / "tutorial.md") if lang == "yaml"]
    suite = yaml.safe_load((ROOT / "suites" / "ml100k.yaml").read_text())
    assert yaml.safe_load(section)["scenarios"].items() <= suite["scenarios"].items()


def test_figures_of_the_tutorial_stand_elsewhere():
    """It has none of its own: they are those of the README and of setups.md."""
    elsewhere = (ROOT / "README.md").read_text() + (DOCS / "setups.md").read_text()
    for figure in re.findall(r"\d\.\d{3}(?: ± \d\.\d{3})?", (DOCS / "tutorial.md").read_text()):
        assert figure in elsewhere, figure


def execute(page):
    """Run a page's Python, and hold what it prints to the block of text that follows."""
    names = {}
    found = [*blocks(page), ("", "", "")]
    for (name, language, text), (_, after, expected) in itertools.pairwise(found):
        if language == "python" and not name:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(text, names)
            if after == "text":
                assert out.getvalue() == expected


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem in QUICK], ids=lambda p: p.stem)
def test_examples_print_what_the_page_says(page):
    execute(page)


def shortened(words):
    """The same command with little to do: made-up data, one epoch, a seed, an arm, a trial."""
    if words[0] == "advise":
        return [*words, "--trials", "1", "--seeds", "1", "-o", "train.epochs=1"]
    if words[0] not in ("run", "tune"):
        return words
    if "--workers" in words:  # in this process: a worker imports TensorFlow
        cut = words.index("--workers")
        words = [*words[:cut], *words[cut + 2 :]]
    short = [*words, "-o", "train.epochs=1"]
    if "suites/" in words[1] and "--scenario" not in words:
        first = next(iter(yaml.safe_load(Path(words[1]).read_text())["scenarios"]))
        short += ["--scenario", first]
        short += [] if "/quickstart" in words[1] else ["--seeds", "1"]
    if "/ml100k" in words[1]:
        short += ["--synthetic"]
        if "fair" in words[1]:
            short += ["-o", "tune.trials=1"]
    return short


def test_suites_on_own_data_are_short_and_read_it(folder):
    """That their runs go well is seen below, with those of other pages."""
    page = DOCS / "how-to" / "own-data.md"
    with_files(folder, page)
    needs = {"core": 6, "plots": 13, "blurbs": 13}
    for name, rows in needs.items():
        suite = mtbench.load_suite(f"{name}.yaml")
        assert len(Path(f"{name}.yaml").read_text().splitlines()) <= 15
        suite.dataset.require()
        data = suite.dataset.read()
        assert len(data.interactions) == rows
        vectors = [f for f in data.candidate.features.values() if f.form == "vector"]
        assert [v.values.shape for v in vectors] == {"plots": [(5, 3)], "blurbs": [(5, 16)]}.get(
            name, []
        )
        if name == "core":
            assert data.notes[-1].startswith("filters leave 6 of 13 interactions, 3 of 5 queries")


@pytest.mark.thorough
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_page_does_what_it_shows(folder, page, monkeypatch):
    """Its commands in their order, then its Python, with what is stored by then."""
    if page.stem == "public-data":
        monkeypatch.setenv("TFDS_DATA_DIR", str(folder / "prepared"))
    with_files(folder, page)
    for words in [w for _, lang, text in blocks(page) if lang == "bash" for w in commands(text)]:
        assert main(shortened(words)) == 0, words
    run = mtbench.run

    def short(suite, **options):
        options = {"seeds": 1, "synthetic": "ml100k" in suite, "overrides": {"train.epochs": 1}}
        return run(suite, **options)

    def short_advice(suite, **options):
        return advise(
            suite, **{**options, "trials": 1, "seeds": 1, "overrides": {"train.epochs": 1}}
        )

    advise = mtbench.advise
    monkeypatch.setattr(mtbench, "run", short)
    monkeypatch.setattr(mtbench, "advise", short_advice)
    execute(page)


MACHINES = DOCS / "how-to" / "machines.md"


def test_executors_of_the_page_of_machines_are_valid(folder, capsys):
    texts = [text for name, lang, text in blocks(MACHINES) if lang == "yaml" and not name]
    suite = (ROOT / "suites" / "quickstart.yaml").read_text()
    names = [yaml.safe_load(text)["executor"]["name"] for text in texts]
    assert names == ["processes", "dask", "dask"]
    for text in texts:
        (folder / "with.yaml").write_text(suite + text)
        assert main(["check", "with.yaml"]) == 0


@pytest.mark.thorough
def test_the_scripts_of_the_page_of_machines_do_each_part_once(folder, capsys):
    """An array of SLURM and a matrix of CI: their commands are understood, their parts add up."""
    files = {name: text for name, _, text in blocks(MACHINES) if name}
    (size,) = re.findall(r"--array=1-(\d+)", files["array.sh"])
    script = files["array.sh"].replace("$SLURM_ARRAY_TASK_COUNT", size)
    (line,) = commands(script.replace("$SLURM_ARRAY_TASK_ID", "{}"))
    job = yaml.safe_load(files["matrix.yaml"])["jobs"]["bench"]
    matrix = job["strategy"]["matrix"]["shard"]
    (step,) = [s["run"] for s in job["steps"] if s.get("run", "").startswith("mtbench run")]
    (of_ci,) = commands(step.replace("${{ matrix.shard }}", "{}"))
    for words, parts in ((line, range(1, int(size) + 1)), (of_ci, matrix)):
        done = []
        for part in parts:
            said = [word.format(part) for word in words]
            assert main(as_plan(said)) == 0
            done += re.findall(r"to do  (\w+)", capsys.readouterr().out)
        assert main(["plan", "suites/quickstart.yaml"]) == 0
        assert sorted(done) == sorted(re.findall(r"to do  (\w+)", capsys.readouterr().out))


@pytest.mark.thorough
def test_the_test_of_the_page_of_gates_passes(folder, monkeypatch):
    page = DOCS / "how-to" / "gate.md"
    with_files(folder, page)
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    plain = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    texts = [text for _, lang, text in blocks(page) if lang == "bash"]
    store, hold = (words for text in texts for words in commands(text, "pytest"))
    done = subprocess.run([*plain, *store], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    command = [*plain, "--collect-only", *hold]  # what a baseline is for is tested elsewhere
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def made():
    """The hook that makes pages."""
    pytest.importorskip("mkdocs", reason="needs mtbench[docs]")
    spec = importlib.util.spec_from_file_location("pages", DOCS / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_made_pages_are_those_of_the_nav(made):
    written = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert made.pages().keys() == set(NAV) - written


def test_the_page_of_suites_has_every_key(made):
    schema, page = suite_schema(installed()), made.suite_page()
    parts = {
        name: part
        for name, part in schema["$defs"].items()
        if name.removesuffix("_difference") not in KINDS
    }
    nested = {name for cls, _ in installed() for name in cls.schema_of_options().get("$defs", {})}
    assert parts.keys() - nested == made.PARTS.keys()
    for part in (schema, *(parts[name] for name in made.PARTS)):
        for key in part.get("properties", ()):
            assert f"\n`{key}` · " in page


def test_the_page_of_commands_has_every_command(made):
    page = made.commands_page()
    for name in COMMANDS:
        assert f"\n## mtbench {name}" in page
    assert "DIR/&lt;suite&gt;" in page


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda k: k.name)
def test_the_pages_of_components_have_every_option(made, kind):
    page = made.components_page(kind)
    for cls, _ in installed():
        if cls.kind == kind.name:
            section = page.partition(f"\n## {cls.name}\n")[2].partition("\n## ")[0]
            for option in cls.schema_of_options().get("properties", ()):
                assert f"`{option}` · " in section


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1}, "integer ≥ 1"),
        ({"type": ["object", "null"]}, "mapping"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "list of one of `a`, `b`"),
        ({"$ref": "#/$defs/tower_difference"}, "a [tower](towers.md), or what is different of it"),
        ({"$ref": "#/$defs/EarlyStopping"}, "[early stopping](#early-stopping)"),
        ({"anyOf": [{"enum": ["random", "k-fold"]}, {"type": "object"}]}, "a [split](splits.md)"),
    ],
)
def test_types_in_words(made, schema, words):
    assert made.typed(schema) == words


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The built site: that of `MTBENCH_SITE`, or one of the session's own."""
    if folder := os.environ.get("MTBENCH_SITE"):
        return Path(folder)
    pytest.importorskip("mkdocs", reason="needs mtbench[docs]")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.thorough
def test_the_site_has_every_page_and_name(site):
    for name in NAV:
        place = name.removesuffix(".md").removesuffix("index")
        assert (site / place / "index.html").is_file(), name
    html = (site / "reference" / "mtbench" / "index.html").read_text()
    for name in mtbench.__all__:
        assert f'id="mtbench.{name}"' in html, name


@pytest.mark.thorough
def test_the_site_loads_nothing_from_elsewhere(site):
    """No script, style, font or picture of another address; and no formula is left to a script."""
    loads = re.compile(
        r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?(?:https?:)?//[^>]*>"
        r"|<link(?![^>]*rel=[\"']?(?:canonical|prev|next))[^>]*href=[\"']?(?:https?:)?//[^>]*>"
    )
    for path in site.rglob("*.html"):
        text = path.read_text()
        assert not loads.search(text), path
        assert "arithmatex" not in text, path
    for path in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", path.read_text()), path
    assert "<math" in (site / "explanation" / "metrics" / "index.html").read_text()


NEEDS = {
    name: text
    for name, language, text in blocks(DOCS / "how-to" / "needs.md")
    if language == "yaml"
}


def test_each_need_is_a_suite_of_fifteen_lines():
    assert list(NEEDS) == ["parts.yaml", "files.yaml", "weights.yaml", "context.yaml", "cold.yaml"]
    assert all(len(text.splitlines()) <= 15 for text in NEEDS.values())


@pytest.mark.parametrize("name", NEEDS)
def test_the_suites_of_the_needs_run(folder, name, traced):
    with_files(folder, DOCS / "how-to" / "needs.md")
    results = mtbench.run(name, progress=False)
    assert not results.failed
    names = {
        f"{task}/{metric}"
        for run in results.runs
        for task in run.metrics
        for metric in run.metrics[task]
    }
    told = {
        "parts.yaml": "retrieval/top_1_seen_removed",
        "files.yaml": "ranking/rmse",
        "weights.yaml": "ranking/rmse_weighted",
        "context.yaml": "retrieval/top_1_seen_removed",
        "cold.yaml": "ranking/rmse_cold_candidate",
    }
    assert told[name] in names
    (data,) = {
        run.data.model_dump_json(include={"train", "validation", "test"}) for run in results.runs
    }
    sizes = {
        "parts.yaml": (9, 2, 4), "files.yaml": (5, 0, 3), "weights.yaml": (9, 2, 4),
    }  # fmt: skip
    if name in sizes:
        assert tuple(json.loads(data).values()) == sizes[name]
    if name == "parts.yaml":
        assert [set(each) for each in results.runs[0].validation] == [
            {"epoch", "metrics", "losses"}
        ] * 2
