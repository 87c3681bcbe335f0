"""Stand-ins for slow modules, and the standard error kept quiet."""

import os
import subprocess
import sys

import pytest

from mtbench.plugin.lazy import SLOW, lazy_imports, quiet_stderr


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """Modules `slow_one` and `slow_two` to import, forgotten afterwards."""
    (tmp_path / "slow_one.py").write_text("value = 1\ndef double(x):\n    return 2 * x\n")
    (tmp_path / "slow_two.py").write_text("import slow_one\nvalue = 1 + slow_one.value\n")
    (tmp_path / "slow_bad.py").write_text("raise OSError('no luck')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("slow_one", "slow_two", "slow_bad"):
        sys.modules.pop(name, None)


def test_a_stand_in_loads_at_its_first_attribute(slow):
    with lazy_imports("slow_one"):
        import slow_one
    assert "slow_one" not in sys.modules
    assert slow_one.double(3) == 6
    assert sys.modules["slow_one"].double is slow_one.double
    assert slow_one.value == 1
    with pytest.raises(AttributeError, match="nothing"):
        slow_one.nothing  # noqa: B018


def test_it_may_be_used_while_plugins_are_loaded(slow):
    with lazy_imports("slow_one"):
        import slow_one

        assert slow_one.value == 1
        assert sys.modules["slow_one"] is not slow_one
    assert sys.modules["slow_one"].value == 1  # the real one is not taken away


def test_a_name_of_the_module_loads_it(slow):
    with lazy_imports("slow_one"):
        from slow_one import double
    assert double(2) == 4


def test_one_stand_in_may_need_another(slow):
    with lazy_imports("slow_one", "slow_two"):
        import slow_two
    assert {"slow_one", "slow_two"}.isdisjoint(sys.modules)
    assert slow_two.value == 2


def test_what_is_not_there_raises_as_usual():
    with lazy_imports("a_module_that_is_not_there"), pytest.raises(ModuleNotFoundError):
        import a_module_that_is_not_there  # noqa: F401
    assert "a_module_that_is_not_there" not in sys.modules


def test_what_cannot_be_imported_raises_where_it_is_used(slow):
    with lazy_imports("slow_bad"):
        import slow_bad
    with pytest.raises(OSError, match="no luck"):
        slow_bad.value  # noqa: B018
    assert "slow_bad" not in sys.modules


def test_what_is_imported_already_is_left_alone(slow):
    import slow_one as real

    with lazy_imports("slow_one"):
        import slow_one
    assert slow_one is real
    assert sys.modules["slow_one"] is real


def test_nothing_is_left_behind_after_an_exception(slow):
    def fail():
        with lazy_imports("slow_one"):
            import slow_one  # noqa: F401

            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "slow_one" not in sys.modules


def test_looking_at_a_stand_in_does_not_load_it(slow):
    """As `inspect`, which pydantic and pluggy use, does."""
    import inspect

    with lazy_imports("slow_one"):
        import slow_one

        assert not hasattr(slow_one, "__file__")
        assert inspect.unwrap(slow_one) is slow_one
        assert inspect.getmodule(slow_one) is slow_one
        assert "slow_one" in repr(slow_one)
        assert sys.modules["slow_one"] is slow_one


def test_tensorflow_is_one_of_them():
    """In a process of its own: neither it nor what stands on it is imported or left behind."""
    code = (
        "import sys; from mtbench.plugin.lazy import SLOW, lazy_imports\n"
        "with lazy_imports(*SLOW):\n"
        "    import tensorflow as tf, tensorflow_recommenders, tensorflow_datasets as tfds\n"
        "print([name for name in sys.modules if name.split('.')[0] in SLOW])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert set(SLOW) == {"tensorflow", "tensorflow_recommenders", "tensorflow_datasets"}


def test_quiet_stderr_hides(capfd):
    with quiet_stderr():
        os.write(2, b"of C++\n")
        print("of Python", file=sys.__stderr__)
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


@pytest.mark.parametrize("exception", [ZeroDivisionError, KeyboardInterrupt])
def test_quiet_stderr_shows_what_was_hidden_on_an_exception(capfd, exception):
    def fail():
        with quiet_stderr():
            os.write(2, b"why\n")
            raise exception

    with pytest.raises(exception):
        fail()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "why\nafter\n"


def test_quiet_stderr_within_itself(capfd):
    with quiet_stderr():
        with quiet_stderr():
            os.write(2, b"a\n")
        os.write(2, b"b\n")
    os.write(2, b"c\n")
    assert capfd.readouterr().err == "c\n"


def test_quiet_stderr_leaves_no_file_open():
    first = os.dup(2)
    os.close(first)
    for _ in range(3):
        with quiet_stderr():
            pass
    again = os.dup(2)  # the lowest number that is free
    os.close(again)
    assert again == first
