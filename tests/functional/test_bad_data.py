"""Bad data: one clear line each, exit code 2, nothing half-written. A golden test.

`MTBENCH_UPDATE_GOLDEN=1 pytest tests/functional/test_bad_data.py` writes the golden file anew.
"""

import gzip
import lzma
import os
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cases import read_cases, write_case

from mtbench.cli.main import main
from mtbench.plugin.registry import installed
from mtbench.suite.reader import load_suite

GOLDEN = Path(__file__).parents[1] / "golden" / "bad_data.txt"
GOOD = """\
user,item,rating,when
7,a,3.5,100
8,b,4,200
7,b,,300
9,a,1,400
"""
SUITE = """\
name: bad
dataset:
  name: table
  path: {path}
  query: user
  candidate: item
  columns: {{user_rating: rating, timestamp: when}}
  {more}
split: {{name: random, test_share: 0.25}}
towers:
  query: {{name: embedding, embedding_dim: 2}}
  candidate: {{name: embedding, embedding_dim: 2}}
tasks:
  ranking: {{units: [2]}}
scenarios:
  alone: {{tasks: [ranking]}}
train: {{epochs: 1, batch_size: 2}}
seeds: 1
"""
USERS = "query_features: {path: users.csv, columns: {group: categorical, age: numeric}}"
ITEMS = "candidate_features: {path: items.csv, columns: {genres: multi_hot}}"


def edit(old, new, text=GOOD):
    assert old in text
    return text.replace(old, new)


def parquet(table, cut=None):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(table), sink)
    return sink.getvalue().to_pybytes()[:cut]


