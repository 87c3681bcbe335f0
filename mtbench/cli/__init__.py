"""The command line: `mtbench` and `python -m mtbench.cli`."""

from .main import main, script

__all__ = ["main", "script"]
