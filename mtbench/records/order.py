"""The order of a suite's scenarios and baselines among its records."""

from __future__ import annotations

from collections.abc import Iterable

from .record import Record


def in_suite_order(records: Iterable[Record]) -> list[Record]:
    """Records by the place of their scenario or baseline in their suite, then as they were made.

    The suite is that of the newest record which tells its order; what that one does not name comes
    last. So neither a resumed run nor one of some scenarios decides where a scenario stands.
    """
    made = sorted(records, key=lambda record: record.started)
    arms = next((record.arms for record in reversed(made) if record.arms), ())
    places = {name: place for place, name in enumerate(arms)}
    return sorted(made, key=lambda record: places.get(record.scenario, len(places)))
