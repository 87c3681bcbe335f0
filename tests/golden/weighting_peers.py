"""Writes weighting_peers.json: what other libraries' weighting strategies give on fixed inputs.

Not run by the tests; they read the JSON. To make it anew, in a fresh environment (Python 3.11):

    pip install torch==2.13.0 torchjd==0.18.0 numpy==2.4.6 scipy==1.17.1
    pip install cvxpy==1.9.3 ecos==2.0.14 clarabel==0.11.1 qpsolvers==4.13.0 quadprog==0.1.14
    pip install --no-deps LibMTL==1.1.5
    git clone https://github.com/median-research-group/LibMTL libmtl
    git -C libmtl checkout 4336804847eaa5e0b924b743d76beec7ac3fdc97  # main, May 2025
    git clone https://github.com/lorenmt/auto-lambda
    git -C auto-lambda checkout bdba6365953f7ebb3a8ae33fabfecd3f933ecc27
    python tests/golden/weighting_peers.py libmtl/LibMTL auto-lambda

The arguments are the package directory of LibMTL's main branch, which has methods and repairs that
release 1.1.5 lacks, and that of Auto-Lambda's authors; each output says which it came from
("1.1.5 (PyPI)" or "main").

Everything runs in float64. Every peer is given task losses l_i + g_i·(θ − θ0), so that at θ0 the
loss of task i is l_i and its gradient g_i; an "update" is the gradient the peer leaves in θ.

An input's "new_losses" are those of the same batch after the step, which FAMO asks for. Keys of an
output, where they need words:

    options     the peer's options
    ours        the options of our strategy that answer to these; "factors" is the ½ of a
                regression; "optimizer" and "learning_rate" are of the learned weights
    steps       indices into the input; where "stateful" is true, run in sequence on one fresh
                instance, elsewhere each on its own
    updates     one [P] for each step
    weights     one [T] for each step, or null where the peer has none to show; they apply to what
                the peer weighs (MGDA: normalised gradients, MoCo: its momenta, IMTL: e^s g)
    same        whether our convention gives these numbers, times "factor" where there is one
    factor      ours = factor × the peer's
    tolerance   relative accuracy of the peer's numbers, compared by norms (solvers, epsilons)
    orders      [step][task]: the order in which the peer took the other tasks
    uniform     [step][P]: the uniform numbers it drew
    epochs      the epoch of each step (a step being one batch)
    batches     how many batches a step has: batch b has the Jacobian of the b-th step after it,
                round about; losses are the step's
    ahead       [step][task]: losses after the peer's steps ahead
"""

import contextlib
import importlib
import importlib.util
import json
import random
import sys
import types
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torchjd import aggregation, scalarization
from torchjd.linalg import QuadprogProjector

PYPI, MAIN = "1.1.5 (PyPI)", "main"
STEPS = 4
OUTPUTS = []


# ---- inputs ------------------------------------------------------------------------------------


def make_inputs():
    """Random Jacobians with some conflicts, and two-task ones picked by hand."""
    rng = np.random.default_rng(20240660)
    inputs = {}
    for name, tasks, size in (("two", 2, 6), ("three", 3, 8), ("five", 5, 12)):
        scale = np.geomspace(0.6, 2.4, tasks)
        losses, jacobians = [], []
        for step in range(STEPS):
            common = rng.normal(size=size)
            rows = 0.35 * common + rng.normal(size=(tasks, size))
            rows *= rng.permutation(scale)[:, None] / np.sqrt(size) * 2
            jacobians.append(np.round(rows, 3).tolist())
            losses.append(np.round(rng.uniform(0.3, 3.0, tasks) * 0.9**step, 3).tolist())
        inputs[name] = {"losses": losses, "jacobians": jacobians}
    inputs["two-hand"] = {
        "losses": [[2.0, 0.5], [1.5, 0.45], [1.25, 0.5], [1.0, 0.375]],
        "jacobians": [
            [[4.0, 0.0], [-1.0, 2.0]],  # in conflict
            [[4.0, 0.0], [3.0, 1.0]],  # agreeing: the second is the element of least norm
            [[1.0, 2.0], [-2.0, 1.0]],  # at right angles
            [[3.0, 0.0], [-3.0, 1.0]],  # nearly opposed
        ],
    }
    for given in inputs.values():
        shrink = rng.uniform(0.7, 1.05, np.shape(given["losses"]))
        given["new_losses"] = np.round(given["losses"] * shrink, 3).tolist()
    return inputs


INPUTS = make_inputs()


# ---- writing down ------------------------------------------------------------------------------


def numbers(tensor):
    """A list of Python floats."""
    return [float(x) for x in np.asarray(torch.as_tensor(tensor).detach()).ravel()]


def add(strategy, method, name, rows, **more):
    """Appends one output; `rows` holds (update, weights or None) for each of its steps."""
    entry = {
        "strategy": strategy,
        "peer": "libmtl",
        "version": MAIN,
        "method": method,
        "options": {},
        "input": name,
        "steps": list(range(STEPS)),
        "stateful": False,
        "updates": [numbers(update) for update, _ in rows],
        "weights": None,
        "same": True,
        "note": "",
    }
    if all(weights is not None for _, weights in rows):
        entry["weights"] = [numbers(weights) for _, weights in rows]
    entry.update(more)
    OUTPUTS.append(entry)


