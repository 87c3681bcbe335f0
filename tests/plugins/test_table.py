"""A user's own files: the same content is the same data, however it is written down."""

import bz2
import gzip
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import plan_of
from pydantic import ValidationError

import mtbench
from mtbench.data.tables import TableFile, TableReader
from mtbench.data.tables import text as tabletext
from mtbench.data.tables.values import as_array, reals, seconds
from mtbench_plugins.datasets.table import Table

TEXT = """\
user_id,item_id,rating,timestamp
7,b,3.5,100
007,a,4,1970-01-01T00:03:20Z
7,a,NA,300
9,"c, d",1,400
"""
RATING = np.array([3.5, 4, np.nan, 1], np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text, name="ratings.csv", **options):
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    table = Table(path=name, **options)
    table.require()
    return table.load()


def test_a_table_by_hand(folder):
    data = load(TEXT)
    assert data.source == "table/ratings.csv"
    assert not data.synthetic
    assert (data.query.key, data.candidate.key) == ("user_id", "item_id")
    assert data.query.ids.tolist() == ["007", "7", "9"]
    assert data.candidate.ids.tolist() == ["a", "b", "c, d"]
    columns = data.interactions.columns
    assert columns["query"].tolist() == [1, 0, 1, 2]
    assert columns["candidate"].tolist() == [1, 0, 0, 2]
    np.testing.assert_array_equal(columns["user_rating"], RATING)
    assert columns["user_rating"].dtype == np.float32
    assert columns["timestamp"].tolist() == [100, 200, 300, 400]
    assert columns["timestamp"].dtype == np.int64
    assert data.notes == (
        "ratings.csv: column 'user_id': 3 different texts",
        "ratings.csv: column 'item_id': 3 different texts",
        "ratings.csv: column 'rating': numbers from 1 to 4, 1 missing (the first at ratings.csv:4)",
        "ratings.csv: column 'timestamp': times from 1970-01-01 to 1970-01-01",
    )


def parquet(**changes):
    columns = {
        "user_id": ["7", "007", "7", "9"],
        "item_id": ["b", "a", "a", "c, d"],
        "rating": [3.5, 4.0, None, 1.0],
        "timestamp": [100, 200, 300, 400],
        **changes,
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, row_group_size=3)
    return sink.getvalue().to_pybytes()


