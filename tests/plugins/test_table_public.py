"""The suites for public data read files of their form; and what the table has for such files."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from public import FORMS
from pydantic import ValidationError

import mtbench
from mtbench.data.tables import FeatureFile
from mtbench_plugins.datasets.table import Table

SUITES = Path(__file__).parent.parent.parent / "suites"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def suite_of(folder, name):
    """A suite beside made-up files of the form it reads, with its data and parts."""
    FORMS[name](folder)
    shutil.copy(SUITES / f"{name}.yaml", folder)
    assert len(Path(f"{name}.yaml").read_text().splitlines()) <= 30
    suite = mtbench.load_suite(f"{name}.yaml")
    suite.dataset.require()
    data = suite.dataset.read()
    for task in suite.tasks.values():
        task.check(data.interactions)
    return data, [len(rows) for rows in suite.split.build(data, 0)], suite


def test_kuairand_pure(folder):
    data, parts, suite = suite_of(folder, "kuairand-pure")
    rows = data.interactions
    assert (len(rows), rows.num_queries, rows.num_candidates) == (240, 12, 9)
    assert parts == [194, 24, 22]
    log = [
        line.split(",")
        for name in ("4_08_to_4_21", "4_22_to_5_08")
        for line in Path(f"KuaiRand-Pure/data/log_standard_{name}_pure.csv").read_text().split()[1:]
    ]
    for name, place in (("is_click", 5), ("is_like", 6), ("long_view", 11)):
        assert rows.columns[name].tolist() == [float(fields[place]) for fields in log]
    assert rows.columns["timestamp"].tolist() == [int(fields[4]) // 1000 for fields in log]
    assert data.query.ids[rows.query].tolist() == [fields[0] for fields in log]
    assert data.query.features["fans_user_num_range"].names.tolist() == ["[10,100)"]
    tags = data.candidate.features["tag"]
    assert tags.names.tolist() == ["2", "39"]
    assert tags.values[:3].tolist() == [[0, 1], [1, 1], [0, 0]]
    labels = {name: task.label for name, task in suite.tasks.items()}
    assert labels == {"click": "is_click", "long-view": "long_view", "like": "is_like"}


def test_aliexpress(folder):
    """Searches of both files have the same numbers, and are not taken for one another."""
    data, parts, suite = suite_of(folder, "aliexpress")
    rows = data.interactions
    assert (len(rows), rows.num_queries, rows.num_candidates) == (84, 84, 84)
    assert parts == [60, 24, 0]
    flat = [
        [float(value) for value in line.split(",")]
        for name in ("train", "test")
        for line in Path(f"AliExpress_NL/{name}.csv").read_text().split()[1:]
    ]
    found = {}  # every column but that of the searches, row by row
    for side in ("query", "candidate"):
        codes = getattr(rows, side)
        for name, feature in getattr(data, side).features.items():
            values = feature.names[feature.values] if len(feature.names) else feature.values
            found[name] = values[codes].astype(np.float64).reshape(len(flat), -1)
    numbers = np.concatenate([found[f"n{n}"] for n in range(1, 6)], 1)
    kinds = np.concatenate([found[f"categorical_{n}"] for n in range(1, 17)], 1)
    labels = np.stack([rows.columns[name] for name in ("click", "conversion")], 1)
    whole = np.concatenate([kinds, numbers, labels], 1)
    np.testing.assert_allclose(whole, np.array(flat)[:, 1:], atol=1e-6)
    assert {name: task.label for name, task in suite.tasks.items()} == {
        "click": "click", "conversion": "conversion",
    }  # fmt: skip


def test_taobao(folder):
    data, parts, suite = suite_of(folder, "taobao")
    rows = data.interactions
    assert (len(rows), rows.num_queries, rows.num_candidates) == (240, 8, 12)
    assert parts == [194, 24, 22]
    assert data.notes[-1].endswith("(dropped: 2 by time)")  # of 1902 and of 2037
    kinds = [line.split(",")[3] for line in Path("UserBehavior.csv").read_text().split()]
    number = {"pv": 1, "fav": 2, "cart": 3, "buy": 4}
    assert rows.columns["behavior"].tolist() == [number[kind] for kind in kinds[:240]]
    thresholds = [task.positive_threshold for task in suite.tasks.values()]
    assert thresholds == [None, 3, 4]


ROWS = "user_id,item_id,how\na,x,view\na,y, buy\nb,x,NA\nb,y,view\n"
LEVELS = {"columns": {"how": "how"}, "levels": {"how": {"view": 1, "buy": 2.5}}}


def test_levels_are_numbers_for_texts(folder):
    Path("ratings.csv").write_text(ROWS)
    data = Table(**LEVELS).load()
    np.testing.assert_array_equal(data.interactions.columns["how"], [1, 2.5, np.nan, 1])
    assert data.notes[-1] == (
        "ratings.csv: column 'how': numbers from 1 to 2.5, 1 missing (the first at ratings.csv:4)"
    )


def test_a_text_without_a_level_is_told(folder):
    Path("ratings.csv").write_text(ROWS.replace("NA", "View"))
    with pytest.raises(mtbench.DataError) as caught:
        Table(**LEVELS).require()
    assert str(caught.value) == (
        "ratings.csv:4: column 'how': expected one of view, buy, found 'View'"
    )


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"levels": {"how": {"view": 1}}}, "expected a label of `columns`, found 'how'"),
        ({"columns": {"part": "p"}, "levels": {"part": {"a": 1}}}, "a label of `columns`"),
        ({"columns": {"how": "how"}, "levels": {"how": {}}}, "at least 1 item"),
        ({"query": "id", "candidate": "id"}, "expected two columns of ids, found 'id' twice"),
    ],
)
def test_options_that_say_nothing_are_refused(options, fault):
    with pytest.raises(ValidationError, match=fault):
        Table(**options)


def test_rows_that_are_ids_keep_their_numbers(folder):
    """A row that is left out takes its number with it: features are of the rows that stay."""
    Path("a.csv").write_text("x,y,f\n1,,u\n2,5,v\n")
    Path("b.csv").write_text("x,y,f\n3,6,w\n")
    options = {
        "path": "a.csv",
        "further": ["b.csv"],
        "query": "#row",
        "candidate": "#row",
        "columns": {"label": "y", "part": "#file"},
        "drop_missing": ["y"],
        "candidate_features": FeatureFile(
            path="a.csv", further=["b.csv"], columns={"f": "categorical"}
        ),
    }
    Path("train.csv").write_text(Path("a.csv").read_text())
    with pytest.raises(mtbench.DataError, match="expected train, validation or test, found 'a'"):
        Table(**options).require()
    data = Table(**{**options, "path": "train.csv", "columns": {"label": "y"}}).load()
    assert data.query.ids.tolist() == ["1", "2"]
    assert data.candidate.ids.tolist() == ["0", "1", "2"]
    feature = data.candidate.features["f"]
    assert feature.names[feature.values].tolist() == ["u", "v", "w"]
    assert data.candidate.ids[data.interactions.candidate].tolist() == ["1", "2"]
    assert (data.query.key, data.candidate.key) == ("query_row", "candidate_row")


def test_a_column_that_is_not_made_is_told(folder):
    Path("ratings.csv").write_text("x,y\n1,2\n2,3\n")
    with pytest.raises(mtbench.DataError, match="no column '#rows' \\(did you mean '#row'\\?\\)"):
        Table(query="#rows", candidate="#row", columns={"y": "y"}).require()


def test_a_change_of_any_file_is_another_content(folder):
    for name in ("a", "b"):
        Path(f"{name}.csv").write_text("user_id,item_id,f\n1,2,3\n2,3,4\n")
    table = Table(
        path="a.csv",
        candidate_features=FeatureFile(path="a.csv", further=["b.csv"], columns={"f": "numeric"}),
    )
    before = table.content()
    Path("b.csv").write_text("user_id,item_id,f\n1,2,3\n2,3,5\n")
    assert table.content() != before
