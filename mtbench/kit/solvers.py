"""Small problems that strategies solve on a Gramian: exact, in the graph, for up to a dozen tasks.

Most functions take the Gramian of T gradients, float64 `[T, T]`, and work on the cosines between
them, so that one gradient may be a million times as long as another. `RIDGE` on the diagonal makes
each problem strictly convex: its one solution treats equal gradients alike. It is the tolerance:
where the matrix of cosines has least eigenvalue λ, results are exact to about `RIDGE` / λ.

Quadratic problems with x ≥ 0 are solved on each of the 2^T possible supports at once, by one batch
of T × T systems; the best solution that is feasible is the answer.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any
RIDGE = 1e-9
MOST_TASKS = 12
RANK = 1e-12
"""An eigenvalue of a matrix of cosines so much smaller than the greatest counts as zero: gradients
are float32, so that a direction of less than 1e-6 of their length is their rounding."""
_TINY = 1e-20
"""A gradient so much shorter than the longest counts as zero."""


def norms_and_cosines(gramian: Tensor) -> tuple[Tensor, Tensor]:
    """Lengths of the gradients, `[T]`, all above 0, and their cosines, `[T, T]`, with the ridge.

    A zero gradient is given a length of almost nothing and a right angle to all others.
    """
    squares = tf.linalg.diag_part(gramian)
    longest = tf.sqrt(tf.reduce_max(squares))
    norms = tf.maximum(tf.sqrt(squares), tf.where(longest > 0, _TINY * longest, 1.0))
    cosines = gramian / norms[:, None] / norms
    return norms, tf.linalg.set_diag(cosines, tf.fill(tf.shape(norms), _f64(1.0 + RIDGE)))


def min_norm_weights(gramian: Tensor) -> Tensor:
    """The w on the simplex with the least ‖Σ w_i g_i‖, `[T]` (Désidéri 2012, eq. 3).

    On a support the solution is w ∝ G⁻¹1, and its norm² is 1 / 1ᵀG⁻¹1.
    """
    norms, cosines = norms_and_cosines(gramian)
    scale = tf.reduce_min(norms) / norms
    solutions = _on_supports(cosines, scale[:, None])[..., 0]
    value = tf.linalg.matvec(solutions, scale)
    best = tf.argmax(tf.where(tf.reduce_all(solutions >= 0, 1), value, -1.0))
    return scale * solutions[best] / value[best]


def nonnegative_least(matrix: Tensor, linear: Tensor) -> Tensor:
    """The x ≥ 0 with the least ½ xᵀAx − bᵀx, for each column b, `[columns, T]`.

    Args:
        matrix: A, positive definite, `[T, T]`.
        linear: The columns b, `[T, columns]`.
    """
    solutions = _on_supports(matrix, linear)
    value = tf.reduce_sum(solutions * linear, 1)
    best = tf.argmax(tf.where(tf.reduce_all(solutions >= 0, 1), value, -1.0))
    return tf.gather(tf.transpose(solutions, [2, 0, 1]), best, batch_dims=1, axis=1)


def dual_cone_weights(gramian: Tensor, weights: Tensor) -> Tensor:
    """Project Σ u_i g_i onto the gradients' dual cone, for each row u: `[rows, T]` to `[rows, T]`.

    The result v ≥ u has Σ v_i g_i with no negative inner product with any g_j, the nearest such
    vector: v minimises vᵀGv (Quinton and Rey 2024, proposition 1).
    """
    norms, cosines = norms_and_cosines(gramian)
    scaled = weights * norms  # in units of each gradient's length
    size = tf.reduce_max(tf.abs(scaled), 1, keepdims=True)
    scaled = tf.math.divide_no_nan(scaled, size)
    added = nonnegative_least(cosines, -tf.matmul(cosines, scaled, transpose_b=True))
    return weights + size * added / norms


def conflict_averse_weights(gramian: Tensor, c: float) -> Tensor:
    """The update of CAGrad, d = g_0 + c ‖g_0‖ g_w / ‖g_w‖, as weights of the gradients, `[T]`.

    w is the point of the simplex with the least F(w) = g_w · g_0 + c ‖g_0‖ ‖g_w‖ (Liu et al. 2021,
    eq. 4). With b = G1/T, φ = c ‖g_0‖ and A the part of G on a support, F is stationary there where
    (φ / ‖g_w‖) w = A⁻¹(λ1 − b); Σ w_i = 1 and wᵀAw = ‖g_w‖² leave λ as the larger root of
    λ² 1ᵀA⁻¹1 − 2λ 1ᵀA⁻¹b + bᵀA⁻¹b = φ². There F = λ.
    """
    count = gramian.shape[0]
    norms, cosines = norms_and_cosines(gramian)
    longest = tf.reduce_max(norms)
    lengths = norms / longest
    ones = 1.0 / lengths
    linear = tf.linalg.matvec(cosines, lengths) / count
    radius2 = c**2 * tf.reduce_sum(lengths * linear) / count
    solutions = _on_supports(cosines, tf.stack([ones, linear], 1))
    of_ones, of_linear = solutions[..., 0], solutions[..., 1]
    products = ((of_ones, ones), (of_ones, linear), (of_linear, linear))
    a, p, r = (tf.linalg.matvec(x, y) for x, y in products)
    root = p**2 - a * (r - radius2)
    root_or_0 = tf.sqrt(tf.maximum(root, 0.0))
    multiplier = tf.math.divide_no_nan(p + root_or_0, a)
    added = multiplier[:, None] * of_ones - of_linear
    feasible = tf.reduce_all(added >= 0, 1) & (root > 0) & (a > 0)
    best = tf.argmin(tf.where(feasible, multiplier, np.inf))
    solvable = feasible[best] & ~_is_zero(gramian)  # none if g_0 = 0 or c = 0
    return 1.0 / count + tf.where(solvable, added[best] * ones, _f64(0.0))


def reciprocal_weights(gramian: Tensor, power: float) -> Tensor:
    """The w > 0 with Gw = w^(−power), entry by entry, `[T]`; a zero gradient gets weight 0.

    In units of each gradient's length it is where ½ yᵀCy − Σ k_i y_i^(1−p) / (1−p) is least (a
    logarithm for p = 1), k_i = ‖g_i‖^(p−1). That is strictly convex; Newton's method with a line
    search over the steps 1, ½, ¼, … gets there from the solution for orthogonal gradients, for p
    from 0.2 to 2 whatever the lengths. Far from 1 the y_i span too many orders of magnitude.
    """
    norms, cosines = norms_and_cosines(gramian)
    zero = _is_zero(gramian)
    k = tf.where(zero, _f64(1.0), norms ** (power - 1.0))
    steps = 0.5 ** tf.range(20, dtype=tf.float64)

    def value(y: Tensor) -> Tensor:
        barrier = tf.math.log(y) if power == 1 else y ** (1.0 - power) / (1.0 - power)
        return 0.5 * tf.reduce_sum(y * tf.matmul(y, cosines), -1) - tf.reduce_sum(k * barrier, -1)

    def newton(_: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        slope = tf.linalg.matvec(cosines, y) - k * y**-power
        curvature = cosines + tf.linalg.diag(power * k * y ** (-power - 1.0))
        change = -tf.linalg.solve(curvature, slope[:, None])[:, 0]
        tried = y + steps[:, None] * change
        inside = tf.reduce_all(tried > 0, 1)
        values = value(tf.where(inside[:, None], tried, y))
        start = value(y[None])
        decrease = tf.reduce_sum(slope * change)  # below 0
        good = inside & (values <= start + 1e-4 * steps * decrease + 1e-13 * tf.abs(start))
        chosen = tf.where(tf.reduce_any(good), tried[tf.argmax(good)], y)
        return tf.reduce_max(tf.abs(change / y)), chosen

    first = k ** (1.0 / (1.0 + power))
    _, y = tf.while_loop(
        lambda change, _: change > 1e-10, newton, (_f64(1.0), first), maximum_iterations=100
    )
    return tf.where(zero, _f64(0.0), y / norms)


def equal_angle_weights(gramian: Tensor) -> Tensor:
    """Weights of the vector x = U⁺ 1, U the gradients at length 1: `[T]`, D⁻¹ C⁺ 1.

    It has the same inner product with every row of U, or where there is no such vector, since the
    gradients are linearly dependent, inner products as near to 1 as can be, by least squares. C⁺
    is the pseudo-inverse, by `RANK`. A zero gradient, which has no direction, gets weight 0; so do
    all where every vector is as far from 1 as none (opposite gradients).
    """
    norms, cosines = norms_and_cosines(gramian)
    ones = tf.ones_like(norms)
    values, vectors = tf.linalg.eigh(tf.linalg.set_diag(cosines, ones))  # rising
    along = tf.reduce_sum(vectors, 0)
    along = tf.where(values > RANK * values[-1], along, _f64(0.0))
    weights = tf.linalg.matvec(vectors, tf.math.divide_no_nan(along, values)) / norms
    zero = _is_zero(gramian)
    # along is of the zero gradients too, each of which is a direction of its own
    reached = tf.reduce_sum(along**2) - tf.reduce_sum(tf.cast(zero, tf.float64))
    return tf.where(zero | (reached <= RANK), _f64(0.0), weights)


def equal_projection_weights(gramian: Tensor) -> Tensor:
    """`equal_angle_weights`, scaled to sum 1, `[T]`; all 0 where the sum is 0 but for rounding."""
    weights = equal_angle_weights(gramian)
    total, size = tf.reduce_sum(weights), tf.reduce_sum(tf.abs(weights))
    vanishes = tf.abs(total) <= RIDGE * size
    return tf.where(vanishes, _f64(0.0), tf.math.divide_no_nan(weights, total))


def least_norm_weights(gramian: Tensor) -> Tensor:
    """The w of sum 1, of any sign, with the least ‖Σ w_i g_i‖, `[T]` (Lin et al. 2019, their ω).

    With cosines C and a_i = 1 / ‖g_i‖ it is w_i ∝ a_i (C⁻¹ a)_i.
    """
    norms, cosines = norms_and_cosines(gramian)
    scale = tf.reduce_min(norms) / norms
    weights = scale * tf.linalg.solve(cosines, scale[:, None])[:, 0]
    return weights / tf.reduce_sum(weights)


def conflict_free_weights(gramian: Tensor, cosine: float) -> Tensor:
    """For each g_i the change that takes its conflicts away, as weights: a row for each, `[T, T]`.

    g_i + Σ_j v_ij g_j is the nearest vector to g_i whose inner product with each g_j that has a
    negative one with g_i is cosine · ‖g_i‖ ‖g_j‖ (Bai et al. 2024); v_ij is 0 for the other j.
    Where such g_j are linearly dependent it is so by least squares, with the pseudo-inverse by
    `RANK`.
    """
    norms, cosines = norms_and_cosines(gramian)
    cosines = tf.linalg.set_diag(cosines, tf.ones_like(norms))
    conflict = cosines < 0
    both = conflict[:, :, None] & conflict[:, None, :]
    values, vectors = tf.linalg.eigh(tf.where(both, cosines, _f64(0.0)))  # rising, for each i
    wanted = tf.where(conflict, cosine - cosines, _f64(0.0))
    along = tf.linalg.matvec(vectors, wanted, transpose_a=True)
    kept = (values > 0) & (values > RANK * values[:, -1:])
    along = tf.where(kept, tf.math.divide_no_nan(along, values), _f64(0.0))
    found = tf.where(conflict, tf.linalg.matvec(vectors, along), _f64(0.0))  # not its rounding
    return found * norms[:, None] / norms


def constrained_weights(gramian: Tensor, along: Tensor, square: Tensor, rho: float) -> Tensor:
    """The λ on the simplex with the least ‖Σ λ_i g_i + ν q‖² − ν ρ ‖q‖², `[T]` (Ye et al. 2024).

    ν = max(π · λ, 0) with π_i = ρ − g_i · q / ‖q‖². Where ν = π · λ that is, but for a constant,
    λᵀ(G − b bᵀ / ‖q‖²)λ + ρ b · λ with b_i = g_i · q; where that leaves the half-space π · λ ≥ 0,
    λ is the point of the simplex in the other one with the least ‖Σ λ_i g_i‖.

    Args:
        gramian: G of gradients of length 1, or 0, `[T, T]`.
        along: b, `[T]`.
        square: ‖q‖², a scalar.
        rho: ρ.
    """
    bounds = rho - tf.math.divide_no_nan(along, square)
    across = gramian - along[:, None] * tf.math.divide_no_nan(along, square)
    inside = _on_simplex(across, rho * along)
    none = _on_simplex(gramian, tf.zeros_like(along))
    outside = tf.where(
        tf.reduce_sum(bounds * none) <= 0, none, _on_simplex_and_plane(gramian, bounds)
    )
    return tf.where(tf.reduce_sum(bounds * inside) >= 0, inside, outside)


def _on_simplex(matrix: Tensor, linear: Tensor) -> Tensor:
    """The x on the simplex with the least xᵀAx + bᵀx, `[T]`: x = A⁻¹(μ1 − b) / 2 on a support."""
    ones = tf.ones_like(linear)
    ridged = matrix + RIDGE * tf.linalg.diag(ones)
    solutions = _on_supports(ridged, tf.stack([ones, linear], 1))
    of_ones, of_linear = solutions[..., 0], solutions[..., 1]
    totals = tf.reduce_sum(of_ones, 1, keepdims=True)
    multiplier = tf.math.divide_no_nan(2.0 + tf.reduce_sum(of_linear, 1, keepdims=True), totals)
    found = (multiplier * of_ones - of_linear) / 2.0
    value = tf.reduce_sum(found * (tf.linalg.matmul(found, ridged) + linear), 1)
    feasible = tf.reduce_all(found >= 0, 1) & (totals[:, 0] > 0)
    return found[tf.argmin(tf.where(feasible, value, np.inf))]


def _on_simplex_and_plane(matrix: Tensor, normal: Tensor) -> Tensor:
    """The x on the simplex with n · x = 0 and the least xᵀAx, `[T]`: x = A⁻¹(μ1 + κn)."""
    ones = tf.ones_like(normal)
    ridged = matrix + RIDGE * tf.linalg.diag(ones)
    solutions = _on_supports(ridged, tf.stack([ones, normal], 1))
    of_ones, of_normal = solutions[..., 0], solutions[..., 1]
    a, b, c = (
        tf.reduce_sum(x * y, 1)
        for x, y in ((of_ones, ones), (of_ones, normal), (of_normal, normal))
    )
    divisor = a * c - b**2
    mu, kappa = (tf.math.divide_no_nan(x, divisor)[:, None] for x in (c, -b))
    found = mu * of_ones + kappa * of_normal
    feasible = tf.reduce_all(found >= 0, 1) & (divisor > 0)
    return found[tf.argmin(tf.where(feasible, mu[:, 0], np.inf))]


def random_orders(tasks: int) -> Tensor:
    """For each task the other ones in a random order, int32 `[tasks, tasks - 1]`."""
    others = np.array([[j for j in range(tasks) if j != i] for i in range(tasks)], np.int32)
    if tasks < 3:  # one order: nothing is drawn, and the graph serves every seed
        return tf.constant(others)
    drawn = tf.argsort(tf.random.uniform(others.shape), axis=1)
    return tf.gather(others, drawn, batch_dims=1)


def simplex_projection(point: Tensor) -> Tensor:
    """The nearest point of the simplex, `[T]` (Duchi et al., ICML 2008, figure 1)."""
    ordered = tf.sort(point, direction="DESCENDING")
    ordered, point = ordered - ordered[0], point - ordered[0]  # else 1 is lost in large numbers
    count = tf.range(1, tf.size(point) + 1)
    excess = (tf.cumsum(ordered) - 1.0) / tf.cast(count, point.dtype)
    threshold = excess[tf.reduce_sum(tf.cast(ordered > excess, tf.int32)) - 1]
    return tf.maximum(point - threshold, 0.0)


def _on_supports(matrix: Tensor, linear: Tensor) -> Tensor:
    """Solve A x = b with x = 0 off a support, for every support and column b.

    Args:
        matrix: A, `[T, T]`.
        linear: The columns b, `[T, columns]`.

    Returns:
        float64 `[2^T, T, columns]`.

    Raises:
        ValueError: T is above `MOST_TASKS`.
    """
    count = matrix.shape[0]
    if count > MOST_TASKS:
        raise ValueError(f"expected at most {MOST_TASKS} tasks, found {count}")
    supports = np.array(list(itertools.product((0.0, 1.0), repeat=count)))
    systems = supports[:, :, None] * matrix * supports[:, None, :] + np.apply_along_axis(
        np.diag, 1, 1.0 - supports
    )
    return tf.linalg.solve(systems, supports[:, :, None] * linear)


def _is_zero(gramian: Tensor) -> Tensor:
    """Which gradients count as zero, bool `[T]`."""
    squares = tf.linalg.diag_part(gramian)
    return squares <= _TINY**2 * tf.reduce_max(squares)


def _f64(value: float) -> Tensor:
    return tf.constant(value, tf.float64)
