"""The entrance from Python: `mtbench.run`, `mtbench.load_suite`, and the results it gives."""

from .results import Advice, Differences, Results
from .running import advise, do, load_suite, run, run_suite

__all__ = ["Advice", "Differences", "Results", "advise", "do", "load_suite", "run", "run_suite"]
