"""Data sets of tensorflow-datasets, prepared by its own builders from made-up files."""

import csv
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from public import criteo, hillstrom
from pydantic import ValidationError

import mtbench
from mtbench_plugins.datasets import tfds
from mtbench_plugins.datasets.movielens import MovieLens
from mtbench_plugins.datasets.tfds import ARCHIVES, Tfds

SUITES = Path(__file__).parent.parent.parent / "suites"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with both files, and one for prepared data to which they were brought."""
    folder = tmp_path_factory.mktemp("tfds")
    hillstrom(folder)
    criteo(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(folder / "data"))
        for archive in ARCHIVES.values():
            assert Tfds.bring(folder / archive.name).is_file()
    return folder


@pytest.fixture
def brought(files, monkeypatch):
    """The same, used; no server is in reach."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(files / "data"))
    monkeypatch.setattr(tfds, "in_reach", lambda url: False)
    return files


def dataset_of(name):
    suite = mtbench.load_suite(SUITES / f"{name}.yaml")
    assert len((SUITES / f"{name}.yaml").read_text().splitlines()) <= 30
    suite.dataset.require()
    return suite.dataset, suite


def test_hillstrom(brought):
    """Each customer once, with the e-mail that was sent: row by row what the file has."""
    dataset, suite = dataset_of("hillstrom")
    data = dataset.read()
    assert data.source == "hillstrom/1.0.0"
    rows = data.interactions
    assert data.candidate.ids.tolist() == ["Mens E-Mail", "No E-Mail", "Womens E-Mail"]
    with (brought / ARCHIVES["hillstrom"].name).open(newline="") as stream:
        expected = [*csv.DictReader(stream)]
    found = []
    for n in range(len(rows)):
        row = {"segment": data.candidate.ids[rows.candidate[n]]}
        row |= {name: rows.columns[name][n] for name in ("visit", "conversion", "spend")}
        for name, feature in data.query.features.items():
            value = feature.values[rows.query[n]]
            row[name] = feature.names[value] if feature.form == "categorical" else value
        found.append(row)
    assert {*found[0]} == {*ARCHIVES["hillstrom"].columns}
    numbers = ("recency", "history", "visit", "conversion", "spend")
    as_read = [  # tfds mixes the rows when it writes them
        {k: float(np.float32(v)) if k in numbers else str(v) for k, v in row.items()}
        for row in found
    ]
    wanted = [
        {k: float(np.float32(v)) if k in numbers else v for k, v in row.items()} for row in expected
    ]
    in_order = lambda rows: sorted(rows, key=lambda row: row["history"])  # noqa: E731
    assert in_order(as_read) == in_order(wanted)
    for task in suite.tasks.values():
        task.check(rows)
    assert [len(part) for part in suite.split.build(data, 0)] == [65, 18, 7]
    assert len(dataset.source_digest()) == 64


def test_criteo(brought):
    dataset, suite = dataset_of("criteo")
    data = dataset.load()
    rows = data.interactions
    with gzip.open(brought / ARCHIVES["criteo"].name, "rt", newline="") as stream:
        expected = [*csv.DictReader(stream)]
    numbers = [data.query.features[f"f{n}"].values[rows.query] for n in range(12)]
    labels = [data.candidate.ids[rows.candidate].astype(float)]
    labels += [rows.columns[name] for name in ("conversion", "visit")]
    found = np.stack([*numbers, *labels], 1)
    wanted = np.array([[*row.values()][:15] for row in expected], np.float32)
    np.testing.assert_allclose(found[np.argsort(found[:, 0])], wanted[np.argsort(wanted[:, 0])])
    assert "exposure" not in data.query.features
    for task in suite.tasks.values():
        task.check(rows)


def test_ids_that_several_rows_have(brought):
    """Features of a side come from the first row of an id, and all its rows have to agree."""
    with pytest.raises(mtbench.DataError, match="'history': expected one value for each recency"):
        Tfds(query="recency", query_features={"history": "numeric"}).load()
    data = Tfds(query="recency", query_features={"mens": "numeric"}).load()
    assert data.query.key == "recency"
    months = data.query.ids.astype(int)
    assert sorted(months) == [*range(1, 13)]
    assert data.query.features["mens"].values.tolist() == [(month + 1) % 2 for month in months]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (
            {"columns": {"visit": "visits"}},
            "hillstrom: no feature 'visits' (did you mean 'visit'?)",
        ),
        ({"candidate": "mail"}, "hillstrom: no feature 'mail' (known: channel,"),
        ({"splits": ["test"]}, "hillstrom: no part 'test' (it has train)"),
        (
            {"columns": {"visit": "channel"}},
            "hillstrom: feature 'channel': expected numbers for the label 'visit', found text",
        ),
        (
            {"query_features": {"channel": "numeric"}},
            "hillstrom: channel: expected numbers, found text: it is `categorical`",
        ),
    ],
)
def test_what_the_data_set_does_not_have(brought, options, fault):
    with pytest.raises(mtbench.DataError) as caught:
        Tfds(**options).load()
    assert str(caught.value).startswith(fault)


