"""`python -m mtbench.cli`."""

from .main import script

script()
