"""Every strategy against NumPy from the papers, other libraries' numbers, and its own theorem."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import weighting_references as references
from made import some

from mtbench.kit import solvers
from mtbench.plugin.registry import installed
from mtbench.testing import apply

STRATEGIES = {cls.name: cls for cls, _ in installed() if cls.kind == "weighting"}
PEERS = json.loads((Path(__file__).parent.parent / "golden" / "weighting_peers.json").read_text())
STEPS = 6
EPOCHS = [0, 0, 1, 1, 2, 3]
RATE = 0.3
"""Learning rate of strategies' own variables, large so that they matter after a few steps."""

OPTIONS = [
    ("equal", {}, {}),
    ("fixed", {}, {}),
    ("uncertainty", {}, {"factors": 0.5, "initial": 0.0}),
    ("uncertainty", {"initial_log_variance": 0.7}, {"factors": 0.5, "initial": 0.7}),
    (
        "uncertainty",
        {"regularizer": "positive", "initial_log_variance": -0.4},
        {"regularizer": "positive", "initial": -0.4},
    ),
    ("dwa", {}, {}),
    ("dwa", {"temperature": 0.3}, {"temperature": 0.3}),
    ("auxiliary", {}, {"by_epoch": [1.0, 0.55, 0.1, 0.1]}),
    ("auxiliary", {"main": "task_0", "end": 0.0, "epochs": 2}, {"by_epoch": [1.0, 0.0, 0.0, 0.0]}),
    (
        "auxiliary",
        {"start": 0.2, "end": 1.5, "schedule": "cosine", "epochs": 4},
        {"by_epoch": [0.2, 0.525, 1.175, 1.5]},
    ),
    (
        "auxiliary",
        {"start": 2.0, "end": 0.25, "schedule": "exponential"},
        {"by_epoch": [2.0, 0.5**0.5, 0.25, 0.25]},
    ),
    ("gls", {}, {}),
    ("log", {}, {}),
    ("stch", {}, {}),
    *(("stch", o, o) for o in ({"warmup_epochs": 0}, {"warmup_epochs": 2, "mu": 0.3})),
    *(("uw-so", o, o) for o in ({}, {"temperature": 0.4})),
    # a step size so large that what was remembered changes the groups
    *(("go4align", o, o) for o in ({}, {"step_size": 0.5}, {"groups": 3}, {"groups": 1})),
    ("imtl-l", {}, {"learning_rate": RATE}),
    ("imtl", {}, {"learning_rate": RATE}),
    ("famo", {}, {"learning_rate": RATE}),
    ("famo", {"gamma": 0.5}, {"learning_rate": RATE, "gamma": 0.5}),
    # so small that no weight falls to 0, where ours stops
    *(("gradnorm", {"alpha": a}, {"learning_rate": 0.02, "alpha": a}) for a in (0.0, 0.4, 1.5)),
    ("pcgrad", {}, {}),
    *(("gradvac", o, o) for o in ({}, {"beta": 0.6})),
    *(("graddrop", o, o) for o in ({}, {"leak": 0.3})),
    *(
        ("mgda", {"normalization": n}, {"normalization": n})
        for n in ("none", "l2", "loss", "loss+")
    ),
    *(("cagrad", o, o) for o in ({}, {"c": 0.0}, {"c": 0.2}, {"c": 0.9})),
    ("imtl-g", {}, {}),
    ("nash-mtl", {}, {}),
    *(("fairgrad", {"alpha": a}, {"alpha": a}) for a in (0.5, 1.0, 2.0, 5.0)),
    *(("aligned-mtl", {"scale": s}, {"scale": s}) for s in ("min", "median", "rmse")),
    ("upgrad", {}, {}),
    ("dualproj", {}, {}),
    ("config", {}, {}),
    ("pe-ltr", {}, {}),
    ("pe-ltr", {"least": {"task_0": 0.4}}, {"first": 0.4}),
    *(("gradcraft", o, o) for o in ({}, {"relax": 1.0}, {"relax": 0.5, "epsilon": 0.2})),
    ("metabalance", {}, {}),
    ("metabalance", {"target": "task_0", "relax": 0.2, "beta": 0.5}, {"relax": 0.2, "beta": 0.5}),
    *(
        ("moco", o, o)
        for o in ({}, {"rho": 0.5, "gamma": 0.7, "gamma_sigma": 0.0, "beta_sigma": 0})
    ),
    # with its default step of 5 the iteration is chaotic: rounding to float32 grows beyond 1e-5
    *(
        ("sdmgrad", {**o, "independent": independent}, o)
        for o in ({"weight_learning_rate": 0.5}, {"iterations": 2, "lambda_": 1.0})
        for independent in (True, False)
    ),
    *(("modo", o, o) for o in ({}, {"gamma": 0.2}, {"gamma": 0.1, "rho": 2.0})),
    ("auto-lambda", {}, {"learning_rate": RATE}),
    (
        "auto-lambda",
        {"primary": "task_0", "inner_learning_rate": 0.4, "initial": 1.0},
        {"learning_rate": RATE, "primary": [0], "alpha": 0.4, "initial": 1.0},
    ),
    *(("moml", {"inner_learning_rate": e}, {"learning_rate": RATE, "eta": e}) for e in (0.1, 2.0)),
    *(("forum", o, {**o, "learning_rate": RATE}) for o in ({}, {"rho": 0.8})),
    *(("db-mtl", o, o) for o in ({}, {"beta": 0.3, "beta_sigma": 0.0})),
    *(("excess-mtl", o, o) for o in ({}, {"step_size": 0.5})),
]


