"""mtbench against the tutorial and against a hand-written step, on MovieLens 100K.

Run with nothing else on the machine: `pytest benchmarks` (about five minutes, most of them the
tutorial's).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SUITE = Path(__file__).parent.parent / "suites" / "ml100k.yaml"


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def command(*words: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def joint(data_dir):
    """Suite, data, a training part and a trainer of the joint scenario that has run once."""
    from mtbench.data.store import load_data
    from mtbench.plugin.registry import installed
    from mtbench.suite.reader import load_suite
    from mtbench.train.trainer import Trainer

    registry = installed()
    suite = load_suite(SUITE, registry)
    data = load_data(suite.dataset, registry.identity(suite.dataset))
    train = data.interactions.take(suite.split.build(data, 0).train)
    trainer = Trainer(suite.setup("joint"), data)
    trainer.train(0, train)
    return suite, data, train, trainer


def test_three_scenarios_whole_process(benchmark, report_ratio, data_dir, tmp_path):
    """Tutorial and mtbench as processes, import to report; the data cache is warm."""
    scenarios = ("rating-only", "retrieval-only", "joint")
    only = [word for name in scenarios for word in ("--scenario", name)]
    run = ["-m", "mtbench.cli", "run", str(SUITE), "--seeds", "1", *only, "--results"]
    ours = command(*run, str(tmp_path), "--force")
    ours()  # warms the cache
    before = timed(ours)
    theirs = timed(command(str(Path(__file__).parent / "tutorial.py")))
    benchmark.pedantic(ours, rounds=2)
    seconds = statistics.median([before, *benchmark.stats.stats.data])
    report_ratio(
        "three scenarios, whole process: tutorial / mtbench",
        theirs / seconds,
        "≥ 20",
        f"{theirs:.1f} s / {seconds:.2f} s",
    )


def test_steady_joint_training(benchmark, report_ratio, joint, data_dir):
    """Examples per second of the joint scenario once graph and caches are there."""
    import tensorflow as tf

    from benchmarks.tutorial import Tutorial, compiled

    _, _, train, trainer = joint
    clock = [0.0]
    epochs = []

    class Clock(tf.keras.callbacks.Callback):
        """Within one `fit`: what happens before its first and after its last epoch is no step."""

        def on_epoch_begin(self, epoch, logs=None):
            clock[0] = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            epochs.append(time.perf_counter() - clock[0])

    data = Tutorial(data_dir)
    steady = []

    def ours_once() -> None:
        steady.append(trainer.train(1, train).timings["train_examples_per_s"])

    for _ in range(3):  # before the tutorial and after it, since a machine's speed drifts
        ours_once()
    compiled(data, "joint").fit(data.train, epochs=4, verbose=0, callbacks=[Clock()])
    theirs = 80_000 / statistics.median(epochs[1:])  # the first traces and fills the cache
    benchmark.pedantic(ours_once, rounds=3)
    ours = statistics.median(steady)
    report_ratio(
        "joint training, examples/s: mtbench / tutorial",
        ours / theirs,
        "≥ 40",
        f"{ours:,.0f} / {theirs:,.0f}",
    )


def test_engine_against_handwritten_step(benchmark, report_ratio, joint):
    """`fit` of mtbench's model against a loop over a hand-written step, in turn."""
    from benchmarks.handwritten import HandWritten
    from mtbench.train.feed import Feed

    suite, data, train, trainer = joint
    feed = Feed(data, ["query", "candidate", "user_rating"], suite.train)
    feed.start(train, 0)
    hand = HandWritten(len(data.query.ids), len(data.candidate.ids))
    hand.fit(feed)
    ratios = []

    def pair() -> None:
        ours = trainer.train(0, train).timings["train_s"]
        ratios.append(ours / timed(lambda: hand.fit(feed)))

    benchmark.pedantic(pair, rounds=7)
    report_ratio("joint training: mtbench / hand-written step", statistics.median(ratios), "≤ 1.15")


def test_second_seed(benchmark, report_ratio, joint):
    """Training a further seed against its steps alone, and with making its initial weights."""
    suite, _, train, trainer = joint
    model = trainer.train(1, train).model
    count = model.train_tf_function.experimental_get_tracing_count()
    fits, wholes = [], []

    def further() -> None:
        timings = trainer.train(2, train).timings
        steps = len(train) * suite.train.epochs / timings["train_examples_per_s"]
        fits.append(timings["train_s"] / steps)
        wholes.append((timings["train_s"] + timings["build_s"]) / steps)

    benchmark.pedantic(further, rounds=7)
    assert model.train_tf_function.experimental_get_tracing_count() == count == 1
    report_ratio("second seed: fit / its steps", statistics.median(fits), "≤ 1.2")
    report_ratio(
        "second seed: initial weights and fit / its steps", statistics.median(wholes), "≤ 1.2"
    )


@pytest.mark.parametrize(("words", "target"), [(["--help"], 0.3), (["check", str(SUITE)], 0.6)])
def test_start_up(benchmark, report_ratio, words, target):
    """Seconds until the prompt is back, beside those of a bare Python."""
    bare = statistics.median(timed(command("-c", "pass")) for _ in range(5))
    benchmark.pedantic(command("-m", "mtbench.cli", *words), rounds=7, warmup_rounds=1)
    seconds = benchmark.stats.stats.median
    report_ratio(
        f"mtbench {words[0]}, seconds", seconds, f"≤ {target}", f"bare Python {bare:.3f} s"
    )
