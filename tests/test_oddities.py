"""What of the data a reader has to know: exact counts, what a run keeps of them, and the lines."""

import io
import json

import made
import numpy as np
import pytest
from made import interactions, run_suite
from rich.console import Console

from mtbench.records.record import Data, Record
from mtbench.records.results import Results
from mtbench.report import FORMATS, summarize
from mtbench.report.formats import table
from mtbench.report.oddities import oddity_notes
from mtbench.runs.oddities import count_pairs, count_repeats, count_unlabelled

NAN = float("nan")


def rated(rows, **more):
    query, candidate, rating, *_ = zip(*rows, strict=True)
    return interactions(query, candidate, 5, 7, user_rating=rating, **more)


@pytest.mark.parametrize(
    ("rows", "rows_again", "pairs_again"),
    [
        ([(0, 1, 3), (0, 2, 3), (1, 1, 3)], 0, 0),
        ([(0, 1, 3), (0, 1, 4), (1, 1, 3)], 0, 1),
        ([(0, 1, 3), (1, 1, 3), (0, 1, 3)], 1, 1),
        ([(0, 1, 3), (0, 1, 4), (0, 1, 3), (0, 1, 4), (0, 1, 5)], 2, 4),
        ([(0, 1, NAN), (0, 1, NAN), (0, 1, 1)], 1, 2),
        ([(0, 1, 0.0), (0, 1, -0.0)], 1, 1),
        ([(4, 6, 1)] * 5 + [(0, 0, 1)] * 5, 8, 8),
        ([(0, 6, 1), (1, 0, 1)], 0, 0),  # neighbours, were the pairs numbered carelessly
    ],
)
def test_repeats_by_hand(rows, rows_again, pairs_again):
    for order in (rows, rows[::-1]):
        assert count_repeats(rated(order)) == {
            "rows": len(rows),
            "repeated_rows": rows_again,
            "repeated_pairs": pairs_again,
        }


def test_a_row_is_equal_in_every_column_or_not_at_all():
    same = [(0, 1, 3), (0, 1, 3)]
    assert count_repeats(rated(same, timestamp=[5, 5]))["repeated_rows"] == 1
    assert count_repeats(rated(same, timestamp=[5, 6]))["repeated_rows"] == 0


def test_repeats_as_plain_python_counts_them():
    rng = np.random.default_rng(0)
    rows = list(zip(*(rng.integers(0, n, 500).tolist() for n in (5, 7, 3)), strict=True))
    found = count_repeats(rated(rows))
    assert found["repeated_rows"] == 500 - len(set(rows))
    assert found["repeated_pairs"] == 500 - len({row[:2] for row in rows})


def test_pairs_of_a_part_that_another_has():
    train = made.of_pairs([(0, 1), (0, 2), (3, 4), (0, 1)])
    test = made.of_pairs([(0, 1), (0, 1), (1, 1), (3, 4), (3, 3)])
    assert count_pairs(train, test) == {"pairs": 4, "known_pairs": 2}
    assert count_pairs(train, made.of_pairs([(3, 3)])) == {"pairs": 1, "known_pairs": 0}


def test_rows_without_a_label():
    rows = rated([(0, 1, 3), (0, 2, NAN), (1, 1, NAN)], timestamp=[1, 2, 3])
    assert count_unlabelled(rows, ["user_rating"]) == 2
    assert count_unlabelled(rows, ["timestamp"]) == 0
    assert count_unlabelled(rows, []) == 0


# what a run keeps


def table_suite(tmp_path, tiny, lines):
    (tmp_path / "ratings.csv").write_text("user,item,stars\n" + "\n".join(lines) + "\n")
    dataset = {
        "name": "table",
        "path": str(tmp_path / "ratings.csv"),
        "query": "user",
        "candidate": "item",
        "columns": {"user_rating": "stars"},
    }
    text = tiny.read_text().splitlines()
    at = next(n for n, line in enumerate(text) if line.startswith("dataset"))
    text[at] = f"dataset: {json.dumps(dataset)}"
    tiny.write_text("\n".join(text))
    return tiny


def test_a_run_keeps_them_in_its_record(tmp_path, tiny):
    """Every row five times, some without a label: what no metric shows."""
    once = [f"u{n % 10},i{n // 10},{'' if n % 30 == 0 else n % 5 + 1}" for n in range(60)]
    path = table_suite(tmp_path, tiny, once * 5)
    records = run_suite(path, tmp_path / "r", "train.epochs=1", scenarios=["joint", "rating-only"])
    for record in records:
        assert record.ok, record.error
        odd = record.data.oddities
        assert (odd.rows, odd.repeated_rows, odd.repeated_pairs) == (300, 240, 240)
        assert odd.unlabelled == {"ranking": 10}
        assert odd.pairs <= record.data.test == 60
        assert 0.8 * odd.pairs < odd.known_pairs <= odd.pairs
    by_seed = {(record.seed, record.data.oddities.known_pairs) for record in records}
    assert len(by_seed) == 2  # the seeds', whatever the scenario
    stored = Results.read(tmp_path / "r").records[0]
    assert stored.data.oddities == records[0].data.oddities or stored.seed != records[0].seed
    notes = summarize(Results.of(records)).notes
    assert any(
        note.startswith("duplicates: 240 of 300 rows repeat an earlier row exactly; ")
        for note in notes
    )
    assert "missing labels: of 300 rows 10 for ranking" in notes


