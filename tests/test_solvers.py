"""Solvers on a Gramian: optimality conditions, SciPy, and numbers by hand.

Tolerances. A solver answers for cosines with `RIDGE` added to their diagonal, so its weights are
exact to about `RIDGE` / λ with λ the least eigenvalue of the cosines: `EXACT` where λ ≥ 1e-2. Where
λ is 0 (more gradients than dimensions, equal or opposite ones) weights are not unique, but the
vector they make is; it is optimal for an objective that is wrong by `RIDGE` at most, which is a
relative √`RIDGE` of the vector: `SINGULAR`.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls

from mtbench.kit import solvers
from mtbench.kit.solvers import RIDGE

EXACT = 1e-6
SINGULAR = 2 * np.sqrt(RIDGE)
POWERS = [0.2, 0.5, 1.0, 2.0]


def of(function, gradients, *more):
    """What a solver gives for the Gramian of some gradients, in NumPy."""
    gramian = gradients @ gradients.T
    found = function(tf.constant(gramian, tf.float64), *more)
    assert found.dtype == tf.float64
    assert np.isfinite(found).all()
    return found.numpy()


def dual(gradients):
    """Every row projected, as UPGrad does."""
    return of(solvers.dual_cone_weights, gradients, tf.eye(len(gradients), dtype=tf.float64))


SOLVERS = {
    "min norm": lambda g: of(solvers.min_norm_weights, g),
    "dual cone": dual,
    "conflict averse": lambda g: of(solvers.conflict_averse_weights, g, 0.5),
    "reciprocal": lambda g: of(solvers.reciprocal_weights, g, 0.5),
    "equal angle": lambda g: of(solvers.equal_angle_weights, g),
    "equal projection": lambda g: of(solvers.equal_projection_weights, g),
    "least norm": lambda g: of(solvers.least_norm_weights, g),
    "conflict free": lambda g: of(solvers.conflict_free_weights, g, 0.1),
}
each_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)


def lengths(gradients):
    return np.linalg.norm(gradients, axis=1)


def random_gradients(seed, tasks, dimensions, spread):
    """Gradients with a common part, so that some agree and some conflict; a factor of 10^spread."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=[tasks, dimensions]) + rng.normal() * rng.normal(size=dimensions)
    return found / lengths(found)[:, None] * 10 ** rng.uniform(-spread, spread, [tasks, 1])


def well_posed(seed, tasks, spread=1.5):
    """Gradients whose cosines have a least eigenvalue of at least 0.01."""
    for more in itertools.count(1):
        found = random_gradients(seed, tasks, tasks + more, spread)
        unit = found / lengths(found)[:, None]
        if np.linalg.eigvalsh(unit @ unit.T)[0] >= 1e-2:
            return found
    raise AssertionError


seeds = st.integers(0, 2**32 - 1)
anything = st.builds(
    random_gradients, seeds, st.integers(1, 10), st.integers(1, 12), st.sampled_from([0, 1, 3])
)
regular = st.builds(well_posed, seeds, st.integers(1, 10))
examples = settings(max_examples=30, derandomize=True)

G = np.array([3.0, -4.0, 12.0])  # of length 13
SPECIAL = {
    "one": G[None],
    "zero": np.array([G, 0 * G, [1, 2, 3]]),
    "two zeros": np.array([0 * G, G, 0 * G]),
    "all zero": np.zeros([3, 3]),
    "one zero": np.zeros([1, 3]),
    "equal": np.array([G, G, G]),
    "opposite": np.array([G, -G]),
    "opposite and one more": np.array([G, [1.0, 0, 0], -G]),
    "collinear": np.array([G, 2 * G, 0.5 * G]),
    "collinear, both ways": np.array([G, -2 * G, 0.5 * G]),
    "a million times larger": np.array([1e6 * G, [1, 2, 3], [-3, 1, 1]]),
    "a million times larger and opposite": np.array([G, -1e6 * G]),
    "tiny": 1e-12 * np.array([G, [1, 2, 3]]),
    "huge": 1e12 * np.array([G, [1, 2, 3]]),
    "more than dimensions": np.random.default_rng(0).normal(size=[9, 2]),
}
each_special = pytest.mark.parametrize("gradients", SPECIAL.values(), ids=SPECIAL)


# -- norms and cosines -----------------------------------------------------------------------------


