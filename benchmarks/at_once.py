"""Runs of many seeds as one model with a leading dimension: for worlds that need ten thousands.

What mtbench trains one after the other is trained here at once in NumPy, of one form alone:
embedding towers, heads of the task `click` with a threshold and biases, Adam, and the weightings
`fixed`, `equal`, `uncertainty` and `imtl-g`. Splits, rows, their order and metrics are mtbench's;
initial weights are of the same law. From the same ones, training ends at the same parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse, special

from mtbench.data.dataset import Data
from mtbench.metrics import predictions
from mtbench.suite.setup import Setup
from mtbench.train.rows import kept_rows

Params = dict[str, np.ndarray]
Sides = tuple[np.ndarray, np.ndarray]
AUC = "auc"


def scores(setup: Setup, data: Data, seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """Train a setup with some seeds; of each trained task the AUC, float64 `[seeds]`."""
    parts = [setup.split.build(data, seed) for seed in seeds]
    learned = [
        np.sort(p.train if setup.train_on == "train" else np.concatenate([p.train, p.validation]))
        for p in parts
    ]
    rows, known = _rows(setup, data, seeds, learned)
    columns = data.interactions.columns
    labels = np.stack([columns[setup.tasks[t].label] for t in setup.trained])
    model = Models(setup, data, seeds)
    for n in model.tasks:  # logit of the share of positives, one row of either kind added
        positive, number = np.sum(labels[n][rows] * known[n], 1) + 1, known[n].sum(1) + 2
        model.params[f"{n}.offset"] = special.logit(positive / number).astype(np.float32)
    batch = setup.train.batch_size
    for epoch in range(setup.train.epochs):
        drawn = [np.random.default_rng([seed, 1, epoch]) for seed in seeds]
        order = np.stack([rng.permutation(rows.shape[1]) for rng in drawn])
        for start in range(0, rows.shape[1], batch):
            places = order[:, start : start + batch]
            taken = np.take_along_axis(rows, places, 1)
            mask = np.stack([np.take_along_axis(each, places, 1) for each in known])
            pairs = data.interactions.query[taken], data.interactions.candidate[taken]
            model.step(pairs, labels[:, taken], mask.astype(np.float32))
    scored = [p.test if setup.evaluate_on == "test" else p.validation for p in parts]
    return _aucs(setup, data, model, np.stack(scored))


def _rows(
    setup: Setup, data: Data, seeds: Sequence[int], learned: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The rows that some task learns from, `[seeds, n]`, and by task which of them it does."""
    keeps = []
    for task in setup.trained:
        share = setup.labels[task].share if task in setup.labels else 1.0
        parts = zip(map(data.interactions.take, learned), seeds, strict=True)
        kept = [kept_rows(setup.tasks[task], part, share, seed) for part, seed in parts]
        keeps.append(np.stack([np.isin(np.arange(len(learned[0])), each) for each in kept]))
    rows, some = np.stack(learned), np.any(keeps, axis=0)
    if some.all():
        return rows, keeps
    places = np.stack([np.flatnonzero(each) for each in some])
    taken = [np.take_along_axis(keep, places, 1) for keep in keeps]
    return np.take_along_axis(rows, places, 1), taken


def _aucs(setup: Setup, data: Data, model: Models, scored: np.ndarray) -> dict[str, np.ndarray]:
    rows = data.interactions
    logits = model.logits((rows.query[scored], rows.candidate[scored]))
    found = {}
    for n, task in enumerate(setup.trained):
        positive = rows.columns[setup.tasks[task].label][scored] >= 1
        values = [
            predictions.of_logits(p, x)[AUC] for p, x in zip(positive, logits[n], strict=True)
        ]
        found[task] = np.array(values)
    return found


