"""Parts of one's own, by a column and by files, and cold starts: by hand, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import interactions
from pydantic import ValidationError

import mtbench
from mtbench_plugins.datasets.table import Table
from mtbench_plugins.splits.cold import Cold
from mtbench_plugins.splits.column import Column
from mtbench_plugins.splits.files import Files

HEAD = "user_id,item_id\n"


def data_of(pairs, **columns):
    """Users `u0`, `u1`, … with items `i0`, `i1`, …"""
    query, candidate = zip(*pairs, strict=True)
    sizes = 10, 10
    rows = interactions(query, candidate, *sizes, **columns)
    sides = [
        mtbench.Side(key, np.array([f"{letter}{n}" for n in range(size)]))
        for key, letter, size in (("user_id", "u", 10), ("item_id", "i", 10))
    ]
    return mtbench.Data(*sides, rows, "made")


def lists(parts):
    return [parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()]


def write(path, pairs, head=HEAD):
    path.write_text(head + "".join(f"u{u},i{i}\n" for u, i in pairs))
    return str(path)


# by a column


def test_a_column_of_parts():
    data = data_of([(0, 0)] * 6, part=np.array([2, 0, -1, 1, 0, 2], np.int8))
    assert lists(Column().build(data, 0)) == [[1, 4], [3], [0, 5]]
    assert lists(Column().build(data, 7)) == lists(Column().build(data, 0))


def test_a_column_of_numbers_such_as_folds():
    data = data_of([(0, 0)] * 6, fold=np.array([1, 2, 3, 4, 5, 1], np.float32))
    split = Column(column="fold", train=(1, 2, 3), validation=(), test=(5,))
    assert lists(split.build(data, 0)) == [[0, 1, 2, 5], [], [4]]
    assert split.to_validate() == "list values under validation"
    assert Column().to_validate() is None


def test_what_a_column_cannot_be():
    data = data_of([(0, 0)] * 3, part=np.array([1, 0, 0], np.int8))
    with pytest.raises(mtbench.DataError, match=r"a test part, found none.*has the values 0, 1"):
        Column().build(data, 0)
    with pytest.raises(mtbench.DataError, match="split 'column' reads column 'fold', which"):
        Column(column="fold").build(data, 0)
    with pytest.raises(
        ValidationError, match="expected each value in one part, found 1 in several"
    ):
        Column(train=(1,))


def test_the_table_reads_names_of_parts(tmp_path):
    path = tmp_path / "all.csv"
    rows = ["a,x,train", "b,y,Test", "a,y,valid", "b,x,", "a,z,TRAINING ", "b,z,dev"]
    path.write_text("user_id,item_id,split\n" + "\n".join(rows) + "\n")
    table = Table(path=str(path), columns={"part": "split"})
    data = table.load()
    assert data.interactions.columns["part"].tolist() == [0, 2, 1, -1, 0, 1]
    assert lists(Column().build(data, 0)) == [[0, 4], [2, 5], [1]]
    (note,) = [note for note in data.notes if "'split'" in note]
    assert note == (
        f"{path}: column 'split': 2 rows to train, 2 to validate, 1 to test, 1 missing "
        f"(the first at {path}:5)"
    )
    path.write_text("user_id,item_id,split\na,x,train\nb,y,tset\nb,x,tset\n")
    with pytest.raises(mtbench.DataError) as caught:
        table.load()
    assert str(caught.value) == (
        f"{path}:3: column 'split': expected train, validation or test, found 'tset' (2 such rows)"
    )


# by files


def test_files_by_hand(tmp_path):
    """Rows in the data's order, one in no part; the order within files is of no account."""
    data = data_of([(0, 0), (0, 1), (1, 0), (2, 2), (3, 3), (0, 9)])
    split = Files(
        train=write(tmp_path / "train.csv", [(3, 3), (0, 1)]),
        validation=write(tmp_path / "valid.csv", [(2, 2)]),
        test=write(tmp_path / "test.csv", [(1, 0), (0, 0)]),
    )
    found = [sorted(rows) for rows in lists(split.build(data, 0))]
    assert found == [[1, 4], [3], [0, 2]]
    assert split.build(data, 1) is split.build(data, 0)  # read once for all seeds
    rest = Files(test=str(tmp_path / "test.csv"))
    assert lists(rest.build(data, 0)) == [[1, 3, 4, 5], [], [2, 0]]
    assert rest.to_validate() == "name a file under validation"
    assert split.to_validate() is None


def test_pairs_that_repeat_are_taken_in_the_order_of_the_data(tmp_path):
    """The first of them train, then validate, then test; of the rest the last ones test."""
    data = data_of([(0, 0), (1, 1), (0, 0), (0, 0), (1, 1)])
    train, valid = write(tmp_path / "a", [(0, 0), (1, 1)]), write(tmp_path / "b", [(0, 0)])
    test = write(tmp_path / "c", [(1, 1), (0, 0)])
    found = Files(train=train, validation=valid, test=test).build(data, 0)
    assert lists(found) == [[0, 1], [2], [4, 3]]
    assert lists(Files(test=test, validation=valid).build(data, 0)) == [[0, 1], [2], [4, 3]]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=30), st.data()
)
def test_each_row_is_in_the_part_whose_file_has_it(tmp_path_factory, pairs, draw):
    """Whatever repeats: as many rows of each pair as its file has lines, no row twice."""
    folder, data = tmp_path_factory.mktemp("parts"), data_of(pairs)
    of = [draw.draw(st.integers(0, 2)) for _ in pairs]
    of[:2] = [0, 2]
    own = {part: [p for p, o in zip(pairs, of, strict=True) if o == part] for part in range(3)}
    paths = {part: write(folder / f"{part}.csv", own[part] or [pairs[0]]) for part in range(3)}
    split = Files(train=paths[0], test=paths[2], **({"validation": paths[1]} if own[1] else {}))
    found = split.build(data, 0)
    for part, rows in enumerate((found.train, found.validation, found.test)):
        assert sorted(pairs[row] for row in rows) == sorted(own[part])
    assert len(np.unique(np.concatenate(found))) == len(pairs)
    rest = Files(test=paths[2], **({"validation": paths[1]} if own[1] else {})).build(data, 0)
    assert sorted(pairs[row] for row in rest.train) == sorted(own[0])