def test_norms_and_cosines():
    gramian = np.array([[9.0, 3, 0], [3, 4, 0], [0, 0, 0]])
    norms, cosines = solvers.norms_and_cosines(tf.constant(gramian))
    np.testing.assert_allclose(norms, [3, 2, 3e-20], rtol=1e-15)
    expected = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]) + RIDGE * np.eye(3)
    np.testing.assert_allclose(cosines, expected, rtol=0, atol=1e-15)
    norms, cosines = solvers.norms_and_cosines(tf.zeros([2, 2], tf.float64))
    assert norms.numpy().tolist() == [1, 1]
    np.testing.assert_array_equal(cosines, (1 + RIDGE) * np.eye(2))


# -- min norm --------------------------------------------------------------------------------------


def check_min_norm(gradients):
    """w on the simplex; g_w is no longer than any other, by its conditions and by NNLS.

    (G w)_i ≥ ‖g_w‖² for every i. The least ‖Jᵀx‖² + (1ᵀx − 1)² over x ≥ 0 lies at a multiple of w.
    """
    weights = of(solvers.min_norm_weights, gradients)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    norms, shortest = lengths(gradients), weights @ gradients
    # of the ridge: it adds RIDGE w_i ‖g_i‖² to (G w)_i
    slack = 4 * RIDGE * norms * max((weights * norms).max(), 1e-300)
    assert (gradients @ shortest - shortest @ shortest >= -slack).all()
    size = norms[norms > 0].min(initial=1.0)
    system = np.vstack([gradients.T / size, np.ones(len(gradients))])
    found, _ = nnls(system, np.append(np.zeros(gradients.shape[1]), 1.0))
    best = np.linalg.norm(found / found.sum() @ gradients)
    assert np.linalg.norm(shortest) <= best + SINGULAR * (weights * norms).max()


@examples
@given(anything)
def test_min_norm(gradients):
    check_min_norm(gradients)


@each_special
def test_min_norm_of_special_gradients(gradients):
    check_min_norm(gradients)


@pytest.mark.parametrize(
    ("gradients", "expected"),
    [
        (SPECIAL["one"], [1]),
        (SPECIAL["zero"], [0, 1, 0]),
        (SPECIAL["two zeros"], [0.5, 0, 0.5]),
        (SPECIAL["all zero"], [1 / 3] * 3),
        (SPECIAL["equal"], [1 / 3] * 3),
        (SPECIAL["opposite"], [0.5, 0.5]),
        (np.array([3 * G, -G]), [0.25, 0.75]),
        (SPECIAL["collinear"], [0, 0, 1]),
        (np.diag([1.0, 2, 3]), np.array([36, 9, 4]) / 49),  # orthogonal: as 1 / ‖g‖²
        (np.diag([1e6, 1.0]), [1e-12, 1]),
        (np.array([[1.0, 0], [1, 1]]), [1, 0]),  # g_1 · g_2 ≥ ‖g_1‖²
        (np.array([[1.0, 0], [-1, 1]]), [0.6, 0.4]),  # (g_2 − g_1) · g_2 / ‖g_1 − g_2‖² = 3 / 5
    ],
)
def test_min_norm_by_hand(gradients, expected):
    """To `RIDGE`; two gradients by Sener and Koltun 2018, eq. 4."""
    np.testing.assert_allclose(of(solvers.min_norm_weights, gradients), expected, atol=1e-8)


# -- quadratic problems with x ≥ 0 -----------------------------------------------------------------


