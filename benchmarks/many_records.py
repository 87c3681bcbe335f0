"""How long commands take over a folder of many records: `python benchmarks/many_records.py`.

Prints the seconds of CPU, and of the clock, that each command takes as a process of its own.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import made

from mtbench import files
from mtbench.plugin.registry import installed
from mtbench.records import store
from mtbench.runs.plan import make_plan
from mtbench.suite.reader import load_suite

SCENARIOS, SEEDS = 40, 50
SUITE = f"""
name: many
dataset: {{name: synthetic, num_users: 30, num_items: 40, num_ratings: 300}}
split: {{name: random, test_share: 0.2}}
towers:
  query: {{name: embedding, embedding_dim: 4}}
  candidate: {{name: embedding, embedding_dim: 4}}
tasks: {{ranking: {{units: [8]}}, retrieval: {{top_k: [5]}}}}
scenarios:
  joint:
    tasks: [ranking, retrieval]
    weighting: fixed
    sweep: {{train.epochs: {list(range(1, SCENARIOS + 1))}}}
seeds: {SEEDS}
"""
EPOCHS = range(1, 21)
ROWS = {
    "curve": [{"epoch": e, "ranking_loss": 1 / e, "retrieval_loss": 2 / e} for e in EPOCHS],
    "validation": [{"epoch": e, "metrics": {"ranking": {"rmse": 1 / e}}} for e in EPOCHS],
    "diagnostics": [{"epoch": e, "weights": {"ranking": 1.0, "retrieval": 2.0}} for e in EPOCHS],
}


def write(folder, suite):
    """Store a record of every run of the suite."""
    registry = installed()
    files.flush = lambda stream: stream.flush()  # it is no matter here what a crash would leave
    files.flush_folder = lambda folder: None
    folder.mkdir(parents=True)
    for number, run in enumerate(make_plan(load_suite(suite, registry), registry)):
        values = 1 + number % 97 / 1000, 0.5 + number % 89 / 1000
        about = {"question_id": run.run.question_id, "question": run.run.question}
        about |= {"run_id": run.id, "suite": "many", "answer": run.run.answer}
        store.write(folder, made.record(run.scenario, run.seed, *values, **ROWS, **about))


def timed(*words):
    """Seconds of CPU and of the clock that a command takes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "mtbench.cli", *map(str, words)], capture_output=True, check=False
    )
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert done.returncode == 0, done.stderr.decode()
    print(f"{cpu:5.2f} s of CPU, {took:5.2f} s  {' '.join(map(str, words[:1]))}")


def main():
    with tempfile.TemporaryDirectory() as place:
        suite, results = Path(place) / "many.yaml", Path(place) / "results"
        suite.write_text(SUITE)
        write(results / "many", suite)
        print(f"{len(list((results / 'many').glob('*.json')))} records")
        timed("report", results / "many")
        timed("plan", suite, "--results", results)
        timed("run", suite, "--results", results)
        pair = ["--scenario", "joint[epochs=1]", "--scenario", "joint[epochs=2]"]
        timed("compare", results / "many", *pair)
        for side, epochs in (("a", 1), ("b", 2)):
            folder = Path(place) / side
            folder.mkdir()
            for path in (results / "many").glob("*.json"):
                record = store.read(path)
                if record.scenario == f"joint[epochs={epochs}]":
                    store.write(folder, record.model_copy(update={"scenario": "joint"}))
        timed("compare", Path(place) / "a", Path(place) / "b", "--anyway")


if __name__ == "__main__":
    main()