WAYS = {
    "tabs": (TEXT.replace('"c, d"', "c, d").replace(",", "\t").replace("c\t", "c,"), "r.tsv", {}),
    "semicolons": (
        TEXT.replace('"c, d"', "c\0 d").replace(",", ";").replace("\0", ","),
        "r.csv",
        {"delimiter": ";"},
    ),
    "gzip": (gzip.compress(TEXT.encode()), "r.csv.gz", {}),
    "bzip2": (bz2.compress(TEXT.encode()), "r.csv.bz2", {}),
    "zipped tabs": (
        gzip.compress(TEXT.replace('"c, d"', "c; d").replace(",", "\t").replace(";", ",").encode()),
        "r.tsv.gz",
        {},
    ),
    "no header": (
        TEXT.partition("\n")[2],
        "r.csv",
        {"header": ["user_id", "item_id", "rating", "timestamp"]},
    ),
    "a mark of the order of bytes, and carriage returns": (
        b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(), "r.csv", {},
    ),
    "UTF-16": (TEXT.encode("utf-16"), "r.csv", {"encoding": "utf-16"}),
    "no line's end, empty lines, another order of columns": (
        'timestamp,x,rating,item_id,user_id\n\n1,,3.5,b,7\n2,,4,a,007\n\n3,,,a,7\n4,,1,"c, d",9'
        .replace("\n1", "\n100").replace("\n2", "\n200").replace("\n3", "\n300")
        .replace("\n4", "\n400"),
        "r.csv", {},
    ),
    "other names": (
        TEXT.replace("user_id", "who").replace("rating", "stars"),
        "r.csv",
        {"query": "who", "columns": {"user_rating": "stars", "timestamp": "timestamp"}},
    ),
    "milliseconds": (
        TEXT.replace("00\n", "00000\n"), "r.csv", {"timestamp_unit": "ms"},
    ),
    "Parquet": (parquet(), "r.parquet", {}),
    "Parquet of another name": (parquet(), "ratings", {}),
    "Parquet with categories": (
        parquet(
            user_id=pa.array(["7", "007", "7", "9"]).dictionary_encode(),
            item_id=pa.array(["b", "a", "a", "c, d"], pa.large_string()),
        ), "r.parquet", {},
    ),
    "Parquet with times": (
        parquet(timestamp=pa.array([100000, 200000, 300000, 400000], pa.timestamp("ms", "UTC"))),
        "r.parquet", {},
    ),
    "Parquet with texts": (
        parquet(rating=["3.5", "4", None, "1"], timestamp=["100", "200", "300", "400"]),
        "r.parquet", {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_the_same_content_is_the_same_data(folder, way):
    text, name, options = WAYS[way]
    data = load(text, name, **options)
    expected = load(TEXT)
    if "query" in options:
        assert data.query.key == "who"
        data = mtbench.Data(expected.query, data.candidate, data.interactions, "")
    assert data.fingerprint == expected.fingerprint


def test_integers_stay_what_they_are(folder):
    data = load(parquet(user_id=[7, 10, 7, 9], item_id=[1, 2, 2, 3]), "r.parquet")
    assert data.query.ids.tolist() == ["10", "7", "9"]
    assert data.interactions.query.tolist() == [1, 0, 1, 2]


def test_blocks_make_no_difference(folder, monkeypatch):
    rng = np.random.default_rng(0)
    rows = [f"{u},i{i},{r},{t}" for u, i, r, t in rng.integers(1, 50, (600, 4))]
    text = "user_id,item_id,rating,timestamp\n" + "\n".join(rows)
    whole = load(text)
    monkeypatch.setattr(tabletext, "BLOCK", 997)
    batches = list(TableReader(TableFile()).batches(["user_id"]))
    assert len(batches) > 5
    assert load(text).fingerprint == whole.fingerprint
    rows[500], rows[540], rows[550] = rows[500] + "x", rows[540] + "x", ",i1,1,1"
    (folder / "ratings.csv").write_text("user_id,item_id,rating,timestamp\n" + "\n".join(rows))
    with pytest.raises(mtbench.DataError) as caught:
        Table().load()
    (time, user) = str(caught.value).splitlines()
    assert time.startswith("ratings.csv:502: column 'timestamp': expected seconds")
    assert time.endswith("x' (2 such rows)")
    assert user.startswith("ratings.csv:552: column 'user_id': expected an id, found nothing: ")
    Table(path="ratings.csv").require()  # which looks at the first rows only


def test_only_the_first_rows_are_looked_at_before(folder, monkeypatch):
    text = "user_id,item_id,rating,timestamp\n" + "1,1,good,1\n" * 2 + "1,1,1,1\n" * 200
    (folder / "ratings.csv").write_text(text)
    monkeypatch.setattr(tabletext, "BLOCK", 200)
    with pytest.raises(mtbench.DataError) as caught:
        Table().require()
    assert str(caught.value) == (
        "ratings.csv:2: column 'rating': expected a finite number, found 'good'"
    )  # without saying how many there are: it cannot know


def test_further_labels(folder):
    text = "user_id,item_id,clicked,watched\n1,a,true,0\n2,b,False,1e1\n1,b,,nan\n2,a,TRUE, 3 \n"
    data = load(text, columns={"clicked": "clicked", "watched": "watched"})
    columns = data.interactions.columns
    np.testing.assert_array_equal(columns["clicked"], np.array([1, 0, np.nan, 1], np.float32))
    np.testing.assert_array_equal(columns["watched"], np.array([0, 10, np.nan, 3], np.float32))
    assert set(columns) == {"query", "candidate", "clicked", "watched"}
    assert load(text, columns={}).interactions.columns.keys() == {"query", "candidate"}


FEATURES = {
    "query_features": {
        "path": "users.csv",
        "id": "id",
        "columns": {"group": "categorical", "age": "numeric"},
    },
    "candidate_features": {
        "path": "items.csv",
        "columns": {"genres": "multi_hot", "kind": "categorical"},
        "separator": "/",
    },
}


@pytest.mark.parametrize("as_parquet", [False, True])
def test_features(folder, as_parquet):
    users = "age,id,group,more\n30,9,x,1\n,7,,2\n20,8,y,3\n"
    items = "item_id,kind,genres\nz,film,War\na,,Action / War\nb,short,\n"
    options = FEATURES
    if as_parquet:
        users = pa.table({"age": [30, None, 20], "id": [9, 7, 8], "group": ["x", None, "y"]})
        genres = [["War"], ["Action", "War"], None]
        items = pa.table(
            {"item_id": ["z", "a", "b"], "kind": ["film", "", "short"], "genres": genres}
        )
        for name, table in (("users", users), ("items", items)):
            pq.write_table(table, f"{name}.parquet")
        options = {side: {**f, "path": f["path"][:5] + ".parquet"} for side, f in FEATURES.items()}
    else:
        (folder / "users.csv").write_text(users)
        (folder / "items.csv").write_text(items)
    data = load(TEXT, **options)
    query, candidate = data.query, data.candidate
    assert query.ids.tolist() == ["007", "7", "9"]  # 8 has no interaction
    group, age = query.features["group"], query.features["age"]
    assert group.names[group.values].tolist() == ["", "", "x"]
    assert age.values.tolist() == [30, 30, 30]
    assert candidate.ids.tolist() == ["a", "b", "c, d", "z"]  # z has none, and is a candidate
    assert data.interactions.num_candidates == 4
    genres, kind = candidate.features["genres"], candidate.features["kind"]
    assert genres.names.tolist() == ["Action", "War"]
    assert genres.values.tolist() == [[1, 1], [0, 0], [0, 0], [0, 1]]
    assert kind.names[kind.values].tolist() == ["", "short", "", "film"]
    told = [note.partition(": ")[2] for note in data.notes if note.startswith(("users", "items"))]
    at = (lambda line: f"users.parquet: row {line - 1}") if as_parquet else "users.csv:{}".format
    it = (lambda line: f"items.parquet: row {line - 1}") if as_parquet else "items.csv:{}".format
    assert told == [
        f"column 'group': 3 different texts, 1 missing (the first at {at(3)})",
        f"column 'age': numbers from 20 to 30, 1 missing (the first at {at(3)})",
        "lacks 1 of 3 values of 'user_id', such as '007': all their features are missing",
        f"column 'genres': 2 different values, 1 missing (the first at {it(4)})",
        f"column 'kind': 3 different texts, 1 missing (the first at {it(3)})",
        "lacks 1 of 3 values of 'item_id', such as 'c, d': all their features are missing",
    ]


def test_the_digest_is_that_of_the_files(folder):
    users = folder / "users.csv"
    users.write_text("user_id,group\n7,x\n9,y\n")
    file = {"path": "users.csv", "columns": {"group": "categorical"}}
    load(TEXT)
    alone, both = Table().source_digest(), Table(query_features=file).source_digest()
    assert len({alone, both}) == 2
    assert Table().source_digest() == alone
    users.write_text("user_id,group\n7,x\n9,yy\n")
    assert Table().source_digest() == alone
    assert Table(query_features=file).source_digest() != both
    pacsv.write_csv(pa.table({"x": [1]}), "ratings.csv")
    assert Table().source_digest() != alone


def test_without_pyarrow(folder, monkeypatch):
    (folder / "ratings.csv").write_text(TEXT)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(mtbench.MtbenchError, match=r"pip install 'mtbench\[tables\]'"):
        Table().require()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"query": "x"}}, "expected a name of your own, found 'query'"),
        ({"candidate": "user_id"}, "expected two columns of ids"),
        ({"columns": {"user/rating": "x"}}, "pattern"),
        ({"delimiter": "::"}, "at most 1 character"),
        ({"query_features": {"path": "x", "columns": {}}}, "expected columns, vectors or both"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValidationError, match=message):
        Table(**options)


