"""Reference implementations of the weighting strategies, in NumPy and SciPy (float64).

They follow the definitions in the papers by generic means (enumeration of supports,
`scipy.optimize`, linear systems), so that they share neither code nor derivation with the
plugins they check. Each takes `losses` [S, T] and `jacobians` [S, T, P] of S consecutive steps
from a fresh state and returns the S updates, each [P].

`CLAIMS` has, for the strategies whose paper states what the update satisfies, a function of one
step's losses, Jacobian and update that returns residuals, about 0 where the statement holds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, product

import numpy as np
from scipy import optimize

Array = np.ndarray

# --- shared ---------------------------------------------------------------------------------------


def _norms(rows: Array) -> Array:
    return np.linalg.norm(rows, axis=1)


def _units(rows: Array) -> Array:
    """The rows at length 1; a row of zeros stays one."""
    norms = _norms(rows)
    return rows / np.where(norms > 0, norms, 1.0)[:, None]


def _supports(count: int) -> Iterator[list[int]]:
    """The non-empty subsets of range(count)."""
    for size in range(1, count + 1):
        yield from map(list, combinations(range(count), size))


def _softmax(x: Array) -> Array:
    exps = np.exp(x - np.max(x))
    return exps / exps.sum()


def _project_on_simplex(point: Array) -> Array:
    """The nearest point of {w ≥ 0, Σ w = 1}: nearest among the feasible ones of every face."""
    best, least = point, np.inf
    for support in _supports(len(point)):
        w = np.zeros_like(point)
        w[support] = point[support] - (point[support].sum() - 1) / len(support)
        distance = float(np.sum((w - point) ** 2))
        if w.min() >= 0 and distance < least:
            best, least = w, distance
    return best


def _least_norm_in_hull(rows: Array) -> Array:
    """The point of least norm in the convex hull of `rows`.

    It is the point of least norm in the affine hull of some affinely independent rows, with
    weights that are not negative; so take the shortest of those over all supports.
    """
    best, least = rows[0], np.inf
    for support in _supports(len(rows)):
        first, others = rows[support[0]], rows[support[1:]]
        z = np.linalg.lstsq((others - first).T, -first, rcond=None)[0]
        w = np.concatenate([[1 - z.sum()], z])
        if w.min() < 0:
            continue
        point = w @ rows[support]
        if np.linalg.norm(point) < least:
            best, least = point, float(np.linalg.norm(point))
    return best


def _project_on_dual_cone(jacobian: Array, vector: Array) -> Array:
    """The nearest d to `vector` with J d ≥ 0.

    By Moreau's decomposition it is vector + Jᵀ v for the v ≥ 0 that makes it shortest.
    """
    units = _units(jacobian)  # the same cone
    size = np.linalg.norm(vector)
    if size == 0:
        return vector
    v, _ = optimize.nnls(units.T, -vector / size)
    support = np.flatnonzero(v > 0)
    # once more on nnls' support, for the last digits
    polished = np.linalg.lstsq(units[support].T, -vector, rcond=None)[0]
    return vector + polished @ units[support]


def _least_distance(jacobian: Array, bounds: Array) -> Array | None:
    """The shortest e with J e ≥ bounds, None if there is none (Lawson & Hanson 1974, LDP)."""
    stacked = np.vstack([jacobian.T, bounds])
    unit = np.zeros(len(stacked))
    unit[-1] = 1.0
    v, _ = optimize.nnls(stacked, unit)
    residual = stacked @ v - unit
    if abs(residual[-1]) < 1e-14:
        return None
    return -residual[:-1] / residual[-1]


def _nash_weights(gramian: Array) -> Array:
    """w > 0 with G w = 1 / w: the minimum of w·G w / 2 − Σ log w, strictly convex.

    Searched in x, where w_i = exp(x_i) / ‖g_i‖, from a few starts.
    """
    alone = np.diag(gramian) ** -0.5
    gramian = alone[:, None] * gramian * alone

    def objective(x: Array) -> tuple[float, Array]:
        w = np.exp(x)
        return float(w @ gramian @ w / 2 - x.sum()), w * (gramian @ w) - 1

    count = len(gramian)
    random = np.random.default_rng(0)
    starts = [np.zeros(count), *random.normal(size=(4, count))]
    options = {"ftol": 1e-15, "gtol": 1e-10}
    found = [
        optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        for start in starts
    ]
    return alone * np.exp(min(found, key=lambda result: result.fun).x)


def _fair_weights(jacobian: Array, alpha: float) -> Array:
    """w > 0 with G w = w^(−1/alpha), which is unique (a strictly convex function's minimum).

    Found for exponents that go from 1 to `alpha`, as the root in log w, each from the one before.
    """
    gramian = jacobian @ jacobian.T

    def residual(x: Array, a: float) -> Array:
        return np.exp(x / a) * (gramian @ np.exp(x)) - 1

    def derivative(x: Array, a: float) -> Array:
        w = np.exp(x)
        return np.exp(x / a)[:, None] * (gramian * w + np.diag(gramian @ w) / a)

    with np.errstate(over="ignore", invalid="ignore"):
        x = np.log(_nash_weights(gramian))
        for a in [1.0] if alpha == 1 else np.geomspace(1, alpha, 17):
            x = optimize.root(residual, x, args=(a,), jac=derivative, tol=1e-14).x
    worst = float(np.max(np.abs(residual(x, alpha))))
    if not worst < 1e-9:
        raise ValueError(f"no weights found: residual {worst:g}")
    return np.exp(x)


def _ended_epochs(losses: Array, epochs: Sequence[int]) -> Iterator[list[Array]]:
    """For each step the mean losses of the epochs that ended before it."""
    ended: list[Array] = []
    first = 0
    for k, epoch in enumerate(epochs):
        if epoch > epochs[first]:
            ended = [*ended, losses[first:k].mean(axis=0)]
            first = k
        yield ended


# --- weights of the losses ------------------------------------------------------------------------


def equal(losses: Array, jacobians: Array) -> list[Array]:
    """The sum of the losses."""
    return [jacobian.sum(axis=0) for jacobian in jacobians]


def fixed(
    losses: Array, jacobians: Array, *, weights: Sequence[float] | None = None
) -> list[Array]:
    """Given weights, 1 by default."""
    w = np.ones(losses.shape[1]) if weights is None else np.asarray(weights, float)
    return [w @ jacobian for jacobian in jacobians]


def uncertainty(
    losses: Array,
    jacobians: Array,
    *,
    factors: Sequence[float] | None = None,
    initial: Sequence[float] | None = None,
    regularizer: str = "log",
) -> list[Array]:
    """Homoscedastic uncertainty, s_i = log σ_i² kept at `initial` (default 0).

    Kendall, Gal & Cipolla, CVPR 2018; "positive": Liebel & Körner, arXiv:1805.06334, 2018. Weights
    are 1 / (2 σ²) (regression) and 1 / σ² (classification), as `factors` (default ½) says.
    """
    count = losses.shape[1]
    variance = np.exp(np.zeros(count) if initial is None else np.asarray(initial, float))
    if regularizer == "log":
        w = (np.full(count, 0.5) if factors is None else np.asarray(factors, float)) / variance
    elif regularizer == "positive":
        w = 0.5 / variance
    else:
        raise ValueError(regularizer)
    return [w @ jacobian for jacobian in jacobians]


def rlw(losses: Array, jacobians: Array, *, weights: Array) -> list[Array]:
    """Random loss weighting (Lin et al., TMLR 2022) with the `weights` [S, T] drawn elsewhere."""
    return [w @ jacobian for w, jacobian in zip(np.asarray(weights), jacobians, strict=True)]


def dwa(
    losses: Array, jacobians: Array, *, epochs: Sequence[int], temperature: float = 2.0
) -> list[Array]:
    """Dynamic weight average (Liu, Johns & Davison, CVPR 2019)."""
    updates = []
    for ended, jacobian in zip(_ended_epochs(losses, epochs), jacobians, strict=True):
        count = len(jacobian)
        w = np.ones(count)
        if len(ended) >= 2:
            w = count * _softmax(ended[-1] / ended[-2] / temperature)
        updates.append(w @ jacobian)
    return updates


def auxiliary(
    losses: Array, jacobians: Array, *, epochs: Sequence[int], by_epoch: Sequence[float]
) -> list[Array]:
    """The first task, and the others by the weight of the epoch (Belharbi et al., ESANN 2016)."""
    steps = zip(_ended_epochs(losses, epochs), jacobians, strict=True)
    return [jacobian[0] + by_epoch[len(ended)] * jacobian[1:].sum(0) for ended, jacobian in steps]


def gls(losses: Array, jacobians: Array) -> list[Array]:
    """The geometric mean of the losses (Chennupati et al., CVPR Workshops 2019)."""
    updates = []
    for loss, jacobian in zip(losses, jacobians, strict=True):
        count = len(loss)
        # product rule on Π L_i, then the chain rule on its root
        of_product = sum(np.prod(np.delete(loss, i)) * jacobian[i] for i in range(count))
        updates.append(np.prod(loss) ** (1 / count - 1) / count * of_product)
    return updates


def log(losses: Array, jacobians: Array) -> list[Array]:
    """The sum of the losses' logarithms (as in DB-MTL, Lin et al., 2023)."""
    return [
        (jacobian / loss[:, None]).sum(axis=0)
        for loss, jacobian in zip(losses, jacobians, strict=True)
    ]


def stch(
    losses: Array,
    jacobians: Array,
    *,
    epochs: Sequence[int],
    mu: float = 1.0,
    warmup_epochs: int = 4,
) -> list[Array]:
    """Smooth Tchebycheff scalarization (Lin et al., ICML 2024) of the logarithms of the losses."""
    updates = []
    steps = zip(losses, jacobians, _ended_epochs(losses, epochs), strict=True)
    for loss, jacobian, ended in steps:
        count = len(loss)
        of_log = jacobian / loss[:, None]
        if len(ended) < warmup_epochs:
            updates.append(of_log.sum(axis=0))
            continue
        nadir = ended[warmup_epochs - 1] if warmup_epochs else np.ones(count)
        updates.append(count * _softmax(np.log(loss / nadir) / mu) @ of_log)
    return updates


def uw_so(losses: Array, jacobians: Array, *, temperature: float = 1.0) -> list[Array]:
    """Soft optimal uncertainty weighting (Kirchdorfer et al., GCPR 2024)."""
    return [
        _softmax(1 / (loss * temperature)) @ jacobian
        for loss, jacobian in zip(losses, jacobians, strict=True)
    ]


def go4align(
    losses: Array, jacobians: Array, *, groups: int = 2, step_size: float = 1e-4
) -> list[Array]:
    """GO4Align (Shen et al., NeurIPS 2024), its groups the best of all assignments of the tasks."""
    count = losses.shape[1]
    groups = min(groups, count)
    p = np.full(count, 1 / count)
    updates = []
    for loss, jacobian in zip(losses, jacobians, strict=True):
        p = p * np.exp(-step_size * loss)
        p = p / p.sum()
        indicators = p * loss.sum() / loss
        best, least = indicators, np.inf
        for assigned in product(range(groups), repeat=count):
            if len(set(assigned)) < groups:
                continue
            members = [np.array(assigned) == group for group in assigned]
            w = np.array([indicators[same].mean() for same in members])
            spread = float(np.sum((indicators - w) ** 2))
            if spread < least:
                best, least = w, spread
        updates.append(best @ jacobian)
    return updates


def imtl_l(losses: Array, jacobians: Array, *, learning_rate: float) -> list[Array]:
    """Impartial learning, loss part: Σ e^s L − s (Liu et al., ICLR 2021), s by plain SGD."""
    s = np.zeros(losses.shape[1])
    updates = []
    for loss, jacobian in zip(losses, jacobians, strict=True):
        updates.append(np.exp(s) @ jacobian)
        s = s - learning_rate * (np.exp(s) * loss - 1)
    return updates


def famo(
    losses: Array,
    jacobians: Array,
    *,
    new_losses: Array,
    learning_rate: float = 0.025,
    gamma: float = 1e-3,
) -> list[Array]:
    """Fast adaptive multitask optimization (Liu et al., NeurIPS 2023), w by plain SGD."""
    small = 1e-8
    w = np.zeros(losses.shape[1])
    updates = []
    for loss, new_loss, jacobian in zip(losses, new_losses, jacobians, strict=True):
        z = _softmax(w)
        share = z / (loss + small)
        updates.append(share / share.sum() @ jacobian)
        delta = np.log(loss + small) - np.log(new_loss + small)
        softmax_jacobian = np.diag(z) - np.outer(z, z)
        w = w - learning_rate * (softmax_jacobian.T @ delta + gamma * w)
    return updates


def gradnorm(
    losses: Array, jacobians: Array, *, alpha: float = 1.5, learning_rate: float = 0.025
) -> list[Array]:
    """GradNorm (Chen et al., ICML 2018, Algorithm 1), w by plain SGD."""
    count = losses.shape[1]
    w = np.ones(count)
    updates = []
    for loss, jacobian in zip(losses, jacobians, strict=True):
        updates.append(w @ jacobian)
        norms = w * _norms(jacobian)
        ratio = loss / losses[0]
        target = norms.mean() * (ratio / ratio.mean()) ** alpha
        w = w - learning_rate * np.sign(norms - target) * _norms(jacobian)
        w = w * count / w.sum()
    return updates


def excess_mtl(losses: Array, jacobians: Array, *, step_size: float = 0.01) -> list[Array]:
    """Weights by estimated excess risks (He et al., ICML 2024)."""
    count = losses.shape[1]
    w = np.ones(count)
    squares = np.zeros_like(jacobians[0])
    initial = None
    updates = []
    for jacobian in jacobians:
        squares = squares + jacobian**2
        excess = np.sum(jacobian**2 / np.sqrt(squares + 1e-7), axis=1)
        if initial is None:
            initial = excess
        else:
            w = w * np.exp(step_size * excess / initial)
            w = w * count / w.sum()
        updates.append(w @ jacobian)
    return updates


# --- changes of the gradients ---------------------------------------------------------------------


def pcgrad(
    losses: Array, jacobians: Array, *, orders: Sequence[Sequence[Iterable[int]]]
) -> list[Array]:
    """Projection of conflicting gradients (Yu et al., NeurIPS 2020, Algorithm 1)."""
    updates = []
    for jacobian, order in zip(jacobians, orders, strict=True):
        total = np.zeros(jacobian.shape[1])
        for i, others in enumerate(order):
            g = jacobian[i].copy()
            for j in others:
                dot = g @ jacobian[j]
                if dot < 0:
                    g -= dot / (jacobian[j] @ jacobian[j]) * jacobian[j]
            total += g
        updates.append(total)
    return updates


def _vaccinated(g: Array, other: Array, target: float) -> Array:
    """g + a·other with the a for which its cosine with `other` is `target`, by bisection."""
    unit, other_unit = g / np.linalg.norm(g), other / np.linalg.norm(other)

    def excess(a: float) -> float:
        moved = unit + a * other_unit
        return float(moved @ other_unit / np.linalg.norm(moved)) - target

    high = 1.0
    while excess(high) < 0:
        high *= 2
    a = optimize.brentq(excess, 0.0, high, xtol=1e-15, rtol=1e-15)
    return g + a * np.linalg.norm(g) * other_unit


def gradvac(
    losses: Array,
    jacobians: Array,
    *,
    orders: Sequence[Sequence[Iterable[int]]],
    beta: float = 0.01,
) -> list[Array]:
    """Gradient vaccine (Wang et al., ICLR 2021, Algorithm 1), all parameters as one group."""
    count = losses.shape[1]
    targets = np.zeros((count, count))
    updates = []
    for jacobian, order in zip(jacobians, orders, strict=True):
        total = np.zeros(jacobian.shape[1])
        for i, others in enumerate(order):
            g = jacobian[i]
            for j in others:
                norms = np.linalg.norm(g) * np.linalg.norm(jacobian[j])
                cosine = float(g @ jacobian[j] / norms) if norms > 0 else 0.0
                if cosine < targets[i, j]:
                    g = _vaccinated(g, jacobian[j], targets[i, j])
                targets[i, j] = (1 - beta) * targets[i, j] + beta * cosine
            total += g
        updates.append(total)
    return updates


def graddrop(
    losses: Array, jacobians: Array, *, uniform: Array, leak: float | Sequence[float] = 0.0
) -> list[Array]:
    """Gradient sign dropout (Chen et al., NeurIPS 2020, Algorithm 1) with given draws [S, P]."""
    updates = []
    for jacobian, draw in zip(jacobians, np.asarray(uniform), strict=True):
        leaks = np.broadcast_to(np.asarray(leak, float), len(jacobian))
        update = np.zeros(jacobian.shape[1])
        for p, column in enumerate(jacobian.T):
            size = np.abs(column).sum()
            positive = 0.5 * (1 + column.sum() / size) if size > 0 else 0.5
            for element, kept in zip(column, leaks, strict=True):
                keep = (element > 0 and positive > draw[p]) or (element < 0 and positive < draw[p])
                update[p] += (kept + (1 - kept) * keep) * element
        updates.append(update)
    return updates


def metabalance(
    losses: Array,
    jacobians: Array,
    *,
    sizes: Sequence[int] | None = None,
    target: int = 0,
    relax: float = 0.7,
    beta: float = 0.9,
) -> list[Array]:
    """MetaBalance (He et al., WWW 2022) for each block of columns (widths `sizes`) apart."""
    count, width = jacobians[0].shape
    ends = np.cumsum([width] if sizes is None else list(sizes))
    if ends[-1] != width:
        raise ValueError("sizes do not sum to the number of columns")
    blocks = [slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    average = np.zeros((len(blocks), count))
    updates = []
    for jacobian in jacobians:
        update = np.zeros(width)
        for m, block in zip(average, blocks, strict=True):
            m[:] = beta * m + (1 - beta) * _norms(jacobian[:, block])
            for i in range(count):
                g = jacobian[i, block]
                if i != target:
                    balanced = m[target] / m[i] * g if m[i] > 0 else g
                    g = relax * balanced + (1 - relax) * g
                update[block] += g
        updates.append(update)
    return updates


# --- weights of the gradients ---------------------------------------------------------------------


def _normalized(loss: Array, jacobian: Array, normalization: str) -> Array:
    """The gradients that MGDA works on."""
    divisors = {
        "none": np.ones(len(loss)),
        "l2": _norms(jacobian),
        "loss": loss,
        "loss+": loss * _norms(jacobian),
    }[normalization]
    return jacobian / np.where(divisors > 0, divisors, 1.0)[:, None]


def mgda(losses: Array, jacobians: Array, *, normalization: str = "none") -> list[Array]:
    """The common descent direction of least norm.

    Désidéri, C. R. Math. 2012; Sener & Koltun, NeurIPS 2018. That point of the convex hull of the
    gradients is unique, even where its weights are not.
    """
    return [
        _least_norm_in_hull(_normalized(loss, jacobian, normalization))
        for loss, jacobian in zip(losses, jacobians, strict=True)
    ]


def _best_of_worst(jacobian: Array, radius: float) -> Array:
    """The e of length 1 that maximises min_i g_i·(g_0 + radius·e), g_0 the mean gradient.

    Found by the t for which the shortest e with g_i·(g_0 + radius·e) ≥ t for all i has length 1.
    """
    norms = _norms(jacobian)
    gains = jacobian @ jacobian.mean(axis=0)  # with e = 0

    def shortest(t: float) -> Array | None:
        return _least_distance(_units(jacobian), (t - gains) / (radius * norms))

    def excess(t: float) -> float:
        e = shortest(t)
        return 1.0 if e is None else float(np.linalg.norm(e)) - 1

    low = np.min(gains)
    high = np.min(gains + radius * norms)  # e along one gradient: more is out of reach
    t = optimize.brentq(excess, low, high, xtol=1e-16, rtol=1e-15) if excess(high) > 0 else high
    e = shortest(t)
    if e is None or abs(np.linalg.norm(e) - 1) > 1e-6:
        raise ValueError("the gradients are (nearly) Pareto stationary")
    return e / np.linalg.norm(e)


def cagrad(losses: Array, jacobians: Array, *, c: float = 0.5) -> list[Array]:
    """Conflict-averse gradient descent (Liu et al., NeurIPS 2021).

    By its definition: the d with ‖d − g_0‖ ≤ c ‖g_0‖ that maximises min_i g_i·d.
    """
    updates = []
    for jacobian in jacobians:
        scale = np.max(_norms(jacobian))
        mean = jacobian.mean(axis=0) / scale
        radius = c * float(np.linalg.norm(mean))
        e = _best_of_worst(jacobian / scale, radius) if radius > 0 else np.zeros_like(mean)
        updates.append(scale * (mean + radius * e))
    return updates


def _impartial(jacobian: Array) -> Array:
    """α with Σ α = 1 for which Σ α_i g_i has equal projections on all gradients."""
    units = _units(jacobian)
    # row j: what the weights make of the projection on gradient j + 1 less that on the first
    differences = (units[1:] - units[0]) @ jacobian.T / np.max(_norms(jacobian))
    system = np.vstack([np.ones(len(units)), differences])
    return np.linalg.solve(system, np.eye(len(units))[0])


def imtl_g(losses: Array, jacobians: Array) -> list[Array]:
    """Impartial learning, gradient part (Liu et al., ICLR 2021)."""
    return [_impartial(jacobian) @ jacobian for jacobian in jacobians]


def imtl(losses: Array, jacobians: Array, *, learning_rate: float) -> list[Array]:
    """Impartial learning (Liu et al., ICLR 2021): the gradient part on the scaled losses."""
    s = np.zeros(losses.shape[1])
    updates = []
    for loss, jacobian in zip(losses, jacobians, strict=True):
        scaled = np.exp(s)[:, None] * jacobian
        updates.append(_impartial(scaled) @ scaled)
        s = s - learning_rate * (np.exp(s) * loss - 1)
    return updates


def nash_mtl(losses: Array, jacobians: Array) -> list[Array]:
    """The Nash bargaining solution (Navon et al., ICML 2022): G α = 1 / α, α > 0."""
    return [_fair_weights(jacobian, 1.0) @ jacobian for jacobian in jacobians]


def fairgrad(losses: Array, jacobians: Array, *, alpha: float = 2.0) -> list[Array]:
    """α-fair resource allocation (Ban & Ji, ICML 2024): G w = w^(−1/α), w > 0."""
    return [_fair_weights(jacobian, alpha) @ jacobian for jacobian in jacobians]


def _scale_of(singular_values: Array, scale: str) -> float:
    return {
        "min": np.min,
        "median": np.median,
        "rmse": lambda values: np.sqrt(np.mean(values**2)),
    }[scale](singular_values)


def aligned_mtl(losses: Array, jacobians: Array, *, scale: str = "min") -> list[Array]:
    """Independent component alignment (Senushkin et al., CVPR 2023).

    The nearest gradients with one common singular value (orthogonal Procrustes problem), averaged.
    """
    updates = []
    for jacobian in jacobians:
        left, values, right = np.linalg.svd(jacobian, full_matrices=False)
        rank = int(np.sum(values > values[0] * 1e-6))
        aligned = _scale_of(values[:rank], scale) * left[:, :rank] @ right[:rank]
        updates.append(aligned.mean(axis=0))
    return updates


def upgrad(losses: Array, jacobians: Array) -> list[Array]:
    """The mean of the gradients, each projected on the dual cone (Quinton & Rey, 2024)."""
    return [
        np.mean([_project_on_dual_cone(jacobian, g) for g in jacobian], axis=0)
        for jacobian in jacobians
    ]


def dualproj(losses: Array, jacobians: Array) -> list[Array]:
    """The mean gradient projected on the dual cone.

    Lopez-Paz & Ranzato, NeurIPS 2017 (GEM); so named by Quinton & Rey, 2024.
    """
    return [_project_on_dual_cone(jacobian, jacobian.mean(axis=0)) for jacobian in jacobians]


def config(losses: Array, jacobians: Array) -> list[Array]:
    """Conflict-free gradients (ConFIG; Liu, Chu & Thuerey, ICLR 2025)."""
    updates = []
    for jacobian in jacobians:
        x = np.linalg.lstsq(_units(jacobian), np.ones(len(jacobian)), rcond=None)[0]
        x = x / np.linalg.norm(x)
        updates.append(np.sum(jacobian @ x) * x)
    return updates


def pe_ltr(losses: Array, jacobians: Array, *, first: float = 0.0) -> list[Array]:
    """PE-LTR (Lin et al., RecSys 2019), c = `first` for the first task and 0 for the others.

    By the paper's substitution ω̂ = ω − c, which the system [G 1; 1ᵀ 0] [ω̂; λ] = [−G c; 1 − Σ c]
    solves, and the nearest point to it of what the bounds leave, moved back by c.
    """
    updates = []
    for jacobian in jacobians:
        count = len(jacobian)
        c = first * np.eye(count)[0]
        gramian = jacobian @ jacobian.T
        system = np.block([[gramian, np.ones([count, 1])], [np.ones([1, count]), np.zeros([1, 1])]])
        moved = np.linalg.solve(system, np.append(-gramian @ c, 1 - c.sum()))[:-1]
        left = 1 - c.sum()
        updates.append((left * _project_on_simplex(moved / left) + c) @ jacobian)
    return updates


def gradcraft(
    losses: Array, jacobians: Array, *, relax: float = 0.1, epsilon: float = 1e-10
) -> list[Array]:
    """GradCraft (Bai et al., KDD 2024), each gradient by its own least-squares change."""
    updates = []
    for jacobian in jacobians:
        norms = _norms(jacobian)
        crafted = (relax * norms.max() / norms + 1 - relax)[:, None] * jacobian
        lengths = _norms(crafted)
        done = []
        for g, length in zip(crafted, lengths, strict=True):
            conflict = crafted @ g < 0
            rows = crafted[conflict]
            wanted = epsilon * length * lengths[conflict] - rows @ g
            # the shortest change with these inner products
            done.append(g + np.linalg.lstsq(rows, wanted, rcond=None)[0])
        updates.append(np.mean(done, axis=0))
    return updates


# --- stochastic methods with a memory -------------------------------------------------------------


def moco(
    losses: Array,
    jacobians: Array,
    *,
    beta: float = 0.5,
    beta_sigma: float = 0.5,
    gamma: float = 0.1,
    gamma_sigma: float = 0.5,
    rho: float = 0.0,
) -> list[Array]:
    """Multi-objective gradient correction (MoCo; Fernando et al., ICLR 2023)."""
    count = losses.shape[1]
    y = np.zeros_like(jacobians[0])
    weights = np.full(count, 1 / count)
    updates = []
    for k, jacobian in enumerate(jacobians, 1):
        y = y - beta / k**beta_sigma * (y - jacobian)
        slope = (y @ y.T + rho * np.eye(count)) @ weights
        weights = _project_on_simplex(weights - gamma / k**gamma_sigma * slope)
        updates.append(weights @ y)
    return updates


def sdmgrad(
    losses: Array,
    jacobians: Array,
    *,
    lambda_: float = 0.3,
    iterations: int = 20,
    weight_learning_rate: float = 5.0,
    momentum: float = 0.5,
) -> list[Array]:
    """Direction-oriented stochastic gradient descent (SDMGrad; Xiao, Ban & Ji, NeurIPS 2023).

    Jacobians are `[steps, batches, T, P]`: of three batches, or of one in the place of three.
    """
    count = losses.shape[1]
    mean = np.full(count, 1 / count)
    w = mean
    updates = []
    for each in jacobians:
        jacobian, one, other = each if len(each) == 3 else [each[0]] * 3
        scale = np.sqrt(np.maximum(np.sum(one * other, axis=1), 0)).mean()
        one, other = (x / scale if scale else 0 * x for x in (one, other))
        velocity = np.zeros(count)
        for _ in range(iterations):
            velocity = momentum * velocity + one @ (w @ other) + lambda_ * one @ (mean @ other)
            w = _project_on_simplex(w - weight_learning_rate * velocity)
        updates.append((w @ jacobian + lambda_ * (mean @ jacobian)) / (1 + lambda_))
    return updates


def modo(losses: Array, jacobians: Array, *, gamma: float = 1e-3, rho: float = 0.1) -> list[Array]:
    """Double sampling (MoDo; Chen et al., NeurIPS 2023); Jacobians `[steps, 3, T, P]`."""
    w = np.full(losses.shape[1], 1 / losses.shape[1])
    updates = []
    for jacobian, one, other in jacobians:
        w = _project_on_simplex(w - gamma * (one @ (w @ other) + rho * w))
        updates.append(w @ jacobian)
    return updates


def auto_lambda(
    losses: Array,
    jacobians: Array,
    *,
    learning_rate: float,
    primary: Sequence[int] | None = None,
    alpha: float = 0.1,
    initial: float = 0.1,
) -> list[Array]:
    """Auto-Lambda (Liu et al., TMLR 2022), its derivative by differences of the losses.

    Losses are l_i + g_i · θ, so that differences are exact; Jacobians are `[steps, 2, T, P]`. The
    weights move after the step.
    """
    count = losses.shape[1]
    weights = np.full(count, initial)
    chosen = list(range(count)) if primary is None else list(primary)
    updates = []
    for inner, outer in jacobians:
        updates.append(weights @ inner)

        def ahead(w: Array, inner: Array = inner, outer: Array = outer) -> float:
            return float((outer @ (-alpha * (w @ inner)))[chosen].sum())

        steps = np.eye(count)
        slope = [(ahead(weights + step) - ahead(weights - step)) / 2 for step in steps]
        weights = weights - learning_rate * np.array(slope)
    return updates


def moml(losses: Array, jacobians: Array, *, learning_rate: float, eta: float = 0.1) -> list[Array]:
    """Multi-objective meta-learning (MOML; Ye et al., NeurIPS 2021), with one inner step.

    The derivative of softmax is taken by complex steps.
    """
    count = losses.shape[1]
    logits = np.zeros(count)
    updates = []
    for inner, outer in jacobians:
        updates.append(_softmax(logits) @ inner)
        columns = []
        for i in range(count):
            moved = np.exp(logits + 1e-30j * np.eye(count)[i])
            theta = -eta * (moved / moved.sum()) @ inner
            columns.append((outer @ theta).imag / 1e-30)
        slopes = np.array(columns).T
        lengths = _norms(slopes)
        slopes = slopes / np.where(lengths > 0, lengths, 1.0)[:, None]
        logits = logits - learning_rate * _least_norm_in_hull(slopes)
    return updates


def _constrained(rows: Array, q: Array, rho: float) -> Array:
    """λ of FORUM: the dual problem of its authors' code in λ and ν, by sequential quadratics."""
    square = q @ q
    bounds = rho - rows @ q / square
    full = np.vstack([rows, q])
    hessian = 2 * full @ full.T
    linear = np.append(np.zeros(len(rows)), -rho * square)
    best = None
    for start in [*np.eye(len(rows)), np.full(len(rows), 1 / len(rows))]:
        x = np.append(start, max(start @ bounds, 0) + 0.1)
        found = optimize.minimize(
            lambda x: (0.5 * x @ hessian @ x + linear @ x, hessian @ x + linear),
            x,
            jac=True,
            method="SLSQP",
            bounds=[(0, None)] * len(x),
            constraints=[
                {"type": "eq", "fun": lambda x: x[:-1].sum() - 1},
                {"type": "ineq", "fun": lambda x: x[-1] - x[:-1] @ bounds},
            ],
            options={"ftol": 1e-16, "maxiter": 500},
        )
        if best is None or found.fun < best.fun:
            best = found
    return best.x[:-1]


def forum(
    losses: Array,
    jacobians: Array,
    *,
    learning_rate: float,
    epochs: Sequence[int],
    new_losses: Array,
    rho: float = 0.1,
) -> list[Array]:
    """First-order bi-level optimization (FORUM; Ye et al., ECAI 2024); `new_losses` at θ*."""
    count = losses.shape[1]
    logits, kept = np.zeros(count), np.zeros(count)
    updates = []
    for loss, (inner, outer), later, epoch in zip(
        losses, jacobians, new_losses, epochs, strict=True
    ):
        w = _softmax(logits)
        by_logits = np.array([w[i] * (np.eye(count)[i] - w) for i in range(count)]).T @ (
            loss - later
        )
        q = np.concatenate([by_logits, w @ inner])
        rows = np.hstack([np.zeros([count, count]), _units(outer)])
        kept = kept + (_constrained(rows, q, rho) - kept) / (epoch + 1) ** 0.75
        nu = max(kept @ (rho - rows @ q / (q @ q)), 0.0)
        total = kept @ rows + nu * q
        updates.append(total[count:])
        logits = logits - learning_rate * total[:count]
    return updates


def db_mtl(
    losses: Array, jacobians: Array, *, beta: float = 0.9, beta_sigma: float = 0.5
) -> list[Array]:
    """Dual balancing (Lin et al., arXiv:2308.12029, 2023)."""
    b = np.zeros_like(jacobians[0])
    updates = []
    for k, (loss, jacobian) in enumerate(zip(losses, jacobians, strict=True), 1):
        h = jacobian / loss[:, None]
        b = h + beta / k**beta_sigma * (b - h)
        updates.append(np.max(_norms(b)) * _units(b).sum(axis=0))
    return updates


# --- what the papers claim ------------------------------------------------------------------------


def _conflict(jacobian: Array, update: Array) -> float:
    """How far `update` is outside the dual cone: its most negative cosine with a gradient."""
    length = np.linalg.norm(update)
    return max(0.0, -float(np.min(_units(jacobian) @ update))) / length if length > 0 else 0.0


def _distance_to_hull(rows: Array, point: Array) -> float:
    """How far `point` is from a convex combination of `rows`, relative to the longest of them."""
    scale = np.max(_norms(rows))
    heavy = 1e3  # of the condition Σ w = 1
    system = np.vstack([rows.T / scale, np.full(len(rows), heavy)])
    return float(optimize.nnls(system, np.append(point / scale, heavy))[1])


def _mgda_claim(
    losses: Array, jacobian: Array, update: Array, *, normalization: str = "none", **_: object
) -> dict[str, float]:
    """KKT conditions: update·g̃_i ≥ ‖update‖² for all i, and it is in the convex hull."""
    rows = _normalized(losses, jacobian, normalization)
    square = update @ update
    return {
        "kkt": max(0.0, float(np.max(square - rows @ update)) / square),
        "hull": _distance_to_hull(rows, update),
    }


def _pcgrad_claim(losses: Array, jacobian: Array, update: Array, **_: object) -> dict[str, float]:
    """With two tasks the update conflicts with neither."""
    if len(jacobian) != 2:
        raise ValueError("PCGrad promises this for two tasks")
    return {"conflict": _conflict(jacobian, update)}


def _cagrad_claim(
    losses: Array, jacobian: Array, update: Array, *, c: float = 0.5, **_: object
) -> dict[str, float]:
    """On the sphere around the mean; its displacement is made of the worst-off tasks' gradients."""
    mean = jacobian.mean(axis=0)
    radius = c * np.linalg.norm(mean)
    moved = update - mean
    gains = jacobian @ update
    worst = gains <= gains.min() + 1e-6 * np.max(np.abs(gains))
    return {
        "ball": abs(float(np.linalg.norm(moved)) - radius) / radius,
        "kkt": float(optimize.nnls(_units(jacobian[worst]).T, moved / radius)[1]),
    }


def _nash_mtl_claim(losses: Array, jacobian: Array, update: Array, **_: object) -> dict[str, float]:
    """Its weights α > 0 (by least squares) satisfy α (G α) = 1."""
    weights = np.linalg.lstsq(jacobian.T, update, rcond=None)[0]
    return {
        "span": float(np.linalg.norm(weights @ jacobian - update) / np.linalg.norm(update)),
        "equation": float(np.max(np.abs(weights * (jacobian @ jacobian.T @ weights) - 1))),
        "positive": max(0.0, -float(weights.min()) / float(np.max(np.abs(weights)))),
    }


def _fairgrad_claim(
    losses: Array, jacobian: Array, update: Array, *, alpha: float = 2.0, **_: object
) -> dict[str, float]:
    """The weights that the equation gives, w = (J update)^(−alpha), give the update."""
    gains = np.maximum(jacobian @ update, np.finfo(float).tiny)
    difference = np.linalg.norm(gains**-alpha @ jacobian - update)
    return {
        "conflict": _conflict(jacobian, update),
        "equation": float(difference / np.linalg.norm(update)),
    }


def _upgrad_claim(losses: Array, jacobian: Array, update: Array, **_: object) -> dict[str, float]:
    """It conflicts with no gradient."""
    return {"conflict": _conflict(jacobian, update)}


def _dualproj_claim(losses: Array, jacobian: Array, update: Array, **_: object) -> dict[str, float]:
    """It is in the dual cone; what was added is in the cone, and orthogonal to it (Moreau)."""
    added = update - jacobian.mean(axis=0)
    size = np.linalg.norm(jacobian.mean(axis=0))
    return {
        "conflict": _conflict(jacobian, update),
        "cone": float(optimize.nnls(_units(jacobian).T, added / size)[1]),
        "orthogonal": abs(float(added @ update)) / size**2,
    }


def _imtl_g_claim(losses: Array, jacobian: Array, update: Array, **_: object) -> dict[str, float]:
    """Equal projections on all gradients; weights (by least squares) of sum 1."""
    projections = _units(jacobian) @ update
    alpha = np.linalg.lstsq(jacobian.T, update, rcond=None)[0]
    return {
        "projections": float(np.ptp(projections) / np.linalg.norm(update)),
        "sum": abs(float(alpha.sum()) - 1),
    }


def _config_claim(losses: Array, jacobian: Array, update: Array, **_: object) -> dict[str, float]:
    """Equal cosines with all gradients, and as long as the projections of these sum to."""
    length = float(np.linalg.norm(update))
    cosines = _units(jacobian) @ update / length
    return {
        "cosines": float(np.ptp(cosines)),
        "length": abs(float(np.sum(jacobian @ update)) / length - length) / length,
        "conflict": _conflict(jacobian, update),
    }


def _aligned_mtl_claim(
    losses: Array, jacobian: Array, update: Array, *, scale: str = "min", **_: object
) -> dict[str, float]:
    """The aligned gradients B J have condition number 1, and the update is their mean."""
    eigenvalues, vectors = np.linalg.eigh(jacobian @ jacobian.T)
    kept = eigenvalues > eigenvalues[-1] * 1e-12
    sigma, vectors = np.sqrt(eigenvalues[kept]), vectors[:, kept]
    rows = _scale_of(sigma, scale) * vectors @ np.diag(1 / sigma) @ vectors.T @ jacobian
    values = np.linalg.svd(rows, compute_uv=False)[: len(sigma)]
    return {
        "condition": abs(float(values[0] / values[-1]) - 1),
        "mean": float(np.linalg.norm(rows.mean(axis=0) - update) / np.linalg.norm(update)),
    }


CLAIMS: dict[str, Callable[..., dict[str, float]]] = {
    "aligned_mtl": _aligned_mtl_claim,
    "cagrad": _cagrad_claim,
    "config": _config_claim,
    "dualproj": _dualproj_claim,
    "fairgrad": _fairgrad_claim,
    "imtl_g": _imtl_g_claim,
    "mgda": _mgda_claim,
    "nash_mtl": _nash_mtl_claim,
    "pcgrad": _pcgrad_claim,
    "upgrad": _upgrad_claim,
}