ROWS = {
    "user": ["7", "8", "7", "9"],
    "item": ["a", "b", "b", "a"],
    "rating": [3.5, 4, 2, 1],
    "when": [1, 2, 3, 4],
}
INTER = "user:token\titem:token\trating:float\twhen:float\n" + edit(",", "\t").partition("\n")[2]
OTHER_KINDS = {
    "a zip archive": b"PK\x03\x04\x14\0\0\0\x08\0 ratings.csv",
    "an Excel workbook": b"PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml \xa2\0xl/workbook.xml",
    "an old Excel workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0",
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-32": GOOD.encode("utf-32"),
    "a pickle": pickle.dumps({"user": [1, 2]}),
    "xz": lzma.compress(GOOD.encode()),
    "a NumPy array": b"\x93NUMPY\x01\0v\0{'descr': '<f8'}",
    "NumPy arrays": b"PK\x03\x04\x14\0\0\0\0\0user.npy\x93NUMPY",
    "SQLite": b"SQLite format 3\0\x10\0\x01\x01",
    "HDF5": b"\x89HDF\r\n\x1a\n\0\0",
    "binary data": bytes(range(256)),
    "JSON": '{"user": 7, "item": "a", "rating": 3.5, "when": 1}\n' * 2,
    "an HTML page": "<!DOCTYPE html>\n<html>\n<title>404</title>\n",
}
MANY = "user,item,rating,when\n" + "".join(f"{n},{n % 7},{n % 5},{n}\n" for n in range(3000))
# name: (what is in the file, name of the file, further options, further files)
CASES = {
    "missing file": (None, "ratings.csv", "", {}),
    "a folder": (None, "folder", "", {"folder/x": ""}),
    "empty file": ("", "ratings.csv", "", {}),
    "empty lines": ("\n\n\n", "ratings.csv", "", {}),
    "header only": ("user,item,rating,when\n", "ratings.csv", "", {}),
    "header only, without a line's end": ("user,item,rating,when", "ratings.csv", "", {}),
    "missing column": (edit("rating,", "ratings,"), "ratings.csv", "", {}),
    "no header": (edit("user,item,rating,when\n", ""), "ratings.csv", "", {}),
    "header of another width": (GOOD, "ratings.csv", "header: [user, item, rating, when, more]", {}),
    "duplicated column": (edit("when", "rating"), "ratings.csv", "", {}),
    "wrong delimiter": (edit(",", ";"), "ratings.csv", "", {}),
    "tabs in a file that is called .csv": (edit(",", "\t"), "ratings.csv", "", {}),
    "commas in a file that is called .tsv": (GOOD, "ratings.tsv", "", {}),
    "non-numeric rating": (edit("8,b,4", "8,b,good"), "ratings.csv", "", {}),
    "non-numeric rating below empty lines and quotes": (
        edit("8,b,4", '\n"8","b",good', edit("7,a,3.5", '\n7,a,"\n3.5"')), "ratings.csv", "", {},
    ),
    "an id with a line break": (edit("8,b", '8,"b\nc"'), "ratings.csv", "", {}),
    "text after a closing quote": (edit("8,b", '8,"b" side'), "ratings.csv", "", {}),
    "a quote that is not closed": (edit("8,b", '8,"b'), "ratings.csv", "", {}),
    "quotes in a file that is called .tsv": (
        edit(",", "\t", edit("8", '"8"', edit("4,", '"4",'))), "ratings.tsv", "", {},
    ),
    "a quoted header in a file that is called .tsv": (
        edit(",", "\t", edit("user", '"user"')), "ratings.tsv", "", {},
    ),
    "lists for items": (
        "user,item,rating,when\n7,\"['a', 'b']\",3.5,100\n8,[],4,200\n", "ratings.csv", "", {},
    ),
    "lists for items, in Parquet": (
        parquet({**ROWS, "item": [["a"], ["b"], ["b"], []]}), "ratings.parquet", "", {},
    ),
    "nothing to drop by": (GOOD, "ratings.csv", "drop_missing: [whem]", {}),
    "nothing left": (edit("100", "", edit("200", "", edit("300", "", edit("400", "")))), "ratings.csv",
                     "drop_missing: [when]", {}),
    "a delimiter that cannot be": (GOOD, "ratings.csv", "delimiter: '\"'", {}),
    "no text encoding": (GOOD, "ratings.csv", "encoding: base64", {}),
    "two characters for a delimiter": (edit(",", "::"), "ratings.csv", "", {}),
    "several non-numeric ratings": (edit(",4,", ",good,", edit(",3.5,", ",x,")), "ratings.csv", "", {}),
    "infinite rating": (edit("8,b,4", "8,b,inf"), "ratings.csv", "", {}),
    "rating beyond float32": (edit("8,b,4", "8,b,1e39"), "ratings.csv", "", {}),
    "missing user": (edit("8,b,4", ",b,4"), "ratings.csv", "", {}),
    "missing item": (edit("8,b,4", "8,,4"), "ratings.csv", "", {}),
    "missing time": (edit("4,200", "4,"), "ratings.csv", "", {}),
    "a time that is none": (edit("200", "yesterday"), "ratings.csv", "", {}),
    "a date that there is none of": (edit("200", "2023-02-30"), "ratings.csv", "", {}),
    "a time in milliseconds": (edit("200", "1700000000000"), "ratings.csv", "", {}),
    "several columns": (edit("8,b,4,200", "8,,good,never"), "ratings.csv", "", {}),
    "a row of another width": (edit("8,b,4,200", "8,b,4"), "ratings.csv", "", {}),
    "a row of another width, later": (MANY + "1,2\n", "ratings.csv", "", {}),
    "one user only": (edit("9", "7", edit("8", "7")), "ratings.csv", "", {}),
    "one item only": (edit("b", "a"), "ratings.csv", "", {}),
    "constant label": (edit("3.5", "1", edit(",4,", ",1,")), "ratings.csv", "", {}),
    "no label at all": (edit("3.5", "", edit(",4,", ",NA,", edit(",1,", ",nan,"))), "ratings.csv", "", {}),
    "another encoding": (edit("8,b", "8,é").encode("latin-1"), "ratings.csv", "", {}),
    "an encoding that there is none of": (GOOD, "ratings.csv", "encoding: latin-99", {}),
    "truncated gzip": (gzip.compress(MANY.encode(), mtime=0)[:-99], "ratings.csv.gz", "", {}),
    "text that is called gzip": (GOOD, "ratings.csv.gz", "", {}),
    **{
        f"{what}, under the name of a text": (content, "ratings.csv", "", {})
        for what, content in OTHER_KINDS.items()
    },
    "UTF-16 without its mark": (edit(",", "\t").encode("utf-16-be"), "ratings.tsv", "", {}),
    "zip that is called gzip": (OTHER_KINDS["a zip archive"], "ratings.csv.gz", "", {}),
    "gzip in gzip": (gzip.compress(gzip.compress(GOOD.encode(), mtime=0), mtime=0), "ratings.csv.gz", "", {}),
    "Parquet in gzip": (gzip.compress(parquet(ROWS), mtime=0), "ratings.csv.gz", "", {}),
    "truncated gzip without its ending": (
        gzip.compress(MANY.encode(), mtime=0)[:-99], "ratings.csv", "", {},
    ),
    "control characters in the header": (edit("item", "\x1b[31mitem\x07"), "ratings.csv", "", {}),
    "control characters in the rows": (edit("8,b,4", "8,b,\x1b[2J\x9b"), "ratings.csv", "", {}),
    "RecBole's .inter": (INTER, "ratings.inter", "", {}),
    "RecBole's .inter under another name": (INTER, "ratings.csv", "", {}),
    "truncated Parquet": (parquet(ROWS, -9), "ratings.parquet", "", {}),
    "damaged Parquet": (b"PAR1" + bytes(99) + b"PAR1", "ratings.parquet", "", {}),
    "text that is called Parquet": (GOOD, "ratings.parquet", "", {}),
    "Parquet without rows": (
        parquet({name: pa.array([], pa.string()) for name in ROWS}), "ratings.parquet", "", {},
    ),
    "Parquet without a column": (
        parquet({name: ROWS[name] for name in ("user", "item", "when")}), "ratings.parquet", "", {},
    ),
    "Parquet with times for ratings": (
        parquet({**ROWS, "rating": pa.array([1, 2, 3, 4], pa.timestamp("s"))}), "ratings.parquet", "", {},
    ),
    "Parquet with numbers for users": (parquet({**ROWS, "user": [1.0, 2.0, 1.0, 3.0]}), "ratings.parquet", "", {}),
    "Parquet with a user that is missing": (parquet({**ROWS, "user": [7, None, 7, 9]}), "ratings.parquet", "", {}),
    "features: missing file": (GOOD, "ratings.csv", USERS, {}),
    "features: missing column": (GOOD, "ratings.csv", USERS, {"users.csv": "user,age,grup\n7,1,2\n"}),
    "features: no rows": (GOOD, "ratings.csv", USERS, {"users.csv": "user,age,group\n"}),
    "features: an id twice": (
        GOOD, "ratings.csv", USERS, {"users.csv": "user,age,group\n7,1,x\n\n8,2,y\n7,3,z\n"},
    ),
    "features: an id that is missing": (
        GOOD, "ratings.csv", USERS, {"users.csv": "user,age,group\n7,1,x\n,2,y\n"},
    ),
    "features: a number that is none": (
        GOOD, "ratings.csv", USERS, {"users.csv": "user,age,group\n7,1,x\n8,old,y\n"},
    ),
    "features: no number at all": (GOOD, "ratings.csv", USERS, {"users.csv": "user,age,group\n7,,x\n"}),
    "features: other ids": (GOOD, "ratings.csv", ITEMS, {"items.csv": "item,genres\nA,x|y\nB,z\n"}),
    "features: the id": (
        GOOD, "ratings.csv", "query_features: {path: users.csv, columns: {user: categorical}}", {},
    ),
    "a column of a name that is taken": (GOOD, "ratings.csv", "columns: {history: rating}", {}),
    "one column for both ids": (GOOD, "ratings.csv", "candidate: user", {}),
}  # fmt: skip