def test_a_home_folder_in_a_path(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    (folder / "ratings.csv").write_text(TEXT)
    assert len(Table(path="~/ratings.csv").load().interactions) == 4


@given(
    st.lists(
        st.one_of(
            st.floats(allow_infinity=False).map(repr),
            st.integers(-(2**53), 2**53).map(str),
            st.sampled_from(["", "NA", " 7 ", "true", "FALSE", "nan", "x", "1_0", "inf", "0x"]),
        ),
        min_size=1,
    )
)
def test_numbers_are_those_of_python(texts):
    """Whichever way they take: in one go, or one by one."""
    found, bad = reals(pa.array(texts))
    for text, number, wrong in zip(texts, found, bad, strict=True):
        if text in ("x", "1_0", "0x"):
            assert wrong
            continue
        words = {"true": 1.0, "FALSE": 0.0, "": np.nan, "NA": np.nan}
        np.testing.assert_equal(number, words[text] if text in words else float(text))
        assert not wrong


@given(
    st.lists(
        st.tuples(
            st.integers(-(10**10), 10**10),
            st.sampled_from(["number", "naive", "zone", "space", "offset"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_times_are_seconds(times):
    """Of one form or of several."""
    texts = []
    for when, form in times:
        moment = str(np.datetime64(when, "s"))
        east = str(np.datetime64(when + 7200, "s"))
        texts.append(
            {
                "number": str(when),
                "naive": moment,
                "zone": moment + "Z",
                "space": moment.replace("T", " "),
                "offset": east + "+02:00",
            }[form]
        )
    found, bad = seconds(pa.array(texts), 1)
    assert not bad.any()
    assert found.tolist() == [when for when, _ in times]


def test_times_without_a_zone_are_utc_wherever_one_is(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found, _ = seconds(pa.array(["1970-01-01T00:00:05", "1970-01-01 00:00:05Z", "5"]), 1)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.tolist() == [5, 5, 5]


def test_lines_within_quotes_at_the_end_of_a_block(folder, monkeypatch):
    rows = [f'{n},i{n % 7},{n % 5},"{n}\n{n}",{n}' for n in range(90)]
    text = "user_id,item_id,rating,title,timestamp\n" + "\n".join(rows)
    monkeypatch.setattr(tabletext, "BLOCK", 97)
    data = load(text)
    assert len(data.interactions) == 90
    assert data.interactions.columns["timestamp"].tolist() == [*range(90)]
    assert data.notes[0] == (
        "ratings.csv: 90 line breaks within quotes (the first in the row of line 2): where a quote "
        "is part of the text, say `quoting: false`"
    )


def test_fractions_of_seconds_are_cut():
    for texts in (["1.9", "-0.5"], ["1970-01-01T00:00:01.9", "1969-12-31T23:59:59.5"]):
        assert seconds(pa.array(texts), 1)[0].tolist() == [1, -1]
    values = pa.array([1.9, None, float("inf")])
    found, bad = seconds(values, 1)
    assert bad.tolist() == [False, True, True]
    assert found[0] == 1
    dates = pa.array([1, None], pa.date32())
    found, bad = seconds(dates, 1)
    assert (found[0], bad.tolist()) == (86400, [False, True])
    assert as_array(pa.array([1.0, None])).tolist()[0] == 1


def test_another_content_is_another_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    suite = """
name: own
dataset: {name: table, path: own.csv, query: u, candidate: i, columns: {user_rating: r}}
split: random
towers: {query: embedding, candidate: embedding}
tasks: {ranking: {}}
scenarios: {rating-only: {tasks: [ranking]}}
"""
    (tmp_path / "own.yaml").write_text(suite)
    ids = []
    for rating in (1, 2, 1):
        (tmp_path / "own.csv").write_text(f"u,i,r\na,x,5\nb,y,{rating}\n")
        ids.append([run.id for run in plan_of(tmp_path / "own.yaml")])
    assert ids[0] == ids[2] != ids[1]


VECTORS = {
    "Parquet": ("i.parquet", {"columns": {"given": "vector"}}),
    "Parquet of one length": ("f.parquet", {"columns": {"given": "vector"}}),
    "text": ("i.csv", {"columns": {"given": "vector"}}),
    "text with blanks": ("b.csv", {"columns": {"given": "vector"}}),
    "columns by a pattern": ("c.csv", {"vectors": {"given": "g_*"}}),
    "columns by name": ("c.csv", {"vectors": {"given": ["g_2", "g_10"]}}),
}


@pytest.mark.parametrize("way", VECTORS)
def test_given_vectors(folder, way):
    """A vector that is missing becomes the mean of the others, number by number."""
    name, options = VECTORS[way]
    rows = [[1.0, 10.0], None, [3.0, 30.0]]
    ids = ["a", "b", "z"]
    of_length = pa.array(rows, pa.list_(pa.float32(), 2))
    pq.write_table(pa.table({"item_id": ids, "given": rows}), "i.parquet")
    pq.write_table(pa.table({"item_id": ids, "given": of_length}), "f.parquet")
    (folder / "i.csv").write_text("item_id,given\na,1|10\nb,\nz,3|3e1\n")
    (folder / "b.csv").write_text('item_id,given\na,"[1, 10]"\nb,[]\nz,[3. 30.]\n')
    (folder / "c.csv").write_text("item_id,g_2,x,g_10\na,1,,10\nb,NA,,\nz,3,,30\n")
    data = load(TEXT, candidate_features={"path": name, **options})
    given = data.candidate.features["given"]
    assert given.form == "vector"
    assert given.values.dtype == np.float32
    assert data.candidate.ids.tolist() == ["a", "b", "c, d", "z"]
    assert given.values.tolist() == [[1, 10], [2, 20], [2, 20], [3, 30]]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            "item_id,given\na,1|2\nb,1|2|3\n", {"columns": {"given": "vector"}},
            "i.csv:3: column 'given': expected a vector of 2 finite numbers, found '1|2|3'",
        ),
        (
            "item_id,given\na,1|x\nb,1|2\n", {"columns": {"given": "vector"}},
            "i.csv:2: column 'given': expected a vector of 2 finite numbers, found '1|x'",
        ),
        (
            "item_id,given\na,1|2\nb,inf|2\n", {"columns": {"given": "vector"}},
            "i.csv:3: column 'given': expected a vector of 2 finite numbers, found 'inf|2'",
        ),
        (
            "item_id,given\na,\nb,\n", {"columns": {"given": "vector"}},
            "i.csv: column 'given': expected values, found none",
        ),
        (
            "item_id,given\na,0.5|1.5\nb,0.5\n", {"columns": {"given": "multi_hot"}},
            ("i.csv: column 'given': expected texts, or lists of them, found numbers, such as "
             "'0.5': is it a `vector`?"),
        ),
        (
            "item_id,g1\na,0.5\nb,0.5\n", {"vectors": {"given": "h*"}},
            "i.csv: vectors: no column 'h*' (known: g1, item_id)",
        ),
        (
            pa.table({"item_id": ["a"], "given": [[0.5]]}), {"columns": {"given": "multi_hot"}},
            ("i.csv: column 'given': expected texts, or lists of them, found list<element: double>,"
             " which is a `vector` if it is of numbers"),
        ),
    ],
)  # fmt: skip
def test_what_is_no_vector(folder, content, options, message):
    if isinstance(content, str):
        (folder / "i.csv").write_text(content)
    else:
        pq.write_table(content, "i.csv")
    with pytest.raises(mtbench.DataError) as caught:
        load(TEXT, candidate_features={"path": "i.csv", **options})
    assert str(caught.value) == message


def test_blocks_of_vectors_make_no_difference(folder, monkeypatch):
    """Also where a block has none."""
    rows = [f"{n},{n}|{-n}" if n > 50 else f"{n}," for n in range(90)]
    (folder / "i.csv").write_text("item_id,given\n" + "\n".join(rows))
    file = {"path": "i.csv", "columns": {"given": "vector"}}
    text = "user_id,item_id,rating\n1,1,1\n2,60,2\n"
    whole = load(text, candidate_features=file)
    monkeypatch.setattr(tabletext, "BLOCK", 97)
    assert load(text, candidate_features=file).fingerprint == whole.fingerprint


def test_features_in_the_file_of_the_interactions(folder):
    """Rows of one id have to agree."""
    text = (
        "user_id,item_id,rating,genre,pages,themes\n1,a,1,x,,l|m\n2,b,2,y,7,l\n1,b,3,y,7,l\n"
        "2,a,1,x,,m|l\n"
    )
    columns = {"genre": "categorical", "pages": "numeric", "themes": "multi_hot"}
    file = {"path": "ratings.csv", "columns": columns}
    data = load(text, candidate_features=file)
    genre = data.candidate.features["genre"]
    assert genre.names[genre.values].tolist() == ["x", "y"]
    for old, new, told in (("x,,m", "z,,m", "with genre 'z', and 'x'"),
                           ("y,7,l\n2", "y,8,l\n2", "with pages 8.0, and 7.0"),
                           ("x,,m|l", "x,,m", "with themes ['m'], and ['l', 'm']")):  # fmt: skip
        with pytest.raises(mtbench.DataError, match=r"ratings.csv:[45]: .* is there twice, ") as e:
            load(text.replace(old, new), candidate_features=file)
        assert told in str(e.value)


EATEN = (
    'user_id\titem_id\nu1\ta\nu2\t"b" side\nu3\tc\nu4\t"d\nu5\ta\nu6\tc\nu7\t"d\nu8\ta\n'
)  # fmt: skip


def test_no_row_is_eaten_by_a_quote(folder):
    data = load(EATEN, "ratings.tsv")
    assert len(data.interactions) == 8
    assert data.candidate.ids.tolist() == ['"b" side', '"d', "a", "c"]
    with pytest.raises(mtbench.DataError, match=r"ratings.tsv:3: expected '\\t' after a closing"):
        load(EATEN, "ratings.tsv", quoting=True)
    told = load('user_id\titem_id\nu1\t"a"\nu2\tb\n', "ratings.tsv").notes
    assert told[1].endswith(
        "2 different texts, 1 in quotes, which `quoting: true` takes off, such as '\"a\"'"
    )


def test_what_is_lacking_is_left_out_where_it_may_be(folder):
    text = "user_id,item_id,rating,timestamp\n1,a,1,5\n2,b,,6\n,b,3,7\n2,a,4,NA\n3,a,5,9\n"
    with pytest.raises(
        mtbench.DataError, match=r"`drop_missing: \[user_id\]` leaves such rows out"
    ):
        load(text)
    data = load(text, drop_missing=["user_id", "timestamp"])
    assert data.interactions.columns["timestamp"].tolist() == [5, 6, 9]
    assert data.notes[0] == (
        "ratings.csv: 2 of 5 rows without 'user_id' or 'timestamp' are left out"
    )
    assert data.notes[3].endswith("numbers from 1 to 5, 1 missing (the first at ratings.csv:3)")


def test_columns_that_are_not_named_need_not_be_there(folder):
    data = load("user_id,item_id\n1,a\n2,b\n")
    assert data.interactions.columns.keys() == {"query", "candidate"}
    assert Table(path="ratings.csv").where("user_rating") == (
        "the file has no other; say which of its columns it is, `columns: {user_rating: ...}`"
    )


def test_ids_that_differ_by_blanks_are_told(folder):
    data = load("user_id,item_id,rating\n1,a,1\n2,a ,2\n2,[x],2\n1,b,1\n")
    assert data.notes[1] == (
        "ratings.csv: column 'item_id': 4 different texts, 1 differ from others by blanks at their "
        "ends alone, such as 'a ', 1 that look like lists, such as '[x]'"
    )


def test_a_compressed_file_under_any_name(folder):
    expected = load(TEXT).fingerprint
    assert load(gzip.compress(TEXT.encode()), "ratings").fingerprint == expected
    assert load(gzip.compress(TEXT.encode()), "r.csv.bz2").fingerprint == expected


@pytest.mark.parametrize(
    "moment",
    ["-62135596801", "9223372036854775808", "-9223372036854775808", "1e300", "-1e30", "1" * 20],
)  # fmt: skip
def test_a_time_that_no_calendar_has_is_one_line(tmp_path, moment):
    path = tmp_path / "t.csv"
    path.write_text(f"user_id,item_id,rating,timestamp\na,b,1,{moment}\na,c,2,100\n")
    with pytest.raises(mtbench.DataError) as caught:
        Table(path=str(path)).load()
    assert str(caught.value) == (
        f"{path}:2: column 'timestamp': expected seconds since 1970 or an ISO 8601 date, found "
        f"{moment!r}: is `timestamp_unit` another?"
    )