LESS = "which it has not, or not as often as the files"


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(
    ("pairs", "line", "what"),
    [
        ([(1, 1), (1, 2), (2, 0)], 3, f"'u1' with 'i2', {LESS} (2 such rows)"),
        ([(1, 1), (77, 1)], 3, "'u77' with 'i1', which it lacks"),
        ([(1, 1), (2, 2), (1, 1)], 4, f"'u1' with 'i1', {LESS}"),
    ],
)
def test_lines_that_the_data_lacks_are_refused_with_their_place(tmp_path, pairs, line, what, train):
    data = data_of([(0, 0), (1, 1), (2, 2)])
    more = {"train": write(tmp_path / "train.csv", [(0, 0)])} if train else {}
    test = write(tmp_path / "test.csv", pairs)
    with pytest.raises(mtbench.DataError) as caught:
        Files(test=test, **more).build(data, 0)
    assert str(caught.value) == (
        f"{test}:{line}: expected an interaction of made, found {what}: let the dataset read this "
        "file too (`further` of `table`)"
    )


def test_files_of_another_form(tmp_path):
    """Columns of other names, without a header, with another delimiter."""
    data = data_of([(0, 0), (1, 1), (2, 2)])
    (tmp_path / "test.csv").write_text("u1;i1\n")
    (tmp_path / "valid.tsv").write_text("item\twho\ni2\tu2\n")
    file = {"path": str(tmp_path / "test.csv"), "delimiter": ";", "header": ["who", "item"]}
    split = Files(test=file, validation=str(tmp_path / "valid.tsv"), query="who", candidate="item")
    assert lists(split.build(data, 0)) == [[0], [2], [1]]
    assert Files(**split.options()) == split


def test_the_content_of_the_files_is_part_of_the_question(tmp_path):
    test, valid = write(tmp_path / "t.csv", [(1, 1)]), write(tmp_path / "v.csv", [(1, 1)])
    assert Files(test=test).content() == Files(test=valid).content()
    assert Files(test=test).content() != Files(test=test, validation=valid).content()
    data = data_of([(0, 0), (1, 1), (2, 2)])
    split = Files(test=test)
    assert lists(split.build(data, 0)) == [[0, 2], [], [1]]
    write(tmp_path / "t.csv", [(2, 2), (1, 1)])
    assert split.content() != Files(test=valid).content()
    assert lists(split.build(data, 0)) == [[0], [], [2, 1]]  # what was read before is not taken
    with pytest.raises(mtbench.DataError, match=r"absent\.csv: no such file"):
        Files(test=str(tmp_path / "absent.csv")).require()


def test_a_table_of_several_files(tmp_path):
    """Their rows one after the other; a fault has its own file and line."""
    first = tmp_path / "train.csv"
    first.write_text("user_id,item_id,rating\na,x,1\nb,y,2\n")
    (tmp_path / "valid.csv").write_text("rating,user_id,item_id\n3,b,x\n")
    (tmp_path / "test.csv").write_text("user_id,item_id,rating\nc,x,\n")
    further = [str(tmp_path / name) for name in ("valid.csv", "test.csv")]
    table = Table(path=str(first), further=further, columns={"user_rating": "rating"})
    data = table.load()
    rows = data.interactions
    assert data.query.ids[rows.query].tolist() == ["a", "b", "b", "c"]
    np.testing.assert_array_equal(rows.columns["user_rating"], [1, 2, 3, np.nan])
    assert any(
        note.endswith("1 missing (the first at " + further[1] + ":2)") for note in data.notes
    )
    split = Files(train=str(first), validation=further[0], test=further[1])
    assert lists(split.build(data, 0)) == [[0, 1], [2], [3]]
    before = table.content()
    (tmp_path / "valid.csv").write_text("rating,user_id,item_id\nfew,b,x\n")
    assert table.content() != before
    with pytest.raises(
        mtbench.DataError, match=r"valid\.csv:2: column 'rating': expected a finite"
    ):
        table.load()
    (tmp_path / "valid.csv").write_text("user_id,item_id\nb,x\n")
    with pytest.raises(mtbench.DataError, match=r"valid\.csv:1: no column 'rating'"):
        table.require()


# a cold start


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40),
    st.sampled_from(["query", "candidate"]),
    st.floats(0.01, 0.99),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 99),
)
def test_who_is_held_out_has_no_other_row(pairs, side, share, validation, seed):
    data = data_of(pairs)
    whose = data.interactions.columns[side]
    number = len(set(whose.tolist()))
    split = Cold(side=side, test_share=share, validation_share=validation)
    if number < (3 if validation else 2):
        with pytest.raises(mtbench.DataError, match=r"different .*_id or more to split into"):
            split.build(data, seed)
        return
    found = split.build(data, seed)
    assert sorted(np.concatenate(found)) == list(range(len(pairs)))
    ids = [set(whose[rows].tolist()) for rows in found]
    assert not ids[0] & (ids[1] | ids[2])
    assert not ids[1] & ids[2]
    most = number - (2 if validation else 1)
    assert len(ids[1]) == min(max(round(number * share), 1), most)
    assert bool(len(found.validation)) == bool(validation)
    again = split.build(data, seed)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))