class Models:
    """As many models of a setup as there are seeds."""

    def __init__(self, setup: Setup, data: Data, seeds: Sequence[int]) -> None:
        self.tasks = range(len(setup.trained))
        self.kind = setup.weighting.name if setup.weighting else "equal"
        given = setup.weighting.weights if self.kind == "fixed" else {}
        self.weights = [np.full(len(seeds), given.get(t, 1.0), np.float32) for t in setup.trained]
        self.rate, self.steps = setup.train.optimizer.learning_rate, 0
        self.params = _initial(setup, data, seeds)
        self.first = {key: np.zeros_like(value) for key, value in self.params.items()}
        self.second = {key: np.zeros_like(value) for key, value in self.params.items()}

    def logits(self, pairs: Sides) -> np.ndarray:
        """Of pairs `[seeds, n]` those of each task, float32 `[tasks, seeds, n]`."""
        sides = tuple(map(_picked, (self.params["query"], self.params["candidate"]), pairs))
        return np.stack([_forward(self.params, n, pairs, sides)[0] for n in self.tasks])

    def step(self, pairs: Sides, labels: np.ndarray, mask: np.ndarray) -> None:
        """One step of Adam."""
        params = self.params
        sides = tuple(map(_picked, (params["query"], params["candidate"]), pairs))
        gather = {
            "query": _summing(pairs[0], params["query"]),
            "candidate": _summing(pairs[1], params["candidate"]),
        }
        losses, gradients = [], []
        for n in self.tasks:
            logits, hidden = _forward(params, n, pairs, sides)
            number = np.maximum(mask[n].sum(1, keepdims=True), 1)
            each = np.logaddexp(0, logits) - labels[n] * logits
            losses.append((each * mask[n]).sum(1) / number[:, 0])
            slope = (special.expit(logits) - labels[n]) * mask[n] / number
            gradients.append(_backward(params, n, slope, hidden, sides, gather))
        self._move(self._weighed(losses, gradients, mask))

    def _weighed(
        self, losses: list[np.ndarray], gradients: list[Params], mask: np.ndarray
    ) -> Params:
        """The gradient of the step, of all parameters."""
        shared, total = self.weights, Params()
        if self.kind == "uncertainty":
            shared = [np.exp(-self.params["s"][:, n]) for n in self.tasks]
            there = [mask[n].any(1) for n in self.tasks]
            slopes = [there[n] * (0.5 - shared[n] * losses[n]) for n in self.tasks]
            total["s"] = np.stack(slopes, 1).astype(np.float32)
        own = shared
        if self.kind == "imtl-g":  # of two tasks: gradients of one length, weights that sum to 1
            lengths = [
                np.sqrt(sum((g[key] ** 2).sum((1, 2)) for key in ("query", "candidate")))
                for g in gradients
            ]
            whole, both = lengths[0] + lengths[1], (lengths[0] > 0) & (lengths[1] > 0)
            shared = [np.where(both, lengths[1 - n] / np.maximum(whole, 1e-30), 1) for n in (0, 1)]
            own = [np.ones_like(whole)] * 2
        for n in self.tasks:
            for key, gradient in gradients[n].items():
                weight = (shared if key in ("query", "candidate") else own)[n].astype(np.float32)
                part = weight.reshape(-1, *[1] * (gradient.ndim - 1)) * gradient
                total[key] = total[key] + part if key in total else part
        return total

    def _move(self, gradient: Params) -> None:
        self.steps += 1
        rate = self.rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for key, g in gradient.items():
            m, v = self.first[key], self.second[key]
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            self.params[key] -= np.float32(rate) * m / (np.sqrt(v) + np.float32(1e-7))


def _initial(setup: Setup, data: Data, seeds: Sequence[int]) -> Params:
    """Parameters by name, a leading dimension of seeds; tables and kernels as Keras draws them."""
    dim = setup.towers["query"].embedding_dim
    sizes = (data.interactions.num_queries, data.interactions.num_candidates)
    rngs = [np.random.default_rng([seed, 3]) for seed in seeds]

    def drawn(shape: tuple[int, ...], limit: float) -> np.ndarray:
        return np.stack([rng.uniform(-limit, limit, shape) for rng in rngs]).astype(np.float32)

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros((len(seeds), *shape), np.float32)

    made = {"query": drawn((sizes[0], dim), 0.05), "candidate": drawn((sizes[1], dim), 0.05)}
    for n, name in enumerate(setup.trained):
        task = setup.tasks[name]
        made |= {f"{n}.bu": zeros(sizes[0]), f"{n}.bi": zeros(sizes[1])}
        made[f"{n}.offset"] = np.zeros(len(seeds), np.float32)
        if task.interaction == "mlp":
            (units,) = task.units
            made[f"{n}.w1"] = drawn((2 * dim, units), np.sqrt(6 / (2 * dim + units)))
            made[f"{n}.b1"] = zeros(1, units)
            made[f"{n}.b2"] = zeros(1)
            made[f"{n}.w2"] = drawn((units, 1), np.sqrt(6 / (units + 1)))
    if setup.weighting and setup.weighting.name == "uncertainty":
        made["s"] = zeros(len(setup.trained))
    return made