def add_parted(parts, strategy, method, name, rows, **more):
    """Appends an output for each of `parts`: (whether it holds a step, what is particular)."""
    for holds, particular in parts:
        steps = [step for step in range(STEPS) if holds[step]]
        if steps:
            chosen = [rows[step] for step in steps]
            add(strategy, method, name, chosen, steps=steps, **more, **particular)


def steps_of(name):
    """Losses and Jacobian of each step of an input, as tensors."""
    given = INPUTS[name]
    for losses, jacobian in zip(given["losses"], given["jacobians"], strict=True):
        yield torch.tensor(losses), torch.tensor(jacobian)


@contextlib.contextmanager
def recorded(module, function):
    """Lists what `module.function` returns (or shuffles in place) while the block runs."""
    real, seen = getattr(module, function), []

    def spy(*args, **options):
        result = real(*args, **options)
        value = args[0] if result is None else result
        seen.append(value.tolist() if isinstance(value, torch.Tensor) else list(value))
        return result

    with mock.patch.object(module, function, spy):
        yield seen


def without_self(permutations, tasks):
    """Orders of the other tasks, from permutations of all tasks, for one step after another."""
    orders = [[j for j in order if j != k % tasks] for k, order in enumerate(permutations)]
    return [orders[k : k + tasks] for k in range(0, len(orders), tasks)]


# ---- TorchJD -----------------------------------------------------------------------------------

TORCHJD = {"peer": "torchjd", "version": "0.18.0"}


def aggregate(make, name, *, stateful=False):
    """Runs an aggregator over the steps of an input."""
    rows, aggregator, seen = [], None, []
    for _, jacobian in steps_of(name):
        if aggregator is None or not stateful:
            aggregator = make(len(jacobian))
            # ConFIG's weighting is the preference, not what it applies
            if not isinstance(aggregator, aggregation.ConFIG):
                part = getattr(aggregator, "gramian_weighting", None)
                part = part or getattr(aggregator, "weighting", None)
                if part is not None:
                    part.register_forward_hook(lambda _part, _given, out: seen.append(out))
        update = aggregator(jacobian)
        rows.append((update, seen[-1].clone() if seen else None))
    return rows


def torchjd_exact(name):
    """Aggregators that a few operations or a quadratic programme settle."""
    tasks = len(INPUTS[name]["losses"][0])
    exact = QuadprogProjector(norm_eps=0.0, reg_eps=0.0)
    eps = {"projector": {"norm_eps": 0.0, "reg_eps": 0.0}}
    made = [
        ("equal", "Sum", {}, {}, lambda _: aggregation.Sum(), {}),
        ("equal", "Mean", {}, {}, lambda _: aggregation.Mean(), {"factor": float(tasks)}),
        ("upgrad", "UPGrad", eps, {}, lambda _: aggregation.UPGrad(projector=exact), {}),
        ("dualproj", "DualProj", eps, {}, lambda _: aggregation.DualProj(projector=exact), {}),
        ("imtl-g", "IMTLG", {}, {}, lambda _: aggregation.IMTLG(), {}),
        ("config", "ConFIG", {}, {}, lambda _: aggregation.ConFIG(), {}),
    ]
    fixed = [round(0.5 + 0.75 * i, 3) for i in range(tasks)]
    constant = {"weights": fixed}
    made.append(
        (
            "fixed",
            "Constant",
            constant,
            constant,
            lambda _: aggregation.Constant(torch.tensor(fixed)),
            {},
        )
    )
    for strategy, method, options, ours, make, factor in made:
        rows = aggregate(make, name)
        more = factor | {"options": options, "ours": ours, "tolerance": 1e-10}
        add(strategy, method, name, rows, **more, **TORCHJD)
    for scale in ("min", "median", "rmse"):
        even = scale == "median" and tasks % 2 == 0
        add(
            "aligned-mtl",
            "AlignedMTL",
            name,
            aggregate(lambda _, s=scale: aggregation.AlignedMTL(scale_mode=s), name),
            options={"scale_mode": scale},
            ours={"scale": scale},
            same=not even,
            note=MEDIAN if even else "",
            tolerance=1e-10,
            **TORCHJD,
        )


MEDIAN = (
    "torch.median of an even number of eigenvalues is the lower of the two in the middle (as in "
    "the authors' code), so with two tasks it is the smallest; differs from a mean of the two."
)


NASH = (
    "Where some (Gα)_i is zero or just below at the peer's starting point α = 1, the problem "
    "linearised there has no finite solution, and it keeps α = 1, which does not solve Gα = 1/α."
)


def add_nash(method, name, rows, **more):
    """Parts the steps in which a Nash-MTL gives its starting point from those it solves."""
    solved = []
    for (_, weights), (_, jacobian) in zip(rows, steps_of(name), strict=True):
        alpha = torch.as_tensor(weights, dtype=jacobian.dtype)
        solved.append(bool((alpha * (jacobian @ jacobian.T @ alpha) - 1).abs().max() < 1e-5))
    failed = [not good for good in solved]
    parts = [(solved, {"tolerance": 1e-6}), (failed, {"same": False, "note": NASH})]
    add_parted(parts, "nash-mtl", method, name, rows, **more)


