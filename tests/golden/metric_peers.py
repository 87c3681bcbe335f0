"""Writes metric_peers.json: what other libraries' metrics give on fixed inputs.

Not run by the tests; they read the JSON. To make it anew, in a fresh environment (Python 3.11):

    pip install lenskit==2025.8.1 scikit-learn==1.9.1 ranx==0.3.21 numpy==2.4.6
    pip install --no-deps recmetrics==0.1.5
    pip install matplotlib==3.11.2 plotly==7.1.0 seaborn==0.13.2 funcsigs==1.0.2
    python tests/golden/metric_peers.py

The inputs are made up. `scores` has no ties, `tied` has many. Keys of an output:

    peer, metric  library and function
    ours          name of the metric here, in `mtbench.lists` or `mtbench.metrics`
    input         of the inputs, which scores
    k, seen       length of the list; whether candidates of `train` are kept or removed
    by_query      a value for each user, or
    value         one for all
    factor        by user: ours is the peer's times this, where the definitions differ

LensKit's nDCG has by default max(log2 r, 1) as discount, which does not tell rank 1 from rank 2;
offset=1 makes it log2(1 + r).
"""

import json
import math
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import ranx
from lenskit.data import ItemList
from lenskit.metrics import ranking as lenskit
from recmetrics.metrics import novelty, prediction_coverage
from sklearn import calibration, metrics

USERS, ITEMS = 12, 40
LENGTHS = (1, 5, 20, 40)
OUTPUTS = []


