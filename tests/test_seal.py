"""What is made of the test part stays sealed while a model trains, whoever keeps it."""

import json

import made
import numpy as np
import pytest

from mtbench.data.interactions import joined
from mtbench.errors import SealedError
from mtbench.metrics.seen import Seen
from mtbench.plugin.registry import installed
from mtbench.suite.reader import load_suite

KEEPER = '''
import mtbench
from mtbench_plugins.tasks.ranking import Ranking

kept = {}

class Keeping(Ranking):
    """Keeps what it is scored on, and looks at it when the next scenario trains."""
    name = "keeping"
    looks: list[str] = []
    def build(self, num_queries, num_candidates):
        head = super().build(num_queries, num_candidates)
        evaluate, adapt = head.evaluate, head.adapt
        def keep(view):
            from mtbench.metrics.seen import Seen
            kept.update(view=view, batches=view.batches(5), seen=Seen.of(view.test), Seen=Seen)
            view.queries, len(kept["seen"])
            return evaluate(view)
        def look(train):
            adapt(train)
            for look in self.looks if kept else ():
                try:
                    eval(look, kept)
                except mtbench.SealedError:
                    continue
                raise ValueError(f"{look} is open")
            if kept:
                kept["view"].test.query
        head.evaluate, head.adapt = keep, look
        return head

@mtbench.hookimpl
def mtbench_tasks():
    return [Keeping]
'''
LOOKS = [
    "view.test.query",
    "view.test.columns['user_rating']",
    "view.test.take([0])",
    "view.queries",
    "next(batches)",
    "next(view.batches(3))",
    "Seen(view.test)",
    "Seen.of(view.test)",
    "seen[0]",
    "seen.per_candidate()",
    "view.dot_scores()(view.queries)",
]


def test_what_a_head_keeps_is_sealed_while_the_next_scenario_trains(tiny, tmp_path):
    (tmp_path / "keeper.py").write_text(KEEPER)
    registry = installed()
    spec = {"name": "keeping", "units": [8], "looks": LOOKS}
    overrides = [
        f"plugins=[{tmp_path}/keeper.py]",
        f"tasks.ranking={json.dumps(spec)}",
        "train.epochs=1",
    ]
    suite = load_suite(tiny, registry, overrides=overrides, seeds="1")
    first, second = made.perform(suite, registry, tmp_path / "r", ["rating-only", "joint"])
    assert first.ok
    assert second.error.type == "SealedError", second.error.message


def test_a_seal_goes_with_all_that_is_taken(tiny_data):
    rows = tiny_data.interactions
    part, other = rows.part(np.arange(9)), rows.part(np.arange(9, 20))
    taken, both = part.take(np.arange(3)), joined(other, part)
    seen = Seen.of(part)
    with part.sealed(), part.sealed():
        for read in (
            lambda: part.columns,
            lambda: taken.query,
            lambda: taken.take(np.arange(1)),
            lambda: both.candidate,
            lambda: seen[0],
            lambda: seen.counts(np.arange(2)),
            lambda: Seen.of(part),
        ):
            with pytest.raises(SealedError, match="sealed while a model trains"):
                read()
        assert (len(part), len(both), len(other.query), len(rows.query)) == (9, 20, 11, 300)
    with rows.sealed():
        assert len(part.query) == 9  # a part has a seal of its own
        with pytest.raises(SealedError):
            rows.take(np.arange(2))
    assert len(taken.query) == 3