def torchjd_solved(name):
    """Aggregators with an iterative solver."""
    mgda = {"epsilon": 1e-12, "max_iters": 20000}
    add(
        "mgda",
        "MGDA",
        name,
        aggregate(lambda _: aggregation.MGDA(**mgda), name),
        options=mgda,
        ours={"normalization": "none"},
        tolerance=1e-10 if name.startswith("two") else 2e-3,
        **TORCHJD,
    )
    for c in (0.5, 0.2):
        cagrad = {"c": c, "norm_eps": 1e-12}
        add(
            "cagrad",
            "CAGrad",
            name,
            aggregate(lambda _, o=cagrad: aggregation.CAGrad(**o), name),
            options=cagrad,
            ours={"c": c},
            tolerance=3e-4,
            **TORCHJD,
        )
    nash = {"max_norm": 0.0, "optim_niter": 1000, "update_weights_every": 1}
    rows = aggregate(lambda tasks: aggregation.NashMTL(tasks, **nash), name)
    add_nash("NashMTL", name, rows, options=nash, **TORCHJD)
    for alpha in (1.0, 2.0):
        add(
            "fairgrad",
            "FairGrad",
            name,
            aggregate(lambda _, a=alpha: aggregation.FairGrad(a), name),
            options={"alpha": alpha},
            ours={"alpha": alpha},
            tolerance=1e-8,
            **TORCHJD,
        )


def torchjd_random(name):
    """Aggregators that draw, with what they drew."""
    tasks = len(INPUTS[name]["losses"][0])
    torch.manual_seed(1)
    with recorded(torch, "randperm") as drawn:
        rows = aggregate(lambda _: aggregation.PCGrad(), name)
    orders = without_self(drawn, tasks)
    add("pcgrad", "PCGrad", name, rows, orders=orders, tolerance=1e-10, **TORCHJD)

    for beta in (0.01, 0.5):
        options = {"beta": beta, "eps": 0.0}
        with recorded(torch, "randperm") as drawn:
            rows = aggregate(lambda _, o=options: aggregation.GradVac(**o), name, stateful=True)
        others = [
            [[j for j in range(tasks) if j != k % tasks][p] for p in order]
            for k, order in enumerate(drawn)
        ]
        add(
            "gradvac",
            "GradVac",
            name,
            rows,
            options=options,
            ours={"beta": beta},
            stateful=True,
            orders=[others[k : k + tasks] for k in range(0, len(others), tasks)],
            tolerance=1e-8,
            **TORCHJD,
        )

    for leak in (0.0, 0.25):
        with recorded(torch, "rand") as drawn:
            rows = aggregate(
                lambda n, x=leak: aggregation.GradDrop(leak=torch.full((n,), x)),
                name,
            )
        more = {"options": {"leak": leak}, "ours": {"leak": leak}, "uniform": drawn}
        add("graddrop", "GradDrop", name, rows, tolerance=1e-10, **more, **TORCHJD)


BIG = 2.0**20
LARGE = (
    " The Jacobian is given times 2**20, for the peer to add its 1e-8 to a large number; its "
    "iteration would make up to 1e-4 of it."
)


SDMGRAD = {"lambda_": 0.3, "iterations": 20, "weight_learning_rate": 5.0, "momentum": 0.5}


def torchjd_stateful(name):
    """Stateful weightings: SDMGrad takes a Gramian, ExcessMTL a Jacobian."""
    options = {"lr": 5.0, "momentum": 0.5, "n_iter": 20, "lambda_": 0.3}
    weighting = aggregation.SDMGradWeighting(**options)
    rows = []
    for _, jacobian in steps_of(name):
        large = BIG * jacobian
        weights = weighting(large @ large.T)
        rows.append((weights @ large, weights))
    add(
        "sdmgrad",
        "SDMGradWeighting",
        name,
        rows,
        options=options,
        ours=SDMGRAD | {"independent": False},
        stateful=True,
        factor=1 / BIG,
        tolerance=1e-8,
        note="Given J Jᵀ of one batch for the product of two." + LARGE,
        **TORCHJD,
    )
    options = {"robust_step_size": 0.01, "n_warmup_steps": 0}
    add(
        "excess-mtl",
        "ExcessMTL",
        name,
        aggregate(lambda _: aggregation.ExcessMTL(**options), name, stateful=True),
        options=options,
        ours={"step_size": 0.01},
        stateful=True,
        same=False,
        note="Weights sum to 1 in place of T, and the first step already moves them, by the "
        "unscaled excess, where ours (as the authors' and LibMTL's code) keeps them equal.",
        **TORCHJD,
    )


def scalarize(scalarizer, name, *, values=lambda losses: losses, after=None):
    """Runs a scalarizer over the steps; `after` is called with the step's number."""
    rows = []
    for step, (losses, jacobian) in enumerate(steps_of(name)):
        theta = torch.zeros(jacobian.shape[1], requires_grad=True)
        for parameter in scalarizer.parameters():
            parameter.grad = None
        scalarizer(values(losses + jacobian @ theta)).backward()
        rows.append((theta.grad, None))
        if after is not None:
            after(step)
    return rows