# found when the data is divided or asked for a column: the same, and words of the command line
USE = {
    "no time passes, in a temporal split": (
        "user,item,rating,when\n" + "".join(f"{n},{n % 3},{n},5\n" for n in range(9)),
        ["-o", "split=temporal"],
    ),
    "no test row in a temporal split of each user": (GOOD, ["-o", "split={name: user-temporal, test_share: 0.1}"]),
    "no time at all, in a temporal split": (
        GOOD, ["-o", "split=temporal", "-o", "dataset.columns={user_rating: rating}"],
    ),
    "a threshold that no label reaches": (GOOD, ["-o", "tasks.ranking={name: click, threshold: 9}"]),
    "a threshold that all labels reach": (GOOD, ["-o", "tasks.ranking={name: click, threshold: 1}"]),
    "a positive threshold that no label reaches": (
        GOOD, ["-o", "tasks.ranking={name: retrieval, positive_threshold: 9}"],
    ),
    "lists of all candidates": (GOOD, ["-o", "tasks.ranking={name: retrieval, top_k: [2, 100]}"]),
    "no time at all, for histories": (
        GOOD, ["-o", "towers.query=sequence", "-o", "dataset.columns={user_rating: rating}"],
    ),
    "no column for filters": (
        GOOD, ["-o", "dataset.filters={since: 2020-01-01}", "-o", "dataset.columns={user_rating: rating}"],
    ),
    "filters that leave nothing": (GOOD, ["-o", "dataset.filters={min_per_query: 3}"]),
    "a column that the file has under another name": (
        edit("rating", "ratings", edit("when", "time")), ["-o", "dataset.columns=null"],
    ),
    "no label for a task": (GOOD, ["-o", "dataset.columns={timestamp: when}"]),
}  # fmt: skip


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Run a case in a folder of its own and give its lines on the standard error."""

    def run(content, path, more, files, words=()):
        text = SUITE.format(path=path, more=more)
        for key in ("columns", "candidate"):  # given twice it would be a fault of its own
            if more.startswith(f"{key}:"):
                text = "".join(
                    line for n, line in enumerate(text.splitlines(keepends=True))
                    if not (line.startswith(f"  {key}:") and n < 7)
                )  # fmt: skip
        written = {"bad.yaml": text, **files}
        if content is not None:
            written[path] = content
        for name, value in written.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(value.encode() if isinstance(value, str) else value)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MTBENCH_CACHE_DIR", str(tmp_path / "cache"))
        before = contents(tmp_path)
        code = main(["run", "bad.yaml", *words])
        output, errors = capsys.readouterr()
        assert code == 2
        assert output == ""
        assert "Traceback" not in errors
        after = contents(tmp_path)
        if words:  # the data itself is good
            after = {name: value for name, value in after.items() if not name.startswith("cache/")}
        assert after == before  # neither results nor cache, not a part of them
        return errors.splitlines()

    return run


@pytest.mark.parametrize("name", [*CASES, *USE])
def test_bad_data(name, told):
    if name in USE:
        content, words = USE[name]
        lines = told(content, "ratings.csv", "", {}, words)
    else:
        lines = told(*CASES[name])
    if os.environ.get("MTBENCH_UPDATE_GOLDEN"):
        write_case(GOLDEN, (*CASES, *USE), name, lines)
    assert lines == read_cases(GOLDEN)[name]
    assert all(line.startswith("mtbench: ") and line.isprintable() for line in lines)
    assert len(lines) == (3 if name == "several columns" else 1)


def test_the_golden_file_has_these_cases_only():
    assert list(read_cases(GOLDEN)) == [*CASES, *USE]


def test_a_label_that_is_missing_is_no_fault(tmp_path, monkeypatch, capsys):
    """It is counted, and the tasks leave it out."""
    rows = [f"{n % 6},{n % 5},{n % 4 or ''},{n}" for n in range(60)]
    (tmp_path / "ratings.csv").write_text("user,item,rating,when\n" + "\n".join(rows))
    (tmp_path / "good.yaml").write_text(SUITE.format(path="ratings.csv", more=""))
    monkeypatch.chdir(tmp_path)
    assert main(["run", "good.yaml", "--format", "csv"]) == 0
    data = load_suite(Path("good.yaml"), installed()).dataset.load()
    assert "15 missing (the first at ratings.csv:2)" in data.notes[2]
    assert "nan" not in capsys.readouterr().out.lower()
