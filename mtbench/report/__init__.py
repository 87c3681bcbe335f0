"""Reports: records in, a summary out, and the summary as a table, Markdown, CSV or JSON."""

from .formats import FORMATS
from .summary import Summary, summarize

__all__ = ["FORMATS", "Summary", "summarize"]