def torchjd_scalarizers(name):
    """TorchJD's methods on losses alone."""
    tasks = len(INPUTS[name]["losses"][0])
    more = {"tolerance": 1e-10, **TORCHJD}
    add("gls", "GeometricMean", name, scalarize(scalarization.GeometricMean(), name), **more)

    for mu in (1.0, 0.25):
        smooth = scalarization.STCH(mu, weights=torch.ones(tasks))
        add(
            "stch",
            "STCH",
            name,
            scalarize(smooth, name, values=torch.log),
            options={"mu": mu, "weights": [1.0] * tasks},
            ours={"mu": mu, "warmup_epochs": 0},
            factor=float(tasks),
            note="Given the logarithms of the losses as its values.",
            **more,
        )

    average = scalarization.DWA(2.0)
    add(
        "dwa",
        "DWA",
        name,
        scalarize(average, name, after=lambda _: average.step()),
        options={"temperature": 2.0},
        ours={"temperature": 2.0},
        stateful=True,
        epochs=[0, 1, 2, 3],
        **more,
    )

    for strategy, method, ours in (
        ("uncertainty", "UW", {"regularizer": "log", "factors": 0.5}),
        ("imtl-l", "IMTLL", {}),
    ):
        scalarizer = getattr(scalarization, method)(tasks)
        optimizer = torch.optim.SGD(scalarizer.parameters(), lr=0.1)
        add(
            strategy,
            method,
            name,
            scalarize(scalarizer, name, after=lambda _, o=optimizer: o.step()),
            options={"optimizer": "SGD", "learning_rate": 0.1},
            ours=ours | {"optimizer": "SGD", "learning_rate": 0.1},
            stateful=True,
            **more,
        )

    famo = scalarization.FAMO(tasks, lr=0.025, weight_decay=1e-3)
    new = torch.tensor(INPUTS[name]["new_losses"])
    add(
        "famo",
        "FAMO",
        name,
        scalarize(famo, name, after=lambda step: famo.update(new[step])),
        options={"lr": 0.025, "weight_decay": 1e-3, "optimizer": "Adam"},
        ours={"learning_rate": 0.025, "gamma": 1e-3, "optimizer": "Adam"},
        stateful=True,
        note=ADAM,
        **more,
    )


ADAM = "The weights' optimizer is torch's Adam: betas 0.9 and 0.999, 1e-8 beside the corrected √v."


# ---- LibMTL ------------------------------------------------------------------------------------


def load_libmtl(directory):
    """Imports LibMTL's weighting classes alone; its package would ask for torchvision."""
    package = types.ModuleType("LibMTL")
    package.__path__ = [str(directory)]
    sys.modules["LibMTL"] = package
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighting = importlib.import_module("LibMTL.weighting")
    for name in [n for n in sys.modules if n == "LibMTL" or n.startswith("LibMTL.")]:
        del sys.modules[name]
    return weighting


def shell(base, tasks, size, *, rep_grad=False):
    """A model of one shared vector θ for a LibMTL weighting class."""

    class Shell(base):
        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.Module()
            self.encoder.theta = torch.nn.Parameter(torch.ones(size))
            self.task_num, self.task_name = tasks, list(range(tasks))
            self.device, self.rep_grad = torch.device("cpu"), rep_grad
            self.decoders, self.epoch = {}, 0
            self.train_loss_buffer = np.zeros((tasks, STEPS))
            self.init_param()

        def get_share_params(self):
            return self.encoder.parameters()

        def zero_grad_share_params(self):
            self.encoder.zero_grad(set_to_none=False)

    return Shell()


def learn(model, losses, jacobian, *, triple=(), **options):
    """One backward of the peer; returns θ's gradient and the weights the peer reports."""
    theta = model.encoder.theta
    model.zero_grad_share_params()

    def once(jacobian):
        return losses + jacobian @ (theta - theta.detach())

    given = torch.stack([once(each) for each in triple]) if len(triple) else once(jacobian)
    weights = model.backward(given, **options)
    return theta.grad.detach().clone(), weights


def run(base, name, *, stateful=False, before=None, after=None, scale=1.0, **options):
    """Runs a LibMTL class over the steps of an input."""
    rows, model = [], None
    triple = options.pop("triple", None)
    for step, (losses, jacobian) in enumerate(steps_of(name)):
        if triple:
            options["triple"] = [scale * each for each in triple(name, step)]
        if model is None or not stateful:
            model = shell(base, *jacobian.shape)
        if before is not None:
            before(model, step)
        rows.append(learn(model, losses, scale * jacobian, **options))
        if after is not None:
            after(model, step)
    return rows


def silent(rows):
    """Rows without the weights, where those a peer reports are not those it applied."""
    return [(update, None) for update, _ in rows]


