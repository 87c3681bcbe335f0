"""The version of mtbench: part of every record."""

__version__ = "0.1.0"
"""Of the installed mtbench."""
