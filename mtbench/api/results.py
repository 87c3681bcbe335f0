"""The results that Python gets: frames, comparisons, advice, the page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtbench import evidence
from mtbench.errors import RecordError
from mtbench.evidence import MARGIN, Comparison, compare_scenarios, sentences
from mtbench.extras import require
from mtbench.records import results as records
from mtbench.records import store, tables
from mtbench.records.by_query import by_query_table
from mtbench.report import FORMATS, summarize


class Results(records.Results):
    """What the runs of a suite came to."""

    def frame(self) -> Any:
        """Return every metric as a `pandas.DataFrame`, a row a value; see `mtbench.load_results`.

        Raises:
            MtbenchError: pandas is not installed.
        """
        return tables.metric_frame(self.records)

    def runs_frame(self) -> Any:
        """Return times, sizes and options as a frame, a row a run; see `mtbench.load_runs`.

        Raises:
            MtbenchError: pandas is not installed.
        """
        return tables.run_frame(self.records)

    def by_query(self) -> Any:
        """Return values by user, with the users' ids, as a `pandas.DataFrame`.

        A row for each run that went well, metric and user: columns `suite`, `kind`, `name`, `seed`,
        `task`, `metric`, `query` (the user's id), `value`, `run_id` and `question_id`; texts are
        categories. The mean over users is the metric where it is one of users, such as recall; of
        one of rows, such as RMSE, the value is the user's own, whose mean is another number.

        Raises:
            RecordError: It is not known where the records lie, or their files are not there.
            MtbenchError: pandas is not installed.
        """
        require("pandas", "tables")
        if self.folder is None:
            raise RecordError("expected results of a folder, found records alone")
        return by_query_table(self.folder, self.records).to_pandas()

    def compare(
        self, a: str, b: str, *, metrics: Sequence[str] | None = None, confidence: float = 0.95
    ) -> Differences:
        """Compare scenario b with scenario a over the seeds they share, as one family of tests.

        Args:
            a: Name of the scenario, or baseline, that is compared with.
            b: Name of the scenario, or baseline, that the comparison is about.
            metrics: `task/metric` names; default: the headline metrics of tasks that both train.
            confidence: Of the intervals; 1 − confidence is the level of the verdicts.

        Raises:
            RecordError: A name is unknown, or the two have nothing in common.
        """
        return Differences(
            compare_scenarios(self, metrics=metrics, pairs=[(a, b)], confidence=confidence)
        )

    def advice(self, *, margin: float = MARGIN) -> Advice:
        """Say whether to train the tasks together, by what there is: see `mtbench.advise`.

        Args:
            margin: Percent of a metric within which a difference is none that matters.

        Raises:
            RecordError: There are no results of a task alone, and of several together.
        """
        return Advice(self, margin)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the page of the results, one file that loads nothing, and return where it lies.

        Raises:
            RecordError: There is no record, or the file cannot be written.
            MtbenchError: matplotlib is not installed.
        """
        from mtbench.report.page.page import page  # noqa: PLC0415 - imports matplotlib

        text = page(self)
        target = Path(path)
        store.put(target, lambda stream: stream.write(text.encode()))
        return target

    def to_markdown(self) -> str:
        """Return every metric, floors beside them, as Markdown tables."""
        return FORMATS["markdown"](summarize(self))

    def _repr_html_(self) -> str:
        """Show the short table in a notebook."""
        from mtbench.report.formats import notebook  # noqa: PLC0415

        return notebook(summarize(self))


class Differences(list[Comparison]):
    """Comparisons of two scenarios; printed, they are sentences."""

    def __str__(self) -> str:
        return "\n".join(sentences(self))

    __repr__ = __str__


class Advice:
    """Whether to train tasks together, and with which weighting; printed, it is sentences.

    Args:
        results: That it rests on.
        margin: Percent of a metric within which a difference is none that matters.

    Attributes:
        results: That it rests on.
        answer: `together`; `partly`, where a task gains and it is not known whether another loses;
            `depends`, where one gains and another loses; `apart`; `no difference` that matters; or
            `open` where the data does not say.
        weighting: Name of the scenario that it is about.
        values: All of it as JSON types.
    """

    def __init__(self, results: Results, margin: float = MARGIN) -> None:
        found = evidence.advice(results, margin)
        self.results, self.answer, self.weighting = results, found.answer, found.arm.name
        self.values = evidence.advice_values(found)

    def __str__(self) -> str:
        return "\n".join(self.values["said"])

    __repr__ = __str__