def libmtl_plain(name, pypi, main):
    """Methods of a few operations, from the release."""
    tasks = len(INPUTS[name]["losses"][0])
    more = {"version": PYPI, "tolerance": 1e-10}
    add("equal", "EW", name, run(pypi.EW, name), **more)
    add("gls", "GLS", name, silent(run(pypi.GLS, name)), **more)

    def record(model, step):
        model.epoch = step
        model.train_loss_buffer[:, :step] = np.transpose(INPUTS[name]["losses"][:step])

    add(
        "dwa",
        "DWA",
        name,
        run(pypi.DWA, name, stateful=True, before=record, T=2.0),
        options={"T": 2.0},
        ours={"temperature": 2.0},
        stateful=True,
        epochs=[0, 1, 2, 3],
        **more,
    )
    aligned = silent(run(main.Aligned_MTL, name))
    add(
        "aligned-mtl",
        "Aligned_MTL",
        name,
        aligned,
        ours={"scale": "min"},
        factor=1 / tasks,
        tolerance=1e-10,
        note="torch.symeig, gone from torch, stands in as torch.linalg.eigh.",
    )
    eps = {"UPGrad_norm_eps": 1e-12, "UPGrad_reg_eps": 0.0}
    rows = run(main.UPGrad, name, **eps)
    add("upgrad", "UPGrad", name, rows, options=eps, tolerance=1e-10)
    warm = {"STCH_mu": 1.0, "STCH_warmup_epoch": 4}
    rows = silent(run(main.STCH, name, **warm))
    note = "The warm-up of STCH, epoch 0."
    add("log", "STCH", name, rows, options=warm, tolerance=1e-10, note=note)


def libmtl_learned(name, pypi):
    """Methods with a learned parameter `loss_scale`, moved by SGD."""

    def learning(rate, start=None):
        def before(model, step):
            if step == 0:
                if start is not None:
                    model.loss_scale.data.fill_(start)
                model.optimizer = torch.optim.SGD([model.loss_scale], lr=rate)
            model.optimizer.zero_grad()

        return {"before": before, "after": lambda model, _: model.optimizer.step()}

    sgd = {"optimizer": "SGD", "learning_rate": 0.1}
    more = {"version": PYPI, "stateful": True, "tolerance": 1e-10}
    ours = {"regularizer": "log", "factors": 0.5}
    rows = run(pypi.UW, name, stateful=True, **learning(0.1, 0.0))
    add("uncertainty", "UW", name, rows, options=sgd | {"loss_scale": 0.0}, ours=ours | sgd, **more)
    rows = run(pypi.UW, name, stateful=True, **learning(0.1))
    note = "LibMTL starts s at −0.5, ours at 0; all else is alike."
    more = {"same": False, "note": note} | more
    add("uncertainty", "UW", name, rows, options=sgd, ours=ours | sgd, **more)

    rows = run(pypi.IMTL, name, stateful=True, **learning(0.1))
    add(
        "imtl",
        "IMTL",
        name,
        rows,
        options=sgd,
        ours=sgd,
        version=PYPI,
        stateful=True,
        tolerance=1e-10,
        note="The weights are the α, to be applied to e^{s_i} g_i.",
    )

    slow = learning(0.025)

    def before(model, step):
        model.epoch = 1
        model.train_loss_buffer[:, 0] = INPUTS[name]["losses"][0]
        slow["before"](model, step)

    rows = run(pypi.GradNorm, name, stateful=True, before=before, after=slow["after"], alpha=1.5)
    add(
        "gradnorm",
        "GradNorm",
        name,
        rows,
        options={"alpha": 1.5, "optimizer": "SGD", "learning_rate": 0.025},
        ours={"alpha": 1.5, "optimizer": "SGD", "learning_rate": 0.025},
        version=PYPI,
        stateful=True,
        same=False,
        note="The weights are T·softmax of the learned parameter in place of the parameter itself "
        "renormalised, and the losses at the start are the means of epoch 0, which has no "
        "balancing, in place of the first step's (given here: the first step's).",
    )


CLIP = "A two-task weight at the edge of the simplex is set to 0.999 and 0.001 in place of 1 and 0."
STALL = (
    "With more than two tasks it can stall where a weight comes close to 0 without reaching it: "
    "the step is cut short there, and a change below 1e-5 ends the search, off the least norm."
)


def libmtl_mgda(name, pypi, main):
    """MGDA with its four normalizations; the release's loop for T > 2 need not end."""
    tasks = len(INPUTS[name]["losses"][0])
    base, version = (pypi.MGDA, PYPI) if tasks == 2 else (main.MGDA, MAIN)
    for kind in ("none", "l2", "loss", "loss+"):
        rows = run(base, name, mgda_gn=kind)
        good = []
        for (update, weights), (losses, jacobian) in zip(rows, steps_of(name), strict=True):
            norms = jacobian.norm(dim=1)
            scale = {"none": losses**0, "l2": norms, "loss": losses, "loss+": losses * norms}
            square = update @ update
            gap = square - (jacobian / scale[kind][:, None] @ update).min()  # ≥ distance²
            exact = abs(float(max(weights)) - 0.999) > 1e-12
            good.append(exact if tasks == 2 else bool(gap < 1e-3 * square))
        parts = [
            (good, {"tolerance": 1e-10 if tasks == 2 else 1e-3}),
            ([not g for g in good], {"same": False, "note": CLIP if tasks == 2 else STALL}),
        ]
        more = {"options": {"mgda_gn": kind}, "ours": {"normalization": kind}, "version": version}
        add_parted(parts, "mgda", "MGDA", name, rows, **more)


