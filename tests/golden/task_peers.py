"""Writes task_peers.json: scikit-learn's nDCG of graded labels.

Not run by the tests; they read the JSON. To make it anew, in a fresh environment:

    pip install scikit-learn==1.9.1 numpy
    python tests/golden/task_peers.py

The inputs are made up: rated rows of users, with scores that have ties. `ndcg_score` weighs labels
as they are, so it is given the gains 2^label − 1; it takes the mean over the orders of ties.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.metrics import ndcg_score

rng = np.random.default_rng(7)
SIZES = (2, 3, 5, 8, 13, 21)
query = np.repeat(np.arange(len(SIZES)), SIZES)
labels = rng.integers(1, 11, len(query)) / 2
scores = np.round(labels / 4 + rng.normal(size=len(query)), 0) / 2
values = {
    str(k): [
        ndcg_score([2 ** labels[query == u] - 1], [scores[query == u]], k=k)
        for u in range(len(SIZES))
    ]
    for k in (1, 3, 10, 50)
}
found = {
    "scikit-learn": version("scikit-learn"),
    "query": query.tolist(),
    "labels": labels.tolist(),
    "scores": scores.tolist(),
    "ndcg": values,
}
Path(__file__).with_suffix(".json").write_text(json.dumps(found) + "\n")