@settings(examples, max_examples=20)
@given(seeds, st.integers(1, 10), st.integers(1, 4))
def test_nonnegative_least(seed, tasks, columns):
    """A = LLᵀ: ½ xᵀAx − bᵀx is ½ ‖Lᵀx − L⁻¹b‖² and a constant."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=[tasks, tasks])
    matrix = root @ root.T + np.eye(tasks)
    linear = rng.normal(size=[tasks, columns]) * 10 ** rng.uniform(-4, 4, columns)
    found = solvers.nonnegative_least(tf.constant(matrix), tf.constant(linear)).numpy()
    assert found.shape == (columns, tasks)
    lower = np.linalg.cholesky(matrix)
    for one, b in zip(found, linear.T, strict=True):
        expected, _ = nnls(lower.T, np.linalg.solve(lower, b))
        np.testing.assert_allclose(one, expected, rtol=0, atol=1e-10 * np.abs(b).max())


def test_nonnegative_least_by_hand():
    """Free: (1, −1); without the second unknown 2 x = 1. Then all free; then none."""
    matrix = tf.constant([[2.0, 1], [1, 2]], tf.float64)
    linear = tf.constant([[1.0, 3, -1], [-1, 3, -1]], tf.float64)
    found = solvers.nonnegative_least(matrix, linear)
    np.testing.assert_allclose(found, [[0.5, 0], [1, 1], [0, 0]], atol=1e-15)


# -- the dual cone ---------------------------------------------------------------------------------


def check_dual_cone(gradients, weights):
    """In the cone, and the nearest point of it, which is what NNLS leaves of Jᵀu + Jᵀa, a ≥ 0."""
    found = of(solvers.dual_cone_weights, gradients, tf.constant(weights, tf.float64))
    assert found.shape == weights.shape
    norms = lengths(gradients)
    for row, u in zip(found, weights, strict=True):
        assert (row >= u).all()
        vector, size = row @ gradients, np.abs(u * norms).max()
        # of the ridge: RIDGE times what is added, in units of each gradient's length
        slack = 4 * RIDGE * max(np.abs(row * norms).max(), size)
        assert (gradients @ vector >= -slack * norms).all()
        scale = np.where(norms > 0, norms, 1)
        added, _ = nnls((gradients / scale[:, None]).T, -u @ gradients / (size or 1))
        expected = u @ gradients + (size or 1) * added @ (gradients / scale[:, None])
        np.testing.assert_allclose(vector, expected, rtol=0, atol=SINGULAR * size)
        np.testing.assert_allclose((row - u) * (gradients @ vector), 0, atol=1e-6 * size**2)


@examples
@given(anything, seeds)
def test_dual_cone(gradients, seed):
    weights = np.random.default_rng(seed).uniform(0, 1, [3, len(gradients)])
    check_dual_cone(gradients, weights)


@each_special
def test_dual_cone_of_special_gradients(gradients):
    count = len(gradients)
    check_dual_cone(gradients, np.vstack([np.eye(count), np.full([1, count], 1 / count)]))


def test_dual_cone_by_hand():
    """g_1 = (1, 0), g_2 = (−1, 1): g_1 + ½ g_2 = (½, ½); g_2 + g_1 = (0, 1); g_1 + g_2 stays."""
    weights = [[1.0, 0], [0, 1], [1, 1], [0, 0], [3, 0]]
    found = of(
        solvers.dual_cone_weights, np.array([[1.0, 0], [-1, 1]]), tf.constant(weights, "double")
    )
    np.testing.assert_allclose(found, [[1, 0.5], [1, 1], [1, 1], [0, 0], [3, 1.5]], atol=1e-8)


def test_dual_cone_without_a_conflict_changes_nothing():
    weights = np.array([[1.0, 0, 0], [0.25, 3, 0]])
    gradients = np.array([[1.0, 0, 0], [1, 1, 0], [0, 1, 5]])
    found = of(solvers.dual_cone_weights, gradients, tf.constant(weights))
    np.testing.assert_array_equal(found, weights)


# -- CAGrad ----------------------------------------------------------------------------------------


def dual_value(gradients, weights, c):
    """F(w) = g_w · g_0 + c ‖g_0‖ ‖g_w‖."""
    mean, vector = gradients.mean(0), weights @ gradients
    return vector @ mean + c * np.linalg.norm(mean) * np.linalg.norm(vector)


def check_conflict_averse(gradients, c):
    """d lies in the ball, and its least g_i · d is F of a point of the simplex: both are optimal.

    For every d in the ball and every w of the simplex min_i g_i · d ≤ F(w).
    """
    weights = of(solvers.conflict_averse_weights, gradients, c)
    mean, d = gradients.mean(0), weights @ gradients
    radius = c * np.linalg.norm(mean)
    size = lengths(gradients).max() * (np.linalg.norm(mean) or 1)
    rounding = 1e-14 * np.abs(weights * lengths(gradients)).max()
    assert np.linalg.norm(d - mean) <= radius + SINGULAR * np.linalg.norm(mean) + rounding
    added = weights - 1 / len(gradients)
    assert (added >= 0).all()
    if added.sum() > 0:
        certificate = dual_value(gradients, added / added.sum(), c)
        assert (gradients @ d).min() == pytest.approx(certificate, abs=SINGULAR * size)
    return (gradients @ d).min(), size


@examples
@given(anything, st.sampled_from([0.1, 0.5, 0.9, 1.5]))
def test_conflict_averse(gradients, c):
    check_conflict_averse(gradients, c)


@each_special
@pytest.mark.parametrize("c", [0.0, 0.4])
def test_conflict_averse_of_special_gradients(gradients, c):
    check_conflict_averse(gradients, c)


@pytest.mark.parametrize("tasks", [2, 3, 4, 6])
@pytest.mark.parametrize("c", [0.3, 0.8])
def test_conflict_averse_against_scipy(tasks, c):
    """The least F over the simplex, by SLSQP from its centre and its corners."""
    gradients = random_gradients(tasks, tasks, tasks + 2, 0.5)
    least, size = check_conflict_averse(gradients, c)
    found = [
        minimize(
            lambda w: dual_value(gradients, w, c),
            start,
            bounds=[(0, 1)] * tasks,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            options={"ftol": 1e-14, "maxiter": 500},
        ).fun
        for start in [np.full(tasks, 1 / tasks), *(0.9 * np.eye(tasks) + 0.1 / tasks)]
    ]
    assert least == pytest.approx(min(found), abs=1e-6 * size)


def test_conflict_averse_by_hand():
    """g_1 = (2, 0), g_2 = (0, 2), c = ½: by symmetry d = g_0 (1 + ½). Then g_1 = (4, 0), g_2 = 0.

    There g_w lies along g_0 = (2, 0) whatever w, F is least at g_w = 0, and nothing is added.
    """
    found = of(solvers.conflict_averse_weights, np.diag([2.0, 2.0]), 0.5)
    np.testing.assert_allclose(found, [0.75, 0.75], atol=1e-8)
    found = of(solvers.conflict_averse_weights, np.array([[4.0, 0], [0, 0]]), 0.5)
    np.testing.assert_allclose(found[0], 0.5, atol=1e-8)
    # g_1 = (1, 0) and g_2 = (−3, 0): g_0 = (−1, 0), and d = −1 + ½ along g_1 alone
    found = of(solvers.conflict_averse_weights, np.array([[1.0, 0], [-3, 0]]), 0.5)
    np.testing.assert_allclose(found, [1.0, 0.5], atol=1e-8)


@examples
@given(regular)
def test_conflict_averse_with_c_0_is_the_mean(gradients):
    """To √ε: the equation's discriminant is 0 but for rounding."""
    found = of(solvers.conflict_averse_weights, gradients, 0.0)
    size = lengths(gradients)
    np.testing.assert_allclose((found - 1 / len(gradients)) * size, 0, atol=1e-6 * size.max())


