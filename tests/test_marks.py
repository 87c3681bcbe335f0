"""YAML with line numbers: values as YAML means them, and the place of every key."""

import math
import re

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mtbench.config import document as marks
from mtbench.errors import SuiteError


@pytest.fixture
def read(tmp_path):
    """Read a text as the file `x.yaml`."""

    def read_text(text):
        path = tmp_path / "x.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return marks.read(path, "x.yaml")

    return read_text


def places(document):
    return {".".join(map(str, path)): place for path, place in document.places.items()}


def test_lines_of_keys_and_of_elements(read):
    document = read(
        "a: 1\n\n# a comment\nb:\n  c: [1,\n      2]\n  d:\n    - e: 3\n    -\n      f: 4\n"
    )
    assert places(document) == {
        "": "x.yaml:1",
        "a": "x.yaml:1",
        "b": "x.yaml:4",
        "b.c": "x.yaml:5",
        "b.c.0": "x.yaml:5",
        "b.c.1": "x.yaml:6",
        "b.d": "x.yaml:7",
        "b.d.0": "x.yaml:8",
        "b.d.0.e": "x.yaml:8",
        "b.d.1": "x.yaml:10",
        "b.d.1.f": "x.yaml:10",
    }


def test_a_fault_at_an_absent_key_is_placed_above_it(read):
    document = read("a: 1\nb:\n  c: {d: 2}\n")
    assert str(document.fault(("b", "c", "d"), "wrong")) == "x.yaml:3: b.c.d: wrong"
    assert str(document.fault(("b", "c", "e", 0), "wrong")) == "x.yaml:3: b.c.e.0: wrong"
    assert str(document.fault(("b", "e"), "wrong")) == "x.yaml:2: b.e: wrong"
    assert str(document.fault(("e",), "wrong")) == "x.yaml:1: e: wrong"
    assert str(document.fault((), "wrong")) == "x.yaml:1: wrong"


def test_the_label_is_the_path_where_none_is_given(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n")
    assert marks.read(path).places[("a",)] == f"{path}:1"


def test_an_alias_is_placed_where_its_values_are_written(read):
    document = read("base: &b {x: 1}\nmine: *b\n")
    assert document.value == {"base": {"x": 1}, "mine": {"x": 1}}
    assert places(document)["mine"] == "x.yaml:2"
    assert places(document)["mine.x"] == "x.yaml:1"


def test_an_alias_gives_values_of_its_own(read):
    value = read("base: &b {x: [1]}\nmine: *b\n").value
    value["mine"]["x"].append(2)
    assert value["base"] == {"x": [1]}


def test_own_keys_win_over_merged_ones(read):
    document = read("base: &b {x: 1, y: 2}\nmine:\n  y: 3\n  <<: *b\nother:\n  <<: *b\n  y: 4\n")
    assert document.value == {
        "base": {"x": 1, "y": 2},
        "mine": {"x": 1, "y": 3},
        "other": {"x": 1, "y": 4},
    }
    assert places(document)["mine.y"] == "x.yaml:3"
    assert places(document)["mine.x"] == "x.yaml:1"
    assert places(document)["other.y"] == "x.yaml:7"


def test_of_several_merged_mappings_the_first_wins(read):
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nmine: {<<: [*a, *b], z: 3}\n"
    assert read(text).value["mine"] == {"x": 1, "y": 1, "z": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3: YAML: key 'a' is given twice, first on line 1"),
        ("a:\n  b: {c: 1,\n    c: 1}\n", "x.yaml:3: YAML: key 'c' is given twice, first on line 2"),
        ("yes: 1\n'yes': 2\n", "x.yaml:2: YAML: key 'yes' is given twice, first on line 1"),
        ("a: &a [*a]\n", "x.yaml:1: YAML: a value contains itself"),
        ("a: 1\nb: &b\n  c: {d: *b}\n", "x.yaml:2: YAML: a value contains itself"),
        ("a: 1\nb: *c\n", "x.yaml:2: YAML: found undefined alias 'c'"),
        ("a: 1\n---\nb: 1\n", "x.yaml:2: YAML: expected one document, found two"),
        ("a: !mine 3\n", "x.yaml:1: YAML: expected plain YAML, found the tag '!mine'"),
        ("a: 1\n\tb: 2\n", "x.yaml:2: YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n? [b, c]\n: 2\n", "x.yaml:2: YAML: expected a name as key"),
        ("a: 1\n? {b: c}\n: 2\n", "x.yaml:2: YAML: expected a name as key"),
        ("", "x.yaml: expected a suite, found an empty file"),
        ("# nothing\n", "x.yaml: expected a suite, found an empty file"),
        ("# a list\n- a\n", "x.yaml:2: expected a mapping of keys to values"),
        ("hello\n", "x.yaml:1: expected a mapping of keys to values"),
        (b"a: \xff\n", "x.yaml:1: is not UTF-8 text"),
    ],
)
def test_refuses(read, text, message):
    with pytest.raises(SuiteError) as caught:
        read(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("-2.5e+2", -250.0),
        (".5e1", 5.0),
        ("1.0e+30", 1e30),
        ("20_000", 20000),
        ("0.1", 0.1),
        (".inf", math.inf),
        ("no", False),
        ("~", None),
        ("'1e-3'", "1e-3"),
        ("1e", "1e"),
        ("e3", "e3"),
        ("100k", "100k"),
    ],
)
def test_scalars(read, text, value):
    for found in (read(f"a: {text}\n").value["a"], marks.parse_value(text, "-o")):
        assert found == value
        assert type(found) is type(value)


