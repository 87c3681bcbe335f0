"""No row is lost: of generated files, rows read and rows told of are the rows of the file."""

import bz2
import contextlib
import csv
import gzip
import io
import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import mtbench
from mtbench_plugins.datasets.table import Table

COMPRESSED = {"": lambda b: b, ".gz": gzip.compress, ".bz2": bz2.compress}
ENCODINGS = ("utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "shift_jis")
WORDS = st.text("ab\"'é,;\t|: #\\\\", min_size=1, max_size=5)
BREAKS = st.sampled_from(["x\ny", 'a"b\r\nc', "\n"])


@st.composite
def files(draw):
    """A file's bytes, its name, the options of a table that reads it."""
    delimiter = draw(st.sampled_from([",", "\t", ";", "|", ":"]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    how = draw(st.sampled_from(["minimal", "all", "none"]))
    titles = WORDS | BREAKS if how != "none" and draw(st.booleans()) else WORDS
    rows = [
        [str(n), f"i{n % 3}", str(n % 4) if draw(st.integers(0, 9)) else "", draw(titles), str(n)]
        for n in range(draw(st.integers(2, 12)))
    ]
    if not draw(st.integers(0, 4)):  # ids of any form
        for row in rows:
            row[1] = draw(WORDS)
    text = io.StringIO(newline="")
    quoting = {"minimal": csv.QUOTE_MINIMAL, "all": csv.QUOTE_ALL, "none": csv.QUOTE_NONE}[how]
    header = ["user_id", "item_id", "rating", "title", "timestamp"]
    if how == "none":  # as somebody writes it who knows nothing of quotes
        strip = str.maketrans("", "", delimiter)
        for row in [header, *rows]:
            text.write(delimiter.join(value.translate(strip) for value in row) + end)
    else:
        csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(
            [header, *rows]
        )
    lines = text.getvalue()
    if not draw(st.integers(0, 5)):  # ragged, with something after its end, or empty lines
        more = [f"1{delimiter}2", "x" + delimiter * 9, "", end * 2, '"', "\x1a", "\0", "  "]
        lines += draw(st.sampled_from(more)) + draw(st.sampled_from(["", end]))
    if not draw(st.integers(0, 9)):
        lines = lines.removesuffix(end)
    encoding = draw(st.sampled_from(ENCODINGS))
    content = lines.encode(encoding, "replace")
    if not draw(st.integers(0, 19)):  # cut off
        content = content[: draw(st.integers(1, len(content)))]
    suffix = draw(st.sampled_from([*COMPRESSED]))
    content = COMPRESSED[suffix](content)
    if suffix and not draw(st.integers(0, 9)):
        content = content[: draw(st.integers(1, len(content)))]
    options = {
        "delimiter": draw(st.sampled_from([delimiter, None])),
        "quoting": draw(st.sampled_from([how != "none", None, None])),
        "encoding": draw(st.sampled_from([encoding, encoding, "utf-8"])),
        "drop_missing": ["rating"] if draw(st.booleans()) else [],
    }
    name = draw(st.sampled_from(["r.csv", "r.tsv", "r.txt", "r"]))
    return content, name + draw(st.sampled_from([suffix, ""])), options


def rows_of(table, content):
    """The rows that the file has by the module csv, strictly, as mappings."""
    for decompress in (gzip.decompress, bz2.decompress):
        with contextlib.suppress(OSError, EOFError, ValueError):
            content = decompress(content)
    dialect = table.dialect()
    encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
    text = io.StringIO(content.decode(encoding, "replace"), newline="")
    quoting = csv.QUOTE_MINIMAL if dialect.quoting else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=dialect.delimiter, quoting=quoting, strict=True)
    header, *rows = (fields for fields in reader if fields)
    return [dict(zip(header, fields, strict=True)) for fields in rows]


def told(data):
    """How many rows the notes say are left out."""
    found = [re.search(r": (\d+) of (\d+) rows without .* are left out$", n) for n in data.notes]
    return sum(int(match[1]) for match in found if match)


def check(content, name, options):
    """Read a file: all of its rows, or one line for each thing that is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        table = Table(path=str(path), **options)
        try:
            table.require()
            data = table.load()
        except mtbench.DataError as error:
            for line in str(error).splitlines():
                assert line.startswith((str(path), f"table/{name}"))
                assert len(line) < len(str(path)) + 500
            return "refused"
    rows, sides = rows_of(table, content), (data.query, data.candidate)
    assert len(data.interactions) + told(data) == len(rows)
    kept = [row for row in rows if row["rating"] or not table.drop_missing]
    for side, codes in zip(
        sides, (data.interactions.query, data.interactions.candidate), strict=True
    ):
        assert side.ids[codes].tolist() == [row[side.key] for row in kept]
    return "read"


@settings(max_examples=60)
@given(files())
def test_rows_read_and_rows_told_are_the_rows_of_the_file(file):
    check(*file)
