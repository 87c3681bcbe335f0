"""Where output goes, and what a command's exit code is whatever becomes of it."""

import errno
import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import made
import pytest

from mtbench import files
from mtbench.cli.main import main
from mtbench.cli.output import Output


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made.write(tmp_path / "better", [made.record("joint", s, 1 + s / 9) for s in range(3)])
    return made.write(tmp_path / "made", [made.record("joint", s, 2 + s / 9) for s in range(3)])


class Failing(io.StringIO):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def write(self, text):
        raise OSError(self.number, os.strerror(self.number))


GATE = ["gate", "better", "made", "--max-rmse-increase", "0.01"]


@pytest.mark.parametrize(
    ("words", "number", "code"),
    [
        (["report", "made"], errno.EPIPE, 0),
        (["report", "made", "--format", "csv"], errno.EPIPE, 0),
        (GATE, errno.EPIPE, 1),
        (["report", "made"], errno.ENOSPC, 2),
        (["list", "."], errno.EIO, 2),
        (GATE, errno.ENOSPC, 1),
    ],
)
def test_what_becomes_of_the_output_is_no_matter_of_the_result(
    folder, monkeypatch, capsys, words, number, code
):
    """A reader that went away wanted no more; a full disk is a failure, a breach stays one."""
    monkeypatch.setattr(sys, "stdout", Failing(number))
    assert main(words) == code
    told = capsys.readouterr().err.splitlines()
    line = f"mtbench: standard output: cannot be written: {os.strerror(number).lower()}"
    assert told == ([] if number == errno.EPIPE else [line])


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_is_closed(folder, monkeypatch, stream):
    monkeypatch.setattr(sys, stream, None)
    assert main(["report", "made"]) == 0
    assert main(["report", "nowhere"]) == 2
    assert main(GATE) == 1
    assert getattr(sys, stream) is None


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
def test_any_encoding(folder, tiny, monkeypatch, encoding):
    """What the encoding lacks is written in characters that it has."""
    for words in (
        ["check", str(tiny)],
        ["report", "made"],
        ["report", "made", "--format", "markdown"],
    ):
        content = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, encoding))
        assert main(words) == 0
        assert sys.stdout.errors == "strict"
        text = content.getvalue().decode(encoding)
        assert ("3 scenarios x 2" if encoding == "ascii" else "3 scenarios × 2") in text or (
            "2.11 +- 0.11" if encoding == "ascii" else "2.11 ± 0.11"
        ) in text.replace("2.111", "2.11").replace("0.111", "0.11")


def test_nothing_moves_the_terminal_but_what_draws_on_it():
    inner = io.StringIO()
    output = Output(inner)
    output.write("a\x1b[31mb\rc\u202ed\te\n")
    output.unfiltered.write("\x1b[1m")
    assert inner.getvalue() == "a\ufffd[31mb\ufffdc\ufffdd\te\n\x1b[1m"
    with pytest.raises((TypeError, AttributeError)):
        output.write(b"")


def test_words_of_a_fault_move_no_terminal(tmp_path, capsys):
    path = tmp_path / "x\x1b[2Jy.yaml"
    assert main(["check", str(path)]) == 2
    path.write_text('name: "a\\e[31m"\n"b\\e": 1\ntasks: {"\\e": ranking}\n')
    assert main(["check", str(path)]) == 2
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert told.startswith(f"mtbench: {tmp_path}/x\\x1b[2Jy.yaml: no such file or directory")


@pytest.mark.thorough
def test_the_process_itself(folder):
    """Pipes, a disk that is full, and a thread that a plugin has left."""
    code = (
        "import sys, threading, time; from mtbench.cli import script;"
        "sys.modules['mtbench.cli.main'].GRACE_S = 0.2; sys.argv[0] = 'mtbench';"
        "threading.Thread(target=time.sleep, args=(60,), name='left').start(); script()"
    )
    read, write = os.pipe()
    os.close(read)
    running = []
    with Path("/dev/full").open("wb") as full:
        for words, out in ((GATE, write), (["report", "made"], write), (["report", "made"], full)):
            command = [sys.executable, "-c", code, *words]
            running.append(subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE))
    os.close(write)
    told = [process.communicate(timeout=50)[1].decode() for process in running]
    assert [process.returncode for process in running] == [1, 0, 2]
    left = "mtbench: warning: left threads that do not end: left\n"
    full = "mtbench: standard output: cannot be written: no space left on device\n"
    assert told == [left, left, full + left]


PAGE = ["report", "made", "--html"]


def test_a_page_goes_through_links_and_keeps_modes(folder, tmp_path, capsys):
    target, link = tmp_path / "page.html", tmp_path / "link.html"
    target.write_text("before")
    target.chmod(0o600)
    link.symlink_to(target)
    assert main([*PAGE, str(link)]) == 0
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "<html" in target.read_text()
    assert [path.name for path in tmp_path.glob("*.tmp")] == []


def test_a_page_goes_into_pipes_and_devices(tmp_path):
    """They stay what they are."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    files.put(pipe, lambda stream: stream.write(b"page"))
    reader.join()
    assert read == [b"page"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "null").symlink_to("/dev/null")
    files.put(tmp_path / "null", lambda stream: stream.write(b"page"))
    assert (tmp_path / "null").is_symlink()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(OSError, match="No space"):
        files.put(tmp_path.joinpath("/dev/full"), lambda stream: stream.write(b"page"))


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        (".", "cannot be written: is a folder, expected a file"),
        ("no/x.html", "cannot be written: no such file or directory"),
        ("made/joint-0.json/x", "cannot be written: not a directory"),
        ("x" * 300, "cannot be written: file name too long"),
    ],
)
def test_a_page_that_cannot_be_written(folder, monkeypatch, capsys, target, fault):
    monkeypatch.setattr("mtbench.report.page.page.page", lambda results: "page")
    assert main([*PAGE, target]) == 2
    assert capsys.readouterr().err == f"mtbench: {target}: {fault}\n"


def test_a_name_that_is_just_short_enough(tmp_path):
    path = tmp_path / ("é" * 127)
    files.put(path, lambda stream: stream.write(b"x"))
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("path", ["x" * 300, "a\0b", "~" + "y" * 300])
@pytest.mark.parametrize("words", ["report", "check", "list", "compare made", "show x --results"])
def test_a_path_that_cannot_be(folder, capsys, words, path):
    assert main([*words.split(), path]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mtbench")


def test_formulas_in_csv(tmp_path, capsys):
    """A spreadsheet shows what a stranger's record says, and does not run it."""
    names = ["=1+1", "+a", "@b", "-c", "fine"]
    folder = made.write(tmp_path / "r", [made.record(name, 0, -1.5, 0.5) for name in names])
    assert main(["report", str(folder), "--format", "csv"]) == 0
    lines = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert {line[2] for line in lines[1:]} == {"'=1+1", "'+a", "'@b", "'-c", "fine"}
    assert "-1.5" in {line[4] for line in lines}
    assert main(["export", str(folder), str(tmp_path / "x.csv")]) == 0
    text = (tmp_path / "x.csv").read_text()
    assert ",'=1+1," in text
    assert ",-1.5," in text