def libmtl_solved(name, main):
    """Methods with a solver, from the main branch."""
    for c in (0.5, 0.2):
        options = {"calpha": c, "rescale": 0}
        rows = silent(run(main.CAGrad, name, **options))
        add("cagrad", "CAGrad", name, rows, options=options, ours={"c": c}, tolerance=2e-3)
    options = {"update_weights_every": 1, "optim_niter": 1000, "max_norm": 0.0}
    add_nash("Nash_MTL", name, run(main.Nash_MTL, name, **options), options=options)
    for alpha in (1.0, 2.0):
        options = {"FairGrad_alpha": alpha}
        rows = run(main.FairGrad, name, **options)
        ours = {"alpha": alpha}
        add("fairgrad", "FairGrad", name, rows, options=options, ours=ours, tolerance=1e-8)


def libmtl_random(name, pypi, main):
    """PCGrad, GradVac and GradDrop, with what they drew."""
    tasks = len(INPUTS[name]["losses"][0])
    random.seed(1)
    with recorded(random, "shuffle") as drawn:
        rows = run(pypi.PCGrad, name)
    orders = without_self(drawn, tasks)
    more = {"version": PYPI, "orders": orders, "tolerance": 1e-10}
    add("pcgrad", "PCGrad", name, rows, **more)

    for beta in (0.01, 0.5):
        options = {"GradVac_beta": beta, "GradVac_group_type": 0}
        more = {"ours": {"beta": beta}, "stateful": True}
        with recorded(random, "shuffle") as drawn:
            rows = silent(run(main.GradVac, name, stateful=True, **options))
        more["orders"] = without_self(drawn, tasks)
        add("gradvac", "GradVac", name, rows, options=options, tolerance=1e-6, **more)
    with recorded(random, "shuffle") as drawn:
        rows = silent(run(pypi.GradVac, name, stateful=True, beta=0.5))
    more["orders"] = without_self(drawn, tasks)
    add(
        "gradvac",
        "GradVac",
        name,
        rows,
        options={"beta": 0.5},
        version=PYPI,
        same=False,
        note="The release moves a target only where the cosine lies below it; the paper (and "
        "LibMTL's main) after every pair.",
        **more,
    )

    torch.manual_seed(2)
    rows = []
    with recorded(torch, "rand_like") as drawn:
        for losses, jacobian in steps_of(name):
            model = shell(main.GradDrop, *jacobian.shape, rep_grad=True)
            model.rep = model.encoder.theta.view(1, -1) * 1.0
            copies = model.rep.detach().repeat(tasks, 1)
            model.rep_tasks = [copies[i : i + 1].clone().requires_grad_() for i in range(tasks)]
            given = [
                loss + ((rep - rep.detach()) @ row).sum()
                for loss, rep, row in zip(losses, model.rep_tasks, jacobian, strict=True)
            ]
            model.backward(given, leak=0.0)
            rows.append((model.encoder.theta.grad.clone(), None))
    add(
        "graddrop",
        "GradDrop",
        name,
        rows,
        options={"leak": 0.0},
        ours={"leak": 0.0},
        uniform=drawn,
        tolerance=1e-10,
        note="On the gradient of a representation of ones, batch of one, handed on to θ as it is.",
    )


def libmtl_stateful(name, main):
    """Stateful methods of the main branch."""
    options = {
        "MoCo_beta": 0.5,
        "MoCo_beta_sigma": 0.5,
        "MoCo_gamma": 0.1,
        "MoCo_gamma_sigma": 0.5,
        "MoCo_rho": 0,
    }
    add(
        "moco",
        "MoCo",
        name,
        run(main.MoCo, name, stateful=True, **options),
        options=options,
        ours={key.removeprefix("MoCo_"): value for key, value in options.items()},
        stateful=True,
        same=False,
        note="Gradients are first scaled to the norm of their loss, and λ is mapped to the "
        "simplex by a softmax in place of the Euclidean projection of the paper.",
    )
    options = {"DB_beta": 0.9, "DB_beta_sigma": 0.5}
    rows = silent(run(main.DB_MTL, name, stateful=True, **options))
    ours = {"beta": 0.9, "beta_sigma": 0.5}
    more = {"options": options, "ours": ours, "stateful": True, "tolerance": 1e-6}
    add("db-mtl", "DB_MTL", name, rows, **more)

    for size in (0.01, 1.0):
        options = {"robust_step_size": size}
        rows = run(main.ExcessMTL, name, stateful=True, **options)
        more = {"options": options, "ours": {"step_size": size}, "stateful": True}
        add("excess-mtl", "ExcessMTL", name, rows, tolerance=1e-10, **more)

    options = {"STCH_mu": 0.5, "STCH_warmup_epoch": 0}
    epochs = [0, 0, 1, 1]

    def at_epoch(model, step):
        model.epoch = epochs[step]

    with contextlib.redirect_stdout(None):
        rows = silent(run(main.STCH, name, stateful=True, before=at_epoch, **options))
    add(
        "stch",
        "STCH",
        name,
        rows,
        options=options,
        ours={"mu": 0.5, "warmup_epochs": 1},
        stateful=True,
        epochs=epochs,
        tolerance=1e-10,
        note="LibMTL warms up in the epochs 0 … STCH_warmup_epoch, both counted: its option is "
        "ours less 1.",
    )
    libmtl_famo(name, main)

    options = {"SDMGrad_lamda": 0.3, "SDMGrad_niter": 20}
    once = lambda name, step: [jacobians_of(name)[step]] * 3  # noqa: E731
    rows = silent(run(main.SDMGrad, name, stateful=True, scale=BIG, triple=once, **options))
    add(
        "sdmgrad",
        "SDMGrad",
        name,
        rows,
        options=options,
        ours=SDMGRAD | {"independent": False},
        stateful=True,
        factor=1 / BIG,
        tolerance=1e-8,
        note="Its three batches are one and the same here; np.alltrue, gone from NumPy, stands in "
        "as np.all." + LARGE,
    )