# -- Gw = w^−p -------------------------------------------------------------------------------------


@pytest.mark.thorough
@examples
@given(anything, st.sampled_from(POWERS))
@example(SPECIAL["a million times larger"], 1.0)
@example(SPECIAL["a million times larger"], 0.2)
@example(SPECIAL["a million times larger"], 2.0)
@example(SPECIAL["huge"], 2.0)
@example(SPECIAL["tiny"], 0.5)
@example(SPECIAL["equal"], 0.5)
@example(SPECIAL["collinear"], 2.0)
def test_reciprocal(gradients, power):
    """To the ridge, which adds RIDGE w_i ‖g_i‖² to (G w)_i."""
    weights = of(solvers.reciprocal_weights, gradients, power)
    assert (weights > 0).all()
    ridge = RIDGE * weights * lengths(gradients) ** 2
    found = gradients @ (weights @ gradients) + ridge
    # rounding of G w is by its terms, which may cancel where gradients are opposite
    terms = np.abs(gradients @ gradients.T) @ weights
    np.testing.assert_array_less(np.abs(found - weights**-power), 1e-6 * found + 1e-13 * terms)


@pytest.mark.parametrize(
    ("power", "ratio"),
    [
        (0.1, 1e4),
        (5.0, 1e3),
        (10.0, 30.0),
    ],
)
def test_reciprocal_with_a_power_far_from_1(power, ratio):
    gradients = np.array([ratio * G, [1, 2, 3], [-3, 1, 1]])
    weights = of(solvers.reciprocal_weights, gradients, power)
    ridge = RIDGE * weights * lengths(gradients) ** 2
    found = gradients @ (weights @ gradients) + ridge
    np.testing.assert_allclose(found, weights**-power, rtol=1e-5)


