"""A storm over small tables: what is read is sound, what is not is one line."""

import time

import numpy as np
import pytest
from storms import ODD, SLOW_S, chances, damaged, times

from mtbench.errors import DataError
from mtbench_plugins.datasets.table import Table

pytestmark = pytest.mark.storm
ROWS = [
    ["user", "item", "rating", "when"],
    ["7", "a", "3.5", "100"],
    ["8", "b", "4", "2020-01-02 03:04:05"],
    ["7", "b", "", "1577934245"],
    ["9", "a", "1", "2020-01-02T03:04:05Z"],
    ["é", "c", "-1e3", "2020-01-02"],
]
VALUES = [*(str(odd) for odd in ODD), "1e400", "-", "NaN", "0x10", "1,5", '"', "'", ";", "\t", "\r"]
VALUES += ["10000-01-01", "0001-01-01", "-1", "99999999999999999999", "1970-01-01T25:00", "12:30"]
VALUES += ["253402300800", "-62135596801", "2020-02-30", "2020-01-02 03:04:05+99:99", "9" * 400]


def table(chance):
    times_ = chance.choice([[1], [2], [3], [4], [1, 2, 3, 4]])
    rows = [list(row) for row in ROWS]
    for row in rows[1:]:
        row[3] = ROWS[min(chance.choice(times_), 5)][3]
    for _ in range(chance.choice([0, 1, 1, 2])):
        row = chance.choice(rows)
        kind = chance.randrange(4)
        if kind == 0 and row:
            row[chance.randrange(len(row))] = chance.choice(VALUES)
        elif kind == 1:
            row.append(chance.choice(VALUES))
        elif kind == 2 and row:
            row.pop()
        else:
            rows.insert(chance.randrange(len(rows)), list(chance.choice(rows)))
    text = "\n".join(",".join(row) for row in rows) + "\n"
    content = text.encode(errors="surrogatepass")
    return damaged(content, chance, 2) if chance.random() < 0.3 else content


def test_tables(tmp_path):
    faults, longest, read = [], 0.0, 0
    for number, chance in chances(times(2_000)):
        path = tmp_path / f"t.{chance.choice(['csv', 'csv', 'csv', 'tsv', 'parquet', 'csv.gz'])}"
        content = table(chance)
        path.write_bytes(content)
        columns = {"user_rating": "rating", "timestamp": "when"}
        columns = chance.choice([columns, columns, {"timestamp": "when"}])
        dataset = Table(path=str(path), query="user", candidate="item", columns=columns)
        started = time.process_time()
        try:
            for step in (dataset.content, dataset.require, dataset.load):
                data = step()
        except DataError as error:
            if not all(line.startswith(str(path)) for line in str(error).split("\n")):
                faults.append((number, content, str(error)))
        except Exception as error:
            faults.append((number, content, repr(error)))
        else:
            read += 1
            for column in data.interactions.columns.values():
                assert len(column) == len(data.interactions)
            assert np.isfinite(data.interactions.columns["timestamp"].astype(float)).all()
        took = time.process_time() - started
        longest = max(longest, took)
        if took > SLOW_S:
            faults.append((number, content, f"{took:.1f} s"))
    print(f"{read} tables read, {len(faults)} faults, longest {longest:.2f} s of CPU")
    assert not faults, f"{len(faults)}: {faults[:5]}"
    assert read