def libmtl_famo(name, main):
    """FAMO with its own Adam, and with SGD in that place."""
    options = {"FAMO_w_lr": 0.025, "FAMO_w_gamma": 1e-3}
    new = torch.tensor(INPUTS[name]["new_losses"])
    for optimizer, rate in (("Adam", 0.025), ("SGD", 1.5)):

        def before(model, step, kind=optimizer):
            if step == 0:
                model.w_opt = getattr(torch.optim, kind)([model.w], lr=0.0)

        rows = run(
            main.FAMO,
            name,
            stateful=True,
            before=before,
            after=lambda model, step: model.update_w(new[step]),
            **options | {"FAMO_w_lr": rate},
        )
        add(
            "famo",
            "FAMO",
            name,
            silent(rows),
            options=options | {"FAMO_w_lr": rate, "optimizer": optimizer},
            ours={"learning_rate": rate, "gamma": 1e-3, "optimizer": optimizer},
            stateful=True,
            tolerance=1e-10,
            note=ADAM if optimizer == "Adam" else "Its optimizer of the weights replaced by SGD.",
        )


# ---- several batches ---------------------------------------------------------------------------


def jacobians_of(name):
    """Those of each step."""
    return [jacobian for _, jacobian in steps_of(name)]


def following(name, step, offset):
    """The Jacobian of the batch of a number in a step."""
    return jacobians_of(name)[(step + offset) % STEPS]


def libmtl_double(name, main):
    """Weights by two batches, the update by a third: the peers take the third last, or first."""
    options = {"MoDo_gamma": 0.2, "MoDo_rho": 0.1}
    rows = run(
        main.MoDo,
        name,
        stateful=True,
        triple=lambda name, step: [following(name, step, b) for b in (1, 2, 0)],
        **options,
    )
    more = {"stateful": True, "batches": 3}
    ours = {"gamma": 0.2, "rho": 0.1}
    add("modo", "MoDo", name, rows, options=options, ours=ours, tolerance=1e-10, **more)
    pairs = [(following(name, step, 1), following(name, step, 2)) for step in range(STEPS)]
    if not all(((one * other).sum(1) > 0).any() for one, other in pairs):
        return  # its scale is 0 in a step, and it has NaN from there
    options = {"SDMGrad_lamda": 0.3, "SDMGrad_niter": 20}
    rows = run(
        main.SDMGrad,
        name,
        stateful=True,
        scale=BIG,
        triple=lambda name, step: [following(name, step, b) for b in (0, 1, 2)],
        **options,
    )
    add(
        "sdmgrad",
        "SDMGrad",
        name,
        silent(rows),
        options=options,
        ours=SDMGRAD,
        factor=1 / BIG,
        tolerance=1e-8,
        note="np.alltrue, gone from NumPy, stands in as np.all." + LARGE,
        **more,
    )


class Linear(torch.nn.Module):
    """Losses l + J θ of a batch (l, J), at θ = 0."""

    def __init__(self, size):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.zeros(size))

    def forward(self, batch):
        losses, jacobian = batch
        return losses + jacobian @ self.theta


class Weights(torch.nn.Module):
    """As LibMTL's `TW`: the loss weighed by a softmax."""

    def __init__(self, tasks):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.zeros(tasks))

    def forward(self, losses):
        return torch.softmax(self.weights, -1) @ losses


LAG = "The peer's weights before they move: ours move after the step."


def learner(trainer, tasks, size, **arguments):
    """What the functions of LibMTL's trainer ask of it, with plain descent of the weights."""
    model, weights = Linear(size), Weights(tasks)

    def losses_of(model, inputs, _, return_preds=False):
        losses = model(inputs)
        return (losses, None) if return_preds else losses

    return types.SimpleNamespace(
        model=model,
        tw=weights,
        tw_optimizer=torch.optim.SGD(weights.parameters(), lr=0.3),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.0),
        kwargs={"weight_args": arguments},
        forward4loss=losses_of,
        multi_input=False,
        task_num=tasks,
        task_name=list(range(tasks)),
        device=torch.device("cpu"),
        meter=types.SimpleNamespace(update=lambda *_: None),
        _process_data=lambda batch: (batch, None),
    )