@pytest.mark.parametrize("power", POWERS)
def test_reciprocal_by_hand(power):
    """Orthogonal: ‖g‖² w = w^−p; T equal ones: T ‖g‖² w = w^−p; a zero gradient has no say."""
    expected = np.array([1.0, 4, 1e-6, 1e12]) ** (-1 / (1 + power))
    found = of(solvers.reciprocal_weights, np.diag([1.0, 2, 1e-3, 1e6]), power)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    found = of(solvers.reciprocal_weights, SPECIAL["equal"], power)
    np.testing.assert_allclose(found, (3 * 169) ** (-1 / (1 + power)), rtol=1e-8)
    found = of(solvers.reciprocal_weights, np.diag([1.0, 0, 2]), power)
    np.testing.assert_allclose(found, [1, 0, 4 ** (-1 / (1 + power))], rtol=1e-8)
    assert of(solvers.reciprocal_weights, np.zeros([2, 3]), power).tolist() == [0, 0]


def test_reciprocal_of_opposite_gradients():
    """No w has G w > 0; the ridge alone bounds them, and they cancel."""
    for power in (0.5, 2.0):
        one, two = of(solvers.reciprocal_weights, SPECIAL["opposite"], power)
        assert one == pytest.approx(two, rel=1e-6)
        # RIDGE y = 13^(p−1) y^−p, w = y / 13
        expected = (13 ** (power - 1) / RIDGE) ** (1 / (1 + power)) / 13
        assert one == pytest.approx(expected, rel=1e-3)


# -- equal angles ----------------------------------------------------------------------------------


@examples
@given(regular)
def test_equal_angle(gradients):
    vector = of(solvers.equal_angle_weights, gradients) @ gradients
    np.testing.assert_allclose(gradients @ vector / lengths(gradients), 1, atol=EXACT)


def test_equal_angle_by_hand():
    found = of(solvers.equal_angle_weights, np.diag([1.0, 2, 1e6]))
    np.testing.assert_allclose(found, [1, 0.5, 1e-6], rtol=1e-8)
    found = of(solvers.equal_angle_weights, SPECIAL["equal"])
    np.testing.assert_allclose(found, 1 / 39, rtol=1e-7)
    # 60 degrees, lengths 1 and 2: C⁻¹ 1 = (2/3, 2/3)
    found = of(solvers.equal_angle_weights, np.array([[1.0, 0], [1, np.sqrt(3)]]))
    np.testing.assert_allclose(found, [2 / 3, 1 / 3], rtol=1e-8)


def pinv_weights(gradients):
    """D⁻¹ (U⁺)ᵀ U⁺ 1 by NumPy's pseudo-inverse of the gradients themselves, float32's rank."""
    length = lengths(gradients)
    unit = gradients / np.where(length > 0, length, 1.0)[:, None]
    inverse = np.linalg.pinv(unit, rcond=1e-6)
    weights = inverse.T @ inverse @ np.ones(len(unit))
    return np.where(length > 0, weights / np.where(length > 0, length, 1.0), 0.0)


PLANE = np.array([[1.0, 0, 0], [0, 1, 0], [1, 0.5, 0]])
A, B = np.random.default_rng(0).normal(size=(2, 40))
DEPENDENT = {
    **SPECIAL,
    "in a plane": PLANE,
    "in a plane, of many elements": np.array([A, B, 0.3 * A + 0.7 * B]),
    "in a plane, around 0": np.array([A, B, -0.3 * A - 0.7 * B]),
    "four in a plane": np.array([A, B, A + B, A - 0.5 * B]),
    "twice, of other lengths": np.array([A, B, 100 * A]),
    "twice and one of zero": np.array([A, 0 * A, B, 3 * A]),
    "opposite, of other lengths": np.array([A, B, -2 * A]),
    "near to each other": np.array([A, B, A + 1e-3 * B]),
}


@pytest.mark.parametrize("rounded", [False, True], ids=["float64", "float32"])
@pytest.mark.parametrize("gradients", DEPENDENT.values(), ids=DEPENDENT)
def test_equal_angle_of_dependent_gradients(gradients, rounded):
    """The weights of the pseudo-inverse, also where rounding made the rank a full one."""
    if rounded:
        gradients = np.float32(gradients).astype(float)
    found, expected = of(solvers.equal_angle_weights, gradients), pinv_weights(gradients)
    size = np.where(lengths(gradients) > 0, lengths(gradients), 1.0)
    scale = np.abs(expected * size).max()
    if scale < 1e-6:  # opposite gradients: rounding is no direction
        assert not found.any()
    else:
        np.testing.assert_allclose(found * size, expected * size, rtol=0, atol=1e-5 * scale)