def test_keys_are_text(read):
    document = read("1: one\n1.5: x\nyes: y\nnull: n\n2020-01-01: d\n")
    assert document.value == {"1": "one", "1.5": "x", "yes": "y", "null": "n", "2020-01-01": "d"}
    assert places(document)["null"] == "x.yaml:4"


def test_byte_order_mark_and_windows_lines(read):
    document = read("\ufeffa: 1\r\nb: 2\r\n")
    assert document.value == {"a": 1, "b": 2}
    assert places(document)["b"] == "x.yaml:2"


def test_set_replaces_a_value_and_its_place(read):
    document = read("a: {b: {c: 1, d: [1, 2]}}\n")
    document.set(("a", "b", "d"), [3], "-o a.b.d=[3]")
    assert document.value == {"a": {"b": {"c": 1, "d": [3]}}}
    assert str(document.fault(("a", "b", "d", 0), "wrong")) == "-o a.b.d=[3]: a.b.d.0: wrong"
    assert str(document.fault(("a", "b", "c"), "wrong")) == "x.yaml:1: a.b.c: wrong"


def test_set_of_a_mapping_forgets_the_lines_below(read):
    document = read("a:\n  b: 1\n")
    document.set(("a",), {"b": 2}, "-o a={b: 2}")
    assert document.value == {"a": {"b": 2}}
    assert str(document.fault(("a", "b"), "wrong")) == "-o a={b: 2}: a.b: wrong"


def test_set_makes_the_mappings_above(read):
    document = read("a: 1\n")
    document.set(("b", "c", "d"), 2, "-o b.c.d=2")
    assert document.value == {"a": 1, "b": {"c": {"d": 2}}}
    assert str(document.fault(("b", "x"), "wrong")) == "-o b.c.d=2: b.x: wrong"
    assert str(document.fault(("a",), "wrong")) == "x.yaml:1: a: wrong"


def test_set_below_a_bare_name_keeps_the_name(read):
    document = read("weighting: fixed\n")
    document.set(("weighting", "weights", "a"), 2, "-o")
    assert document.value == {"weighting": {"name": "fixed", "weights": {"a": 2}}}


# PyYAML writes the word 1e-3 without quotes, since YAML 1.1 does not take it for a number
_KEYS = st.text("abcä :#-&*!|>%@`[]{},?'\"\\\n\t=~0123456789._<")
_WORDS = st.text().filter(lambda text: not re.search("[0-9.][eE]", text))
_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.dates()
    | _KEYS
    | _WORDS,
    lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner),
    max_leaves=10,
)


@pytest.mark.thorough
@settings(max_examples=50)
@given(st.dictionaries(_KEYS, _PLAIN, min_size=1))
@example({"<<": {"a": 1}, "=": "=", "yes": "no", "null": "~", "1": "1", "": ""})
def test_what_yaml_dumps_is_read_back(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "dumped.yaml"
    path.write_text(yaml.safe_dump(value), newline="")
    assert marks.read(path).value == value


BOUND = "x.yaml:2: YAML: expected"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n? [b, c]\n: 2\n", "x.yaml:2: YAML: expected a name as key"),
        ("a: 1\n? {b: c}\n: 2\n", "x.yaml:2: YAML: expected a name as key"),
        ("a: 1\nb: 2020-99-99\n", "x.yaml:2: YAML: cannot be read as timestamp"),
        ("a: 1\nb: !!int abc\n", "x.yaml:2: YAML: cannot be read as int"),
        ("a: 1\nb: !!bool abc\n", "x.yaml:2: YAML: cannot be read as bool"),
        (
            "a: 1\nb: " + "9" * 5000,
            "x.yaml:2: YAML: expected a number of at most 100 digits, found 5000",
        ),
        (
            "a: 1\nb: " + "[" * 2000 + "]" * 2000,
            "x.yaml:2: YAML: expected at most 50 levels, found more: is nested too deeply",
        ),
    ],
)
def test_what_python_cannot_construct_is_one_line(read, text, message):
    with pytest.raises(SuiteError) as caught:
        read(text)
    assert str(caught.value) == message


def test_a_control_character_is_one_line(read):
    with pytest.raises(SuiteError, match=r"found the character U\+0007") as caught:
        read("a: 1\nb: \x07\n")
    assert len(str(caught.value).splitlines()) == 1