def libmtl_bilevel(name, trainer):
    """MOML and FORUM, whose steps LibMTL's trainer makes."""
    steps = list(steps_of(name))
    tasks, size = steps[0][1].shape
    told = learner(trainer, tasks, size, inner_step=1, inner_lr=0.1)
    rows = []
    for step, (losses, jacobian) in enumerate(steps):
        weights = torch.softmax(told.tw.weights.detach(), -1).clone()
        rows.append((weights @ jacobian, weights))
        outer = (losses, following(name, step, 1))
        inner = (losses, jacobian)
        trainer.bacth_forward_MOML(told, inner, None, outer, None, inner)
    add(
        "moml",
        "MOML",
        name,
        rows,
        options={"inner_lr": 0.1, "optimizer": "SGD", "learning_rate": 0.3},
        ours={"inner_learning_rate": 0.1, "learning_rate": 0.3},
        stateful=True,
        batches=2,
        tolerance=1e-8,
        note=LAG,
    )
    told = learner(trainer, tasks, size, FORUM_phi=0.1, inner_step=2, inner_lr=0.05)
    rows, ends, kept, epochs = [], [], np.zeros(tasks), [0, 0, 1, 1]
    for step, (losses, jacobian) in enumerate(steps):
        weights = torch.softmax(told.tw.weights.detach(), -1)
        ends.append(numbers(losses - 2 * 0.05 * jacobian @ (weights @ jacobian)))
        outer = (losses, following(name, step, 1))
        kept = trainer.bacth_forward_FORUM(
            told, (losses, jacobian), None, outer, None, kept, epochs[step]
        )
        rows.append((told.model.theta.grad.detach().clone(), None))
    add(
        "forum",
        "FORUM",
        name,
        rows,
        options={"FORUM_phi": 0.1, "inner_step": 2, "inner_lr": 0.05, "learning_rate": 0.3},
        ours={"rho": 0.1, "inner_steps": 2, "inner_learning_rate": 0.05, "learning_rate": 0.3},
        stateful=True,
        epochs=epochs,
        ahead=ends,
        batches=2,
        tolerance=1e-4,
        note="Its quadratic problem is solved by cvxpy, of a square root of the Gramian.",
    )


def authors_auto_lambda(name, module):
    """Auto-Lambda, by its authors' finite differences."""
    steps = list(steps_of(name))
    tasks, size = steps[0][1].shape

    class Told(module.AutoLambda):
        def model_fit(self, losses, _):
            return list(losses)

    names = list(range(tasks))
    for primary in (names, names[:1]):
        model = Linear(size)
        told = Told(model, torch.device("cpu"), names, primary)
        optimizer = torch.optim.SGD([told.meta_weights], lr=0.3)
        plain = torch.optim.Adam(model.parameters(), lr=0.1)  # without momentum's buffer
        rows = []
        for step, (losses, jacobian) in enumerate(steps):
            weights = told.meta_weights.detach().clone()
            rows.append((weights @ jacobian, weights))
            outer = (losses, following(name, step, 1))
            told.unrolled_backward((losses, jacobian), None, outer, None, 0.1, plain)
            optimizer.step()
        ours = {"inner_learning_rate": 0.1, "learning_rate": 0.3, "initial": 0.1}
        add(
            "auto-lambda",
            "AutoLambda",
            name,
            rows,
            peer="auto-lambda",
            options={"primary": primary, "weight_init": 0.1, "alpha": 0.1, "learning_rate": 0.3},
            ours=ours if len(primary) > 1 else ours | {"primary": "task_0"},
            stateful=True,
            batches=2,
            tolerance=1e-8,
            note=LAG,
        )


def load_trainer(directory):
    """LibMTL's trainer, without what it asks for beside it."""
    beside = ("torch_geometric", "LibMTL._record", "LibMTL.utils", "LibMTL.architecture")
    for each in beside:
        sys.modules[each] = types.ModuleType(each)
    package = sys.modules["LibMTL"] = types.ModuleType("LibMTL")
    package.__path__ = [str(directory)]
    sys.modules["LibMTL._record"]._PerformanceMeter = None
    sys.modules["LibMTL.utils"].count_parameters = sys.modules["LibMTL.utils"].set_param = None
    package.architecture = sys.modules["LibMTL.architecture"]
    return importlib.import_module("LibMTL.trainer").Trainer


def load_auto_lambda(directory):
    """The authors' module, without their data sets' utilities."""
    sys.modules["utils"] = types.ModuleType("utils")
    sys.modules["utils"].torch = torch
    spec = importlib.util.spec_from_file_location("auto_lambda", Path(directory, "auto_lambda.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- all ---------------------------------------------------------------------------------------


def main(directory, auto_lambda):
    """Runs all of it and writes the JSON beside this file."""
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    release = importlib.util.find_spec("LibMTL").submodule_search_locations[0]
    pypi, newer = load_libmtl(release), load_libmtl(directory)
    setattr(np, "alltrue", np.all)  # noqa: B010
    torch.symeig = lambda matrix, eigenvectors: torch.linalg.eigh(matrix)
    for name in INPUTS:
        torchjd_exact(name)
        torchjd_solved(name)
        torchjd_random(name)
        torchjd_stateful(name)
        torchjd_scalarizers(name)
        libmtl_plain(name, pypi, newer)
        libmtl_learned(name, pypi)
        libmtl_mgda(name, pypi, newer)
        libmtl_solved(name, newer)
        libmtl_random(name, pypi, newer)
        libmtl_stateful(name, newer)
    trainer, authors = load_trainer(directory), load_auto_lambda(auto_lambda)
    for name in INPUTS:
        libmtl_double(name, newer)
        libmtl_bilevel(name, trainer)
        authors_auto_lambda(name, authors)
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in OUTPUTS)
    inputs = ",\n".join(f"{json.dumps(key)}: {json.dumps(INPUTS[key])}" for key in INPUTS)
    text = f'{{"inputs": {{\n{inputs}\n}},\n"outputs": [\n{lines}\n]}}\n'
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