def test_equal_projection_by_hand():
    """Lengths 1 and 2 at 60 degrees: (2/3, 1/3), of sum 1; opposite ones have none."""
    sixty = np.array([[1.0, 0], [1, np.sqrt(3)]])
    np.testing.assert_allclose(of(solvers.equal_projection_weights, sixty), [2 / 3, 1 / 3])
    assert not of(solvers.equal_projection_weights, SPECIAL["opposite"]).any()
    # C⁻¹ 1 = (10/7, 10/7, −5/7), and with lengths 1, 1, ¼ the weights sum to 20/7 − 20/7 = 0
    third = 0.25 * np.array([0.6, 0.6, np.sqrt(0.28)])
    steep = np.array([[1.0, 0, 0], [0, 1, 0], third])
    weights = of(solvers.equal_angle_weights, steep)
    np.testing.assert_allclose(weights, [10 / 7, 10 / 7, -20 / 7], rtol=1e-9)
    assert not of(solvers.equal_projection_weights, steep).any()


# -- least norm, and conflicts away ----------------------------------------------------------------


@examples
@given(regular)
def test_least_norm(gradients):
    """Of sum 1, and with one inner product with every gradient, which is the norm²."""
    weights = of(solvers.least_norm_weights, gradients)
    made = weights @ gradients
    assert weights.sum() == pytest.approx(1, abs=1e-9 * np.abs(weights).max())
    error = np.abs(gradients @ made - made @ made) / lengths(gradients)
    assert error.max() <= EXACT * np.linalg.norm(made)


def test_least_norm_by_hand():
    """The foot of 0 on the line from (1, 0) through (3, 1): (1, 0) − ⅖ (2, 1) = (⅕, −⅖)."""
    found = of(solvers.least_norm_weights, np.array([[1.0, 0], [3, 1]]))
    np.testing.assert_allclose(found, [7 / 5, -2 / 5], rtol=1e-6)


@examples
@given(regular, st.sampled_from([0.0, 1e-3, 0.3]))
def test_conflicts_away(gradients, cosine):
    """Each has the wanted inner product with all in conflict with it, by means of these alone."""
    added = of(solvers.conflict_free_weights, gradients, cosine)
    size = lengths(gradients)
    for g, weights in zip(gradients, added, strict=True):
        conflict = gradients @ g < 0
        assert not weights[~conflict].any()
        found = gradients[conflict] @ (g + weights @ gradients)
        np.testing.assert_allclose(
            found / size[conflict], cosine * np.linalg.norm(g), atol=1e-9 * np.linalg.norm(g)
        )


# -- what holds for all of them --------------------------------------------------------------------


@each_solver
@each_special
def test_special_gradients_give_finite_numbers(solver, gradients):
    solver(gradients)


@pytest.mark.thorough
@each_solver
@settings(examples, max_examples=10)
@given(regular, seeds)
def test_permutations(solver, gradients, seed):
    """Weights of exchanged gradients are exchanged; every row and column, for the dual cone."""
    order = np.random.default_rng(seed).permutation(len(gradients))
    one, two = solver(gradients), solver(gradients[order])
    expected = one[np.ix_(*[order] * one.ndim)]
    size = lengths(gradients)[order]
    np.testing.assert_allclose(
        two * size, expected * size, atol=EXACT * np.abs(expected * size).max()
    )


@each_solver
@pytest.mark.parametrize("gradients", [SPECIAL["equal"], np.repeat([G, -2 * G], 3, 0)])
def test_equal_gradients_are_treated_alike(solver, gradients):
    found = solver(gradients)
    summed = found.sum(0) if found.ndim == 2 else found
    for alike in (summed[:3], summed[3:]):
        assert np.ptp(alike) <= 1e-6 * np.abs(summed).max() if len(alike) else True


@pytest.mark.parametrize(
    ("name", "degree"),
    [
        ("min norm", 0),
        ("dual cone", 0),
        ("conflict averse", 0),
        ("reciprocal", -2 / 1.5),
        ("equal angle", -1),
        ("least norm", 0),
        ("conflict free", 0),
    ],
)
@pytest.mark.parametrize("factor", [1e-9, 3.0, 1e9])
def test_scale(name, degree, factor):
    """All gradients multiplied by a number: weights by a power of it."""
    gradients = well_posed(5, 4)
    one, two = (SOLVERS[name](g) for g in (gradients, factor * gradients))
    np.testing.assert_allclose(two, factor**degree * one, rtol=1e-9, atol=1e-12 * np.abs(two).max())


