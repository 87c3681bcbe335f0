"""What a file is, by its first bytes: how it is compressed, and what it is where it is no text."""

from __future__ import annotations

import codecs
from typing import NamedTuple

HEAD = 4096
"""Bytes that are looked at."""
PARQUET = b"PAR1"
"""What a Parquet file begins and ends with."""
COMPRESSIONS = {
    b"\x1f\x8b": ("gzip", ".gz"),
    b"BZh": ("bz2", ".bz2"),
    b"\x28\xb5\x2f\xfd": ("zstd", ".zst"),
    b"\x04\x22\x4d\x18": ("lz4", ".lz4"),
}
"""By their first bytes what pyarrow calls them, and how their files end."""
SUFFIXES = tuple(suffix for _, suffix in COMPRESSIONS.values())


class Kind(NamedTuple):
    """A kind of file that is no table as text."""

    what: str
    way_out: str
    encoding: str = ""
    """Of a text that is in another one."""


_AS_CSV = "save its table as CSV or Parquet"
_TO_PARQUET = "write it as Parquet, with `DataFrame.to_parquet`"


def _wide(encoding: str) -> Kind:
    """A text of two or four bytes for each character."""
    name = encoding.upper()[:6]
    return Kind(f"text in {name}", f"its encoding has to be said, `encoding: {encoding}`", encoding)


_SIGNS: tuple[tuple[bytes, int, Kind], ...] = (
    (PARQUET, 0, Kind("a Parquet file", "decompress it: Parquet is compressed within")),
    *((b"\x80" + bytes([n]), 0, Kind("a pickle", _TO_PARQUET)) for n in range(2, 6)),
    (codecs.BOM_UTF32_LE, 0, _wide("utf-32")),
    (codecs.BOM_UTF32_BE, 0, _wide("utf-32")),
    (codecs.BOM_UTF16_LE, 0, _wide("utf-16")),
    (codecs.BOM_UTF16_BE, 0, _wide("utf-16")),
    (b"\xd0\xcf\x11\xe0", 0, Kind("an Excel workbook (.xls)", _AS_CSV)),
    (b"\xfd7zXZ\0", 0, Kind("a file compressed by xz", "unpack it, or compress it by gzip")),
    (b"7z\xbc\xaf\x27\x1c", 0, Kind("a 7-Zip archive", "unpack it")),
    (b"Rar!", 0, Kind("a RAR archive", "unpack it")),
    (b"ustar", 257, Kind("a tar archive", "unpack it")),
    (b"\x93NUMPY", 0, Kind("a NumPy array (.npy)", _TO_PARQUET)),
    (b"\x89HDF", 0, Kind("an HDF5 file", _TO_PARQUET)),
    (b"SQLite format 3", 0, Kind("an SQLite database", _AS_CSV)),
    (b"ARROW1", 0, Kind("an Arrow or Feather file", _TO_PARQUET)),
    (b"ORC", 0, Kind("an ORC file", _TO_PARQUET)),
    (b"Obj\x01", 0, Kind("an Avro file", _TO_PARQUET)),
    (b"RDX", 0, Kind("an R data file", _AS_CSV)),
    (b"%PDF", 0, Kind("a PDF", _AS_CSV)),
)
_ZIPS = (
    (b"xl/", Kind("an Excel workbook (.xlsx)", _AS_CSV)),
    (b"[Content_Types].xml", Kind("an Excel workbook, or another file of Office", _AS_CSV)),
    (b"opendocument", Kind("an OpenDocument file", _AS_CSV)),
    (b".npy", Kind("NumPy arrays (.npz)", _TO_PARQUET)),
    (b"", Kind("a zip archive", "unpack it")),
)
"""What is in the head of a zip archive; the first that is decides."""
_FREE = b"\x01\t\n\r\x1a\x1b\f"
"""Control characters that texts do have: \x01 divides columns of Hive, \x1a ends files of DOS."""
_CONTROLS = bytes(set(range(32)) - {0, *_FREE})


def compression(head: bytes) -> str | None:
    """How a file is compressed, as pyarrow says it; None where it is not."""
    return next((name for sign, (name, _) in COMPRESSIONS.items() if head.startswith(sign)), None)


def no_text(head: bytes, encoding: str) -> Kind | None:
    """What a file is where it is no text of an encoding; None where it may be one.

    Args:
        head: Its first bytes, decompressed.
        encoding: What it is said to be.
    """
    wide = encoding.startswith(("utf-16", "utf-32"))
    if compression(head):
        return Kind("a file that is compressed twice", "decompress it once")
    if head.startswith(b"PK\x03\x04"):
        return next(kind for sign, kind in _ZIPS if sign in head)
    for sign, place, kind in _SIGNS:
        if head[place:].startswith(sign) and not (wide and kind.encoding):
            return kind
    if wide:
        return None
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if b"\0" in head:
        return _with_zeros(head)
    return Kind("binary data", _AS_CSV) if controls > len(head) // 50 else None


def _with_zeros(head: bytes) -> Kind:
    """What a file with zero bytes is: ASCII characters have them in UTF-16, at every second."""
    pairs = head[: len(head) // 2 * 2]
    for name, zeros, others in (("utf-16-le", pairs[1::2], pairs[::2]),
                                ("utf-16-be", pairs[::2], pairs[1::2])):  # fmt: skip
        if zeros.count(0) > len(zeros) // 2 and not others.count(0):
            return _wide(name)
    return Kind("binary data", _AS_CSV)


def other_text(line: str) -> str | None:
    """What a text is whose first line is not of a table."""
    start = line.lstrip("\ufeff \t").lower()
    if start.startswith(("<!doctype", "<html", "<?xml")):
        return "an HTML or XML page"
    if start.startswith(("{", "[")):
        return "JSON"
    if start.startswith("version https://git-lfs"):
        return "a pointer of Git LFS: fetch the file with `git lfs pull`"
    return None