def test_data_without_any_has_no_line(shared_tiny, tmp_path):
    records = run_suite(shared_tiny, tmp_path, "train.epochs=1", scenarios=["joint"], seeds="1")
    odd = records[0].data.oddities
    assert (odd.repeated_rows, odd.repeated_pairs, odd.known_pairs) == (0, 0, 0)
    assert odd.pairs == records[0].data.test
    notes = summarize(Results.of(records)).notes
    assert not [note for note in notes if note.startswith(("duplicates", "missing"))]


# the lines


def data_of(cold=(0, 0, 0, 0), test=4000, **oddities):
    users, user_rows, items, item_rows = cold
    none = {"rows": 15000, "repeated_rows": 0, "repeated_pairs": 0, "pairs": 3000, "known_pairs": 0}
    slices = {
        "cold_query": {"rows": user_rows, "queries": users, "candidates": 1},
        "cold_candidate": {"rows": item_rows, "queries": 1, "candidates": items},
    }
    told = made.as_json(made.record("joint", 0))["data"]
    told |= {"train": 11000, "test": test, "slices": slices, "oddities": none | oddities}
    return Data.model_validate_json(json.dumps(told))


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (data_of(), []),
        (
            data_of(repeated_rows=12000, repeated_pairs=12000, known_pairs=2400),
            [
                (
                    "duplicates: 12,000 of 15,000 rows repeat an earlier row exactly; 2,400 of "
                    "3,000 pairs of the test part are in the training part too, and left out "
                    "where seen candidates are removed"
                )
            ],
        ),
        (
            data_of(repeated_rows=1, repeated_pairs=2, known_pairs=1),
            [
                (
                    "duplicates: 1 of 15,000 rows repeats an earlier row exactly; 2 of 15,000 "
                    "rows have the user and item of an earlier row; 1 of 3,000 pairs of the "
                    "test part is in the training part too, and left out where seen candidates "
                    "are removed"
                )
            ],
        ),
        (
            data_of(repeated_pairs=1),
            ["duplicates: 1 of 15,000 rows has the user and item of an earlier row"],
        ),
        (
            data_of(unlabelled={"ranking": 1200, "click": 3}),
            ["missing labels: of 15,000 rows 1,200 for ranking, 3 for click"],
        ),
        (
            data_of((3, 12, 27, 40)),
            [
                (
                    "cold: 3 users (12 rows) and 27 items (40 rows) of the test part have no row "
                    "in the training part"
                )
            ],
        ),
        (data_of(test=3988), ["parts: 12 of 15,000 rows are in none of them"]),
        (data_of(test=3999), ["parts: 1 of 15,000 rows is in none of them"]),
        (
            data_of((0, 0, 1, 1)),
            ["cold: 1 item (1 row) of the test part has no row in the training part"],
        ),
    ],
)
def test_lines_of_one_seed(data, lines):
    assert oddity_notes({0: data}) == lines


def test_where_seeds_differ_the_least_and_the_most_are_said():
    one = data_of((0, 0, 2, 9), repeated_pairs=50, known_pairs=11)
    two = data_of((0, 0, 5, 7), repeated_pairs=50, known_pairs=8, pairs=2990)
    assert oddity_notes({0: one, 1: two}) == [
        (
            "duplicates: 50 of 15,000 rows have the user and item of an earlier row; 8 to 11 of "
            "2,990 to 3,000 pairs of the test part are in the training part too, and left out "
            "where seen candidates are removed (over 2 seeds)"
        ),
        (
            "cold: 2 to 5 items (7 to 9 rows) of the test part have no row in the training part "
            "(over 2 seeds)"
        ),
    ]
    none = data_of((0, 0, 0, 0))
    (line,) = oddity_notes({0: data_of((0, 0, 2, 9)), 1: none}, "validation")
    assert line.startswith("cold: 0 to 2 items (0 to 9 rows) of the validation part have no row")


def test_a_record_of_before_they_were_counted_says_nothing():
    record = made.record("joint", 0)
    assert record.data.oddities is None
    assert oddity_notes({0: record.data}) == []
    older = made.as_json(record)
    del older["data"]["oddities"]
    assert Record.of(older).data.oddities is None


def test_they_stand_in_every_form():
    odd = made.as_json(made.record("x", 0))["data"]
    counted = data_of(repeated_rows=12000, repeated_pairs=12000).oddities.model_dump()
    records = [made.record("joint", 0, data=odd | {"oddities": counted})]
    summary, stream = summarize(Results.of(records)), io.StringIO()
    table(summary, Console(file=stream, width=160))
    line = "duplicates: 12,000 of 15,000 rows repeat an earlier row exactly"
    assert line in stream.getvalue()
    assert line in FORMATS["markdown"](summary)
    assert line in json.loads(FORMATS["json"](summary))["notes"]


def test_metrics_that_tell_nothing(tmp_path):
    """The top 100 of 80 items is 1 for every model, and for chance."""

    def folder(name, floor):
        floors = {"retrieval": {"chance": {"top_100": floor, "top_1": 0.0125}}}
        info = {"retrieval": [made.metric("top_1", headline=False), made.metric("top_100")]}
        runs = [
            made.record("alone", seed, tasks=["retrieval"], floors=floors, metric_info=info,
                        metrics={"retrieval": {"top_1": 0.0125 * seed, "top_100": 1.0}})
            for seed in (1, 2)
        ]  # fmt: skip
        return made.write(tmp_path / name, runs)

    line = "retrieval/top_100: 1 for all models and all floors, which tells nothing of them"
    assert line in summarize(Results.read(folder("a", 1.0))).notes
    assert not any("nothing" in n for n in summarize(Results.read(folder("b", 0.9))).notes)