@pytest.mark.parametrize("name", ["dual cone", "equal angle"])
def test_the_scale_of_one_gradient(name):
    """One gradient alone made longer: its weight falls by as much, in rows of its own too."""
    gradients = well_posed(6, 4)
    factors = np.array([1.0, 1e6, 1e-6, 1])
    one, two = (SOLVERS[name](g) for g in (gradients, factors[:, None] * gradients))
    expected = one / factors if one.ndim == 1 else factors[:, None] * one / factors
    np.testing.assert_allclose(two, expected, rtol=1e-6, atol=1e-12 * np.abs(expected).max())


@pytest.mark.thorough
@each_solver
@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_in_a_graph(solver, tasks):
    """Traced, a solver gives what it gives eagerly, with nothing but the Gramian known late."""
    gradients = well_posed(7, tasks)
    expected = solver(gradients)
    traced = {
        "min norm": solvers.min_norm_weights,
        "dual cone": lambda g: solvers.dual_cone_weights(g, tf.eye(tasks, dtype=tf.float64)),
        "conflict averse": lambda g: solvers.conflict_averse_weights(g, 0.5),
        "reciprocal": lambda g: solvers.reciprocal_weights(g, 0.5),
        "equal angle": solvers.equal_angle_weights,
        "equal projection": solvers.equal_projection_weights,
        "least norm": solvers.least_norm_weights,
        "conflict free": lambda g: solvers.conflict_free_weights(g, 0.1),
    }[next(name for name, each in SOLVERS.items() if each is solver)]
    signature = [tf.TensorSpec([tasks, tasks], tf.float64)]
    found = tf.function(traced, input_signature=signature)(tf.constant(gradients @ gradients.T))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize(
    "solve",
    [
        solvers.min_norm_weights,
        lambda g: solvers.dual_cone_weights(g, g),
        lambda g: solvers.conflict_averse_weights(g, 0.5),
        lambda g: solvers.nonnegative_least(g, g),
    ],
)
def test_the_number_of_tasks(solve):
    assert np.isfinite(solve(tf.eye(12, dtype=tf.float64))).all()
    with pytest.raises(ValueError, match="expected at most 12 tasks, found 13"):
        solve(tf.eye(13, dtype=tf.float64))


# -- the simplex -----------------------------------------------------------------------------------


def nearest(point):
    """The nearest point of the simplex, tried on every support."""
    found = []
    for size in range(1, len(point) + 1):
        for support in itertools.combinations(range(len(point)), size):
            tried = np.zeros(len(point))
            chosen = point[list(support)]
            tried[list(support)] = chosen - (chosen.sum() - 1) / size
            if (tried >= 0).all():
                found.append(tried)
    return min(found, key=lambda tried: np.sum((tried - point) ** 2))