def inputs(tasks, seed):
    """Losses, gradients with conflicts and several lengths, and losses after the step."""
    rng = np.random.default_rng([tasks, seed])
    parameters = {1: 4, 2: 6, 3: 8, 5: 12}[tasks]
    gradients = rng.normal(size=[STEPS, tasks, parameters]) + rng.normal(size=parameters)
    gradients *= rng.uniform(0.3, 2.0, size=[STEPS, tasks, 1])
    gradients[:, 1:2] -= 0.8 * gradients[:, :1]
    losses = rng.uniform(0.2, 3.0, size=[STEPS, tasks])
    after = losses * rng.uniform(0.7, 1.1, size=[STEPS, tasks])
    return [np.float32(x).astype(float) for x in (losses, gradients, after)]


def with_further(strategy, gradients):
    """Gradients `[steps, tasks, parameters]`; of a strategy of several batches those of each."""
    if strategy.needs != "several batches":
        return gradients
    tasks, further = gradients.shape[1], range(1, strategy.batches)
    drawn = [inputs(tasks, seed)[1][: len(gradients)] for seed in further]
    return np.stack([gradients, *drawn], 1)


def distance(ours, expected):
    """The largest relative difference of the updates of any step."""
    steps = zip(ours, expected, strict=True)
    return np.max([np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in steps])  # NaN stays


def draw(monkeypatch, orders=None, uniform=None):
    """Put given draws in place of random ones."""
    if orders is not None:
        left = iter(orders)
        given = lambda tasks: tf.constant(next(left), tf.int32, [tasks, tasks - 1])  # noqa: E731
        monkeypatch.setattr(solvers, "random_orders", given)
    if uniform is not None:
        numbers = iter(np.float32(uniform))
        monkeypatch.setattr(tf.random, "uniform", lambda shape: tf.constant(next(numbers)))


@pytest.mark.parametrize("tasks", some([1, 2, 3, 5], 3))
@pytest.mark.parametrize(("name", "ours", "theirs"), OPTIONS, ids=str)
def test_numpy(name, ours, theirs, tasks, monkeypatch):
    """Six steps in a row, states and all."""
    theirs = dict(theirs)
    for key in ("factors", "initial"):
        if key in theirs:
            theirs[key] = np.full(tasks, theirs[key])
    losses, gradients, after = inputs(tasks, 0)
    if name in ("fairgrad", "sdmgrad"):  # which iterate for long
        losses, gradients, after = (numbers[:2] for numbers in (losses, gradients, after))
    rng = np.random.default_rng(0)
    parameters = gradients.shape[-1]
    sizes = [parameters]
    if name in ("dwa", "stch", "auxiliary", "forum"):
        theirs["epochs"] = EPOCHS
    if name in ("famo", "forum"):
        theirs["new_losses"] = after
    if name == "metabalance":
        theirs["sizes"] = sizes = [1, parameters - 1]
    if name in ("pcgrad", "gradvac"):
        others = [[j for j in range(tasks) if j != i] for i in range(tasks)]
        theirs["orders"] = [[rng.permutation(row) for row in others] for _ in losses]
        draw(monkeypatch, theirs["orders"])
    if name == "graddrop":
        theirs["uniform"] = np.float32(rng.uniform(size=[STEPS, parameters])).astype(float)
        draw(monkeypatch, uniform=theirs["uniform"])
    gradients = with_further(STRATEGIES[name](**ours), gradients)
    expected = getattr(references, name.replace("-", "_"))(losses, gradients, **theirs)
    found = apply(
        STRATEGIES[name](**ours),
        losses,
        gradients,
        sizes=sizes,
        epochs=EPOCHS,
        after=after,
        learning_rate=theirs.get("learning_rate", 0.0),
    )
    if name == "aligned-mtl" and ours["scale"] == "median" and tasks == 2:
        return  # NumPy's median is the mean of both; see test_aligned_median
    assert distance(found.updates, expected) < 1e-5


def test_every_strategy_has_a_reference():
    """But random weights, whose distribution is tested in test_weighting.py."""
    assert {name for name, *_ in OPTIONS} == STRATEGIES.keys() - {"rlw"}