def _picked(table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Rows of tables `[seeds, ids, dim]`, or numbers of `[seeds, ids]`, at `[seeds, n]`."""
    number, size = table.shape[:2]
    flat = ids + size * np.arange(number)[:, np.newaxis]
    return table.reshape(number * size, -1).take(flat, 0).reshape(*ids.shape, *table.shape[2:])


def _summing(ids: np.ndarray, table: np.ndarray) -> Any:
    """The sparse matrix that sums rows by id, the other way round from `_picked`."""
    number, size = table.shape[:2]
    flat = (ids + size * np.arange(number)[:, np.newaxis]).ravel()
    ones = np.ones(len(flat), np.float32)
    return sparse.csc_matrix((ones, flat, np.arange(len(flat) + 1)), (number * size, len(flat)))


def _forward(
    params: Params, n: int, pairs: Sides, sides: Sides
) -> tuple[np.ndarray, np.ndarray | None]:
    """Logits of a task, and its hidden layer."""
    score = _picked(params[f"{n}.bu"], pairs[0]) + _picked(params[f"{n}.bi"], pairs[1])
    score += params[f"{n}.offset"][:, np.newaxis]
    if f"{n}.w1" not in params:
        return score + np.einsum("snd,snd->sn", *sides), None
    dim = sides[0].shape[-1]
    kernel = params[f"{n}.w1"]
    hidden = sides[0] @ kernel[:, :dim] + sides[1] @ kernel[:, dim:] + params[f"{n}.b1"]
    np.maximum(hidden, 0, out=hidden)
    return score + params[f"{n}.b2"] + (hidden @ params[f"{n}.w2"])[..., 0], hidden


def _backward(
    params: Params,
    n: int,
    slope: np.ndarray,
    hidden: np.ndarray | None,
    sides: Sides,
    gather: Mapping[str, Any],
) -> Params:
    """The gradient of a task's loss, given that by its logits, `[seeds, n]`."""
    slope = slope.astype(np.float32)
    shape = {key: params[key].shape for key in params}
    found: Params = {}
    for key, name in (("query", "bu"), ("candidate", "bi")):
        found[f"{n}.{name}"] = (gather[key] @ slope.ravel()).reshape(shape[f"{n}.{name}"])
    if hidden is None:
        by_side = [slope[..., np.newaxis] * side for side in sides[::-1]]
    else:
        dim, kernel = sides[0].shape[-1], params[f"{n}.w1"]
        found[f"{n}.w2"] = np.swapaxes(hidden, 1, 2) @ slope[..., np.newaxis]
        back = slope[..., np.newaxis] * np.swapaxes(params[f"{n}.w2"], 1, 2) * (hidden > 0)
        found[f"{n}.b2"] = slope.sum(1, keepdims=True)
        found[f"{n}.b1"] = back.sum(1, keepdims=True)
        kernels = [np.swapaxes(side, 1, 2) @ back for side in sides]
        found[f"{n}.w1"] = np.concatenate(kernels, 1)
        by_side = [back @ np.swapaxes(k, 1, 2) for k in (kernel[:, :dim], kernel[:, dim:])]
    for key, rows in zip(("query", "candidate"), by_side, strict=True):
        summed = gather[key] @ rows.reshape(-1, rows.shape[-1])
        found[key] = summed.reshape(shape[key])
    return found