@examples
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=7))
@example([0.5, 0.5])
@example([0.0, 0.0, 0.0])
@example([1.0, 0.0])
@example([-2.0])
def test_simplex_projection(point):
    found = solvers.simplex_projection(tf.constant(point, tf.float64)).numpy()
    np.testing.assert_allclose(found, nearest(np.array(point)), atol=1e-12)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ([7.0], [1]),
        ([0.2, 0.8], [0.2, 0.8]),
        ([1.0, 1.0, 1.0], [1 / 3] * 3),
        ([2.0, 0.5, -1.0], [1, 0, 0]),
        ([0.9, 0.5, -4.0], [0.7, 0.3, 0]),
    ],
)
def test_simplex_projection_by_hand(point, expected):
    for dtype in (tf.float32, tf.float64):
        found = solvers.simplex_projection(tf.constant(point, dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("point", "expected"),
    [([1e8, 0.0], [1, 0]), ([0.0, -1e8, 3e7], [0, 0, 1]), ([2e7, 2e7], [0.5, 0.5])],
)
@pytest.mark.parametrize(
    "dtype",
    [
        tf.float32,
        tf.float64,
    ],
)
def test_simplex_projection_from_far_away(point, expected, dtype):
    """Where x − 1 is x in float32: a step of projected descent along large gradients."""
    found = solvers.simplex_projection(tf.constant(point, dtype))
    np.testing.assert_allclose(found, expected, atol=1e-6)


# -- orders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tasks", range(1, 11))
def test_random_orders(tasks):
    orders = solvers.random_orders(tasks).numpy()
    assert orders.shape == (tasks, tasks - 1)
    assert orders.dtype == np.int32
    for i, row in enumerate(orders):
        assert sorted(row) == [j for j in range(tasks) if j != i]


@pytest.mark.parametrize("tasks", [1, 2])
def test_one_order_is_not_drawn(tasks):
    """So that the graph has no random operation, and serves every seed."""
    graph = tf.function(lambda: solvers.random_orders(tasks)).get_concrete_function().graph
    assert not [op.type for op in graph.get_operations() if "Random" in op.type]
    assert solvers.random_orders(tasks).numpy().tolist() == [[[]], [[1], [0]]][tasks - 1]


@pytest.mark.thorough
def test_orders_are_equally_frequent():
    """Of the 2³ orders of three tasks each is drawn n/8 times, to five standard deviations."""
    tf.random.set_seed(0)
    count = 1600
    draw = tf.function(lambda: tf.stack([solvers.random_orders(3) for _ in range(100)]))
    drawn = np.concatenate([draw() for _ in range(count // 100)])
    first = drawn[:, :, 0] > drawn[:, :, 1]
    frequencies = np.bincount(first @ [1, 2, 4], minlength=8)
    assert np.abs(frequencies - count / 8).max() <= 5 * np.sqrt(count * 1 / 8 * 7 / 8)
    four = tf.function(lambda: tf.stack([solvers.random_orders(4) for _ in range(100)]))
    orders, counts = np.unique(
        np.concatenate([four() for _ in range(12)])[:, 2], axis=0, return_counts=True
    )
    assert len(orders) == 6
    assert np.abs(counts - 200).max() <= 5 * np.sqrt(1200 * 1 / 6 * 5 / 6)


def test_a_zero_gradient_has_no_weight_of_its_own():
    """CAGrad leaves it that of the mean, equal angles none."""
    zero = np.array([[3.0, 0], [0, 0], [0, 2]])
    assert of(solvers.conflict_averse_weights, zero, 0.5)[1] == pytest.approx(1 / 3)
    np.testing.assert_allclose(of(solvers.equal_angle_weights, zero), [1 / 3, 0, 1 / 2], rtol=1e-8)


# -- a constraint beside the hull ------------------------------------------------------------------


def test_constrained_weights():
    """No point of the simplex has less, where the constraint holds and where it does not."""
    rng = np.random.default_rng(0)
    sides = []
    for case in range(24):
        tasks = 1 + case % 4
        rows = rng.normal(size=[tasks, 6]) + rng.normal(size=6)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        q = rng.uniform(0.1, 0.8) * rng.normal(size=6) + case % 3 / 2 * rows.sum(0)
        rho, square = rng.uniform(0.05, 2.0), q @ q
        bounds = rho - rows @ q / square
        found = solvers.constrained_weights(
            *(tf.constant(x, tf.float64) for x in (rows @ rows.T, rows @ q, square)), rho
        ).numpy()

        def value(weights):
            nu = np.maximum(weights @ bounds, 0)  # noqa: B023
            return ((weights @ rows + nu[:, None] * q) ** 2).sum(1) - nu * rho * square  # noqa: B023

        np.testing.assert_allclose(found.sum(), 1, rtol=1e-9)
        assert (found >= 0).all()
        near = rng.dirichlet(np.ones(tasks), 400)
        tried = np.concatenate([near, 0.99 * found + 0.01 * near, np.eye(tasks)])
        assert value(found[None])[0] <= value(tried).min() + 1e-8
        sides.append(int(np.sign(np.round(found @ bounds, 7))))
    assert {*sides} == {-1, 1}


def test_constrained_weights_by_hand():
    """Of two gradients at a right angle, with the least where π · λ = 0: at 0.45 and 0.55.

    There ‖Σ λ_i g_i‖² falls towards 0.5, by 0.2 for each unit of λ_1, and the rest rises by 0.36.
    """
    q = np.array([0.3, 0.7])
    square = q @ q
    rho = q @ [0.45, 0.55] / square
    found = solvers.constrained_weights(
        tf.eye(2, dtype=tf.float64), tf.constant(q), tf.constant(square), rho
    )
    np.testing.assert_allclose(found, [0.45, 0.55], rtol=1e-7)