def test_aligned_median():
    """Of an even number the lower of the two in the middle, as `torch.median`: of two the least."""
    losses, gradients, _ = inputs(2, 0)
    median, least = (
        apply(STRATEGIES["aligned-mtl"](scale=scale), losses, gradients).updates
        for scale in ("median", "min")
    )
    np.testing.assert_allclose(median, least, rtol=1e-6)


THEOREMS = [
    ("mgda", {"normalization": "none"}),
    ("mgda", {"normalization": "loss+"}),
    ("pcgrad", {}),
    ("cagrad", {"c": 0.4}),
    ("nash-mtl", {}),
    ("upgrad", {}),
    ("dualproj", {}),
    ("imtl-g", {}),
    ("config", {}),
    ("fairgrad", {"alpha": 2.0}),
    ("aligned-mtl", {"scale": "min"}),
]


@pytest.mark.thorough
@pytest.mark.parametrize("tasks", [2, 3, 5])
@pytest.mark.parametrize(("name", "options"), THEOREMS, ids=str)
def test_theorem(name, options, tasks):
    """KKT of the least norm, no conflict for two tasks, the ball, Gα = 1/α, the dual cone, …"""
    if name == "pcgrad" and tasks > 2:
        pytest.skip("holds for two tasks")
    claim = references.CLAIMS[name.replace("-", "_")]
    for seed in range(2):
        losses, gradients, _ = inputs(tasks, seed)
        updates = apply(STRATEGIES[name](**options), losses, gradients).updates
        for residuals in map(lambda *x: claim(*x, **options), losses, gradients, updates):
            assert residuals
            for what, residual in residuals.items():
                # its claim raises small inner products of opposed gradients to the power −2
                assert abs(residual) < (2e-4 if name == "fairgrad" else 2e-5), what


OUTPUTS = [{"ours": {}, "factor": 1.0, **output} for output in PEERS["outputs"]]
SAME = [output for output in OUTPUTS if output["same"]]
NOTES = sorted({output["note"] for output in OUTPUTS if not output["same"]})


def name_of(output):
    return "-".join([output["peer"], output["method"], output["input"], str(output["ours"])])


def difference_from(output, monkeypatch):
    """How far our updates are from another library's, relative."""
    name, ours = output["strategy"], dict(output["ours"])
    if ours.pop("optimizer", "SGD") != "SGD":
        pytest.skip("the probe descends without Adam's averages; the SGD entry is compared")
    given = {key: np.array(value) for key, value in PEERS["inputs"][output["input"]].items()}
    losses, gradients, after = (
        given[key][output["steps"]] for key in ("losses", "jacobians", "new_losses")
    )
    rate = ours.pop("learning_rate", 0.0)
    ours.pop("factors", None)
    if "weights" in ours:
        ours["weights"] = {f"task_{i}": weight for i, weight in enumerate(ours["weights"])}
    after = np.array(output.get("ahead", after))
    if batches := output.get("batches"):
        gradients = np.stack([np.roll(gradients, -number, 0) for number in range(batches)], 1)
    draw(monkeypatch, output.get("orders"), output.get("uniform"))
    strategy = STRATEGIES[name](**ours)
    expected = output["factor"] * np.array(output["updates"])
    if name == "sdmgrad":  # chaotic: float32 is not enough
        built = strategy.build(dict.fromkeys(range(losses.shape[1])))
        every = gradients.reshape(len(losses), -1, *gradients.shape[-2:])
        weights = [
            built(tf.constant(loss[None]), lambda a, b, g=each: tf.constant(g[a] @ g[b].T))
            for loss, each in zip(losses, every, strict=True)
        ]
        return distance(np.einsum("st,stp->sp", weights, every[:, 0]), expected)
    runs = [slice(None)] if output["stateful"] else [[i] for i in range(len(losses))]
    epochs = output.get("epochs") if output["stateful"] else None
    found = [
        apply(strategy, losses[i], gradients[i], learning_rate=rate, epochs=epochs, after=after[i])
        for i in runs
    ]
    return distance(np.concatenate([each.updates for each in found]), expected)


@pytest.mark.parametrize("output", SAME, ids=name_of)
def test_peer(output, monkeypatch):
    """What another library computes on the same numbers."""
    assert difference_from(output, monkeypatch) < max(1e-5, output["tolerance"])


@pytest.mark.parametrize("note", NOTES)
def test_peer_that_differs(note, monkeypatch):
    """The note says how it departs from the paper, and on some input that shows."""
    outputs = [output for output in OUTPUTS if output["note"] == note]
    differences = [difference_from(output, monkeypatch) for output in outputs]
    if outputs[0]["strategy"] == "aligned-mtl":  # held against NumPy's median; ours is torch's too
        assert max(differences) < 1e-5
    else:
        assert max(differences) > 1e-3
