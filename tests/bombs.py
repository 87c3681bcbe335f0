"""A suite of what ends, or does not end, in ways of its own: `BOMBS`."""

from mtbench.testing.executors import BOMBS

SUITE = """
name: bombs
plugins: [bombs.py]
dataset: {name: synthetic, num_users: 20, num_items: 20, num_ratings: 200}
split: {name: random, test_share: 0.2}
towers:
  query: {name: embedding, embedding_dim: 2}
  candidate: {name: embedding, embedding_dim: 2}
tasks:
  retrieval: {top_k: [5]}
scenarios:
  retrieval-only: {tasks: [retrieval]}
seeds: 1
"""


def write(folder, *baselines):
    """Write the plugin and a suite of some baselines; returns the suite's file."""
    (folder / "bombs.py").write_text(BOMBS.read_text())
    path = folder / "bombs.yaml"
    path.write_text(f"{SUITE}baselines: [{', '.join(baselines)}]\n")
    return path