def make_inputs():
    """Scores, disjoint training and test pairs, and rows of clicks with ratings."""
    rng = np.random.default_rng(20241101)
    pairs = [(u, c) for u in range(USERS) for c in range(ITEMS)]
    rng.shuffle(pairs)
    train = sorted(map(tuple, np.array(pairs[:150]).tolist()))
    test = sorted(map(tuple, np.array(pairs[150:230]).tolist()))
    scores = [rng.permutation(ITEMS).tolist() for _ in range(USERS)]
    for user, item in test:  # a model that knows something
        other = scores[user].index(min(scores[user][item] + 12, ITEMS - 1))
        scores[user][item], scores[user][other] = scores[user][other], scores[user][item]
    logits = np.round(rng.normal(-0.5, 1.5, 300), 1)
    ratings = rng.integers(1, 6, 300)
    return {
        "train": train,
        "test": test,
        "scores": scores,
        "tied": [[score // 8 for score in row] for row in scores],
        "rows": {
            "query": rng.integers(0, USERS, 300).tolist(),
            "label": (rng.random(300) < 1 / (1 + np.exp(-logits))).astype(int).tolist(),
            "logit": logits.tolist(),
            "rating": ratings.tolist(),
            "prediction": np.round(ratings + rng.normal(0, 1, 300), 2).tolist(),
        },
    }


def put(peer, metric, ours, values, **keys):
    values = values if isinstance(values, float) else [float(v) for v in values]
    kind = "value" if isinstance(values, float) else "by_query"
    OUTPUTS.append({"peer": peer, "metric": metric, "ours": ours, **keys, kind: values})


def lists_of(inputs, seen):
    """Each user's candidates, best first, and the relevant ones."""
    train = {tuple(pair) for pair in inputs["train"]}
    for user, scores in enumerate(inputs["scores"]):
        order = [int(c) for c in np.argsort(-np.array(scores))]
        left = [c for c in order if seen == "kept" or (user, c) not in train]
        yield left, [c for u, c in inputs["test"] if u == user]


def of_lenskit(inputs, seen, k):
    lists = list(lists_of(inputs, seen))
    users = [
        (ItemList(item_ids=order, ordered=True), ItemList(item_ids=wanted))
        for order, wanted in lists
    ]
    keys = {"input": "scores", "k": k, "seen": seen}
    recall = [min(len(wanted), k) / len(wanted) for _, wanted in lists]  # theirs: of what fits
    precision = [min(len(order), k) / k for order, _ in lists]  # theirs: of what is left
    found = [min(len(wanted), k, len(o)) / min(len(wanted), k) for o, wanted in lists]
    for ours, metric, factor in (
        ("recall", lenskit.Recall(k), recall),
        ("precision", lenskit.Precision(k), precision),
        ("hit_rate", lenskit.Hit(k), None),
        ("ndcg", lenskit.NDCG(k, weight=lenskit.LogRankWeight(offset=1)), None),
        ("map", lenskit.AveragePrecision(k), found),
        ("mrr", lenskit.RecipRank(), None),
    ):
        values = [metric.measure_list(order, wanted) for order, wanted in users]
        put("lenskit", metric.label, ours, values, **keys, **({"factor": factor} if factor else {}))
    gini = lenskit.ListGini(k, items=ITEMS)
    data = [gini.compute_list_data(order, wanted) for order, wanted in users]
    put("lenskit", gini.label, "gini", float(gini.global_aggregate(data)), **keys)


def of_ranx(inputs, seen, k):
    lists = list(lists_of(inputs, seen))
    wanted = ranx.Qrels({f"{u:02}": {f"i{c}": 1 for c in w} for u, (_, w) in enumerate(lists)})
    run = ranx.Run(
        {
            f"{u:02}": {f"i{c}": float(len(order) - r) for r, c in enumerate(order)}
            for u, (order, _) in enumerate(lists)
        }
    )
    names = {"recall": f"recall@{k}", "precision": f"precision@{k}", "hit_rate": f"hit_rate@{k}"}
    names |= {"ndcg": f"ndcg@{k}", "map": f"map@{k}", "mrr": "mrr"}
    ranx.evaluate(wanted, run, list(names.values()))
    count = [len(w) / min(len(w), k) for _, w in lists]  # theirs divides by all relevant ones
    for ours, name in names.items():
        values = [run.scores[name][f"{u:02}"] for u in range(USERS)]
        factor = {"factor": count} if ours == "map" else {}
        put("ranx", name, ours, values, input="scores", k=k, seen=seen, **factor)


def of_recmetrics(inputs, seen, k):
    """Rounded to hundredths of a percent, as that library does; lists of k only."""
    tops = [order[:k] for order, _ in lists_of(inputs, seen)]
    if any(len(top) < k for top in tops):
        return
    train = pd.DataFrame(inputs["train"], columns=["user", "item"])
    had = train.groupby("item").user.nunique().reindex(range(ITEMS)).fillna(1)
    values = novelty(tops, had.to_dict(), train.user.nunique(), k)[1]
    keys = {"input": "scores", "k": k, "seen": seen}
    put("recmetrics", "novelty", "novelty", values, **keys)
    share = prediction_coverage(tops, list(range(ITEMS))) / 100
    put("recmetrics", "prediction_coverage", "coverage", float(share), **keys)


def of_sklearn(inputs, k):
    relevant = np.zeros((USERS, ITEMS))
    for user, item in inputs["test"]:
        relevant[user, item] = 1
    rows = list(zip(relevant, range(USERS), strict=True))
    keys = {"k": k, "seen": "kept"}
    for name in ("scores", "tied"):
        scores = np.array(inputs[name])
        values = [metrics.ndcg_score([wanted], scores[[u]], k=k) for wanted, u in rows]
        put("scikit-learn", "ndcg_score", "ndcg", values, input=name, **keys)
    test, scores = np.array(inputs["test"]), np.array(inputs["scores"])
    accuracy = metrics.top_k_accuracy_score(
        test[:, 1], scores[test[:, 0]], k=k, labels=np.arange(ITEMS)
    )
    name = "top_k_accuracy_score"
    put("scikit-learn", name, "top_k", float(accuracy), input="scores", **keys)
    if k == ITEMS:
        values = [metrics.average_precision_score(wanted, scores[u]) for wanted, u in rows]
        put("scikit-learn", "average_precision_score", "map", values, input="scores", **keys)


def of_rows(rows):
    query, label, logit, rating, prediction = (np.array(column) for column in rows.values())
    probability = 1 / (1 + np.exp(-logit))
    peer = "scikit-learn"
    put(peer, "roc_auc_score", "auc", float(metrics.roc_auc_score(label, logit)))
    own = [query == user for user in range(USERS)]
    values = [metrics.roc_auc_score(label[mask], logit[mask]) for mask in own]
    put(peer, "roc_auc_score", "auc_by_query", values)
    gauc = np.average(values, weights=[mask.sum() for mask in own])
    put(peer, "roc_auc_score, averaged by rows", "gauc", float(gauc))
    put(peer, "log_loss", "log_loss", float(metrics.log_loss(label, probability)))
    shares, means = calibration.calibration_curve(label, probability, n_bins=15)
    sizes = np.histogram(probability, np.linspace(0, 1, 16))[0]
    gaps = np.abs(shares - means) * sizes[sizes > 0] / len(label)
    put(peer, "calibration_curve, averaged by rows", "calibration_error", float(gaps.sum()))
    root = metrics.root_mean_squared_error(rating, prediction)
    put(peer, "root_mean_squared_error", "rmse", float(root))
    absolute = metrics.mean_absolute_error(rating, prediction)
    put(peer, "mean_absolute_error", "mae", float(absolute))


def main():
    inputs = make_inputs()
    assert all(wanted for _, wanted in lists_of(inputs, "kept"))
    for k in LENGTHS:
        for seen in ("kept", "removed"):
            for library in (of_lenskit, of_ranx, of_recmetrics):
                library(inputs, seen, k)
        of_sklearn(inputs, k)
    of_rows(inputs["rows"])
    peers = ("lenskit", "scikit-learn", "ranx", "recmetrics", "numpy")
    found = {"versions": {name: version(name) for name in peers}, "inputs": inputs}
    lines = ",\n".join(json.dumps(output) for output in OUTPUTS)
    text = json.dumps(found, indent=None)[:-1] + ',\n"outputs": [\n' + lines + "\n]}\n"
    assert not any(math.isnan(v) for o in OUTPUTS for v in o.get("by_query", [o.get("value")]))
    Path(__file__).with_suffix(".json").write_text(text)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