def test_wrong_names_of_a_prepared_set_are_told_before_it_is_read(brought, monkeypatch):
    Tfds().source_digest()
    monkeypatch.setattr(mtbench.kit.Prepared, "builder", None)  # no tensorflow-datasets
    with pytest.raises(mtbench.DataError, match="no feature 'visits'"):
        Tfds(columns={"visit": "visits"}).require()
    Tfds().require()


def test_data_sets_that_there_are_not(brought):
    with pytest.raises(mtbench.DataError) as caught:
        Tfds(config="hillstrm").require()
    assert str(caught.value) == (
        "hillstrm: tensorflow-datasets has no data set of that name (did you mean 'hillstrom'?)"
    )
    with pytest.raises(mtbench.DataError, match="has no configuration or version '9'"):
        Tfds(config="movielens/9", candidate="movie_id").require()


def test_lists_are_told(brought, tmp_path, monkeypatch):
    """Of a set that is not prepared by its builder, of one that is by what is stored of it."""
    movies = {"config": "movielens/100k-movies", "candidate": "movie_genres"}
    with pytest.raises(mtbench.DataError, match="feature 'movie_genres': expected one value in"):
        Tfds(**movies, columns={"a": "movie_id"}).require()
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    folder = tmp_path / "made" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").touch()
    features = {
        "one": {"pythonClassName": "Tensor", "tensor": {"shape": {}}},
        "three": {"pythonClassName": "Tensor", "tensor": {"shape": {"dimensions": ["3"]}}},
        "many": {"pythonClassName": "Sequence", "sequence": {"feature": {}}},
    }
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    for name in ("three", "many"):
        with pytest.raises(mtbench.DataError, match=f"made: feature '{name}': expected one value"):
            Tfds(config="made", candidate=name, columns={"a": "one"}).require()
    Tfds(config="made", candidate="one", columns={"a": "one"}).require()


def test_what_cannot_be_had_is_said_with_the_ways_out(brought, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(mtbench.DataError) as caught:
        Tfds().require()
    told = str(caught.value)
    assert told.startswith(f"hillstrom is not prepared in {tmp_path}, and its server is out of")
    assert f"mtbench data import {ARCHIVES['hillstrom'].name}" in told
    options = {"config": "movielens/100k-ratings", "query": "user_id", "candidate": "movie_id"}
    with pytest.raises(mtbench.DataError, match="The way out:\n  - name a tensorflow-datasets"):
        Tfds(**options, columns={"user_rating": "user_rating"}).require()


def test_other_files_are_not_taken_in(brought, tmp_path):
    name = ARCHIVES["hillstrom"].name
    (tmp_path / name).write_text("recency,history\n1,2\n")
    with pytest.raises(mtbench.DataError, match=r"expected the columns recency,.*found recency,h"):
        Tfds.bring(tmp_path / name)
    (tmp_path / ARCHIVES["criteo"].name).write_bytes(b"no gzip")
    with pytest.raises(mtbench.DataError, match="cannot be read"):
        Tfds.bring(tmp_path / ARCHIVES["criteo"].name)
    (tmp_path / "other.csv").write_text("a\n")
    assert Tfds.bring(tmp_path / "other.csv") is None


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"query": "a", "candidate": "a"}, "expected two features of ids, found 'a' twice"),
        ({"columns": {"query": "a"}}, "expected a name of your own, found 'query'"),
        ({"columns": {"situation": "a"}}, "expected a name of your own, found 'situation'"),
        ({"candidate_features": {"segment": "categorical"}}, "expected features, found the id"),
        ({"columns": {}}, "at least 1 item"),
        ({"config": "../x"}, "String should match pattern"),
    ],
)
def test_options_that_say_nothing_are_refused(options, fault):
    with pytest.raises(ValidationError, match=fault):
        Tfds(**options)


@pytest.mark.realdata
def test_the_data_set_of_the_page(data_dir, monkeypatch):
    """The example of docs/how-to/public-data.md has what `movielens` has."""
    page = (SUITES.parent / "docs" / "how-to" / "public-data.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    options = yaml.safe_load(block)["dataset"]
    monkeypatch.setenv("TFDS_DATA_DIR", data_dir)
    dataset = Tfds(**{name: value for name, value in options.items() if name != "name"})
    dataset.require()
    data, expected = dataset.load(), MovieLens(candidate="id").load()
    for name in ("query", "candidate", "user_rating", "timestamp"):
        column = expected.interactions.columns[name]
        np.testing.assert_array_equal(data.interactions.columns[name], column)
    for name, feature in data.query.features.items():
        np.testing.assert_array_equal(feature.values, expected.query.features[name].values)
