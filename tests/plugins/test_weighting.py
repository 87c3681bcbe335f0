"""Weighting strategies, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from mtbench.testing.probe import apply
from mtbench_plugins.tasks.ranking import Ranking
from mtbench_plugins.tasks.retrieval import Retrieval
from mtbench_plugins.weighting.aligned_mtl import AlignedMTL
from mtbench_plugins.weighting.auxiliary import Auxiliary
from mtbench_plugins.weighting.cagrad import CAGrad
from mtbench_plugins.weighting.config import ConFIG
from mtbench_plugins.weighting.dualproj import DualProj
from mtbench_plugins.weighting.famo import FAMO
from mtbench_plugins.weighting.fixed import Fixed
from mtbench_plugins.weighting.go4align import GO4Align
from mtbench_plugins.weighting.gradcraft import GradCraft
from mtbench_plugins.weighting.imtl import IMTL
from mtbench_plugins.weighting.imtl_g import IMTLG
from mtbench_plugins.weighting.metabalance import MetaBalance
from mtbench_plugins.weighting.mgda import MGDA
from mtbench_plugins.weighting.pe_ltr import PELTR
from mtbench_plugins.weighting.rlw import RLW
from mtbench_plugins.weighting.stch import STCH
from mtbench_plugins.weighting.uncertainty import Uncertainty
from mtbench_plugins.weighting.upgrad import UPGrad
from mtbench_plugins.weighting.uw_so import UWSO

TASKS = {"ranking": Ranking(), "retrieval": Retrieval()}


def test_fixed():
    combine = Fixed(weights={"retrieval": 0.25}).build(TASKS)
    assert float(combine(tf.constant([3.0, 8.0]))) == 1 * 3 + 0.25 * 8


def test_fixed_refuses_other_tasks():
    faults = Fixed(weights={"rank": 1.0}).check(["ranking", "retrieval"])
    assert list(faults) == [("weights.rank", "not a trained task (did you mean 'ranking'?)")]
    assert list(Fixed(weights={"ranking": 0.0}).check(["ranking"])) == [
        ("weights", "expected a weight above 0, found none")
    ]


@pytest.mark.parametrize("s", [(0.0, 0.0), (np.log(4.0), np.log(0.25))])
def test_uncertainty_by_hand(s):
    """Kendall, Gal and Cipolla 2018, eq. 10: L₁/2σ₁² + L₂/σ₂² + log σ₁ + log σ₂."""
    combine = Uncertainty().build(TASKS)
    combine.log_variance.assign(s)
    losses = np.array([3.0, 8.0])
    sigma = np.exp(np.array(s) / 2)
    expected = 3 / (2 * sigma[0] ** 2) + 8 / sigma[1] ** 2 + np.log(sigma).sum()
    with tf.GradientTape() as tape:
        loss = combine(tf.constant(losses, tf.float32))
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    # d/ds (f e^−s L + s/2) = −f L / σ² + ½
    gradient = 0.5 - np.array([0.5, 1.0]) * losses / sigma**2
    np.testing.assert_allclose(tape.gradient(loss, combine.log_variance), gradient, rtol=1e-5)


def test_uncertainty_is_least_where_the_noise_is_the_loss():
    """At the minimum σ² = L for regression and 2 L for classification."""
    combine = Uncertainty(initial_log_variance=1.0).build(TASKS)
    assert combine.log_variance.numpy().tolist() == [1.0, 1.0]
    combine.log_variance.assign(np.log([3.0, 2 * 8.0]))
    with tf.GradientTape() as tape:
        loss = combine(tf.constant([3.0, 8.0]))
    np.testing.assert_allclose(tape.gradient(loss, combine.log_variance), [0, 0], atol=1e-6)


def test_the_order_is_that_of_the_tasks():
    """Retrieval first: its factor and weight come first."""
    tasks = {"find": Retrieval(), "rate": Ranking()}
    losses = tf.constant([3.0, 8.0])
    assert float(Uncertainty().build(tasks)(losses)) == 3 + 8 / 2
    assert float(Fixed(weights={"find": 2.0}).build(tasks)(losses)) == 2 * 3 + 8


def test_fixed_gradients_are_the_weights():
    losses = tf.constant([3.0, 8.0])
    with tf.GradientTape() as tape:
        tape.watch(losses)
        loss = Fixed(weights={"ranking": 0.0, "retrieval": 0.25}).build(TASKS)(losses)
    assert tape.gradient(loss, losses).numpy().tolist() == [0.0, 0.25]


@pytest.mark.parametrize(("task", "factor"), [("ranking", 0.5), ("retrieval", 1.0)])
def test_uncertainty_of_one_task(task, factor):
    """Eq. 7 (½ L/σ² + log σ) and eq. 10 (L/σ² + log σ) at σ² = 4 and L = 6."""
    combine = Uncertainty(initial_log_variance=float(np.log(4.0))).build({task: TASKS[task]})
    losses = tf.constant([6.0])
    with tf.GradientTape() as tape:
        tape.watch(losses)
        loss = combine(losses)
    assert float(loss) == pytest.approx(factor * 6 / 4 + np.log(2.0), rel=1e-6)
    assert tape.gradient(loss, losses).numpy() == pytest.approx([factor / 4], rel=1e-6)


def drawn(**options):
    """Weights of two tasks in 3000 steps."""
    tf.random.set_seed(1)
    combine = RLW(**options).build(TASKS)
    losses = tf.constant([3.0, 8.0])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(losses)
            loss = combine(losses)
        return tape.gradient(loss, losses)

    return np.array([step() for _ in range(3000)])


@pytest.mark.thorough
def test_random_weights_are_softmax_normal():
    """log w₁ − log w₂ = z₁ − z₂ ~ N(0, 2); the standard error of its variance is 2 √(2 / 3000)."""
    weights = drawn()
    np.testing.assert_allclose(weights.sum(1), 2.0, rtol=1e-6)
    difference = np.log(weights[:, 0]) - np.log(weights[:, 1])
    assert difference.mean() == pytest.approx(0.0, abs=5 * np.sqrt(2 / 3000))
    assert difference.var() == pytest.approx(2.0, abs=5 * 2 * np.sqrt(2 / 3000))


@pytest.mark.thorough
def test_random_weights_are_dirichlet():
    """w₁ / 2 is uniform on (0, 1): mean ½, variance 1/12, a tenth below 0.1."""
    share = drawn(distribution="dirichlet")[:, 0] / 2
    assert share.mean() == pytest.approx(0.5, abs=5 * np.sqrt(1 / 12 / 3000))
    assert share.var() == pytest.approx(1 / 12, rel=0.1)
    assert np.mean(share < 0.1) == pytest.approx(0.1, abs=5 * np.sqrt(0.09 / 3000))


def test_famo_from_one_batch_to_the_next():
    """w gets the gradient of Σ z_i δ_i with δ from the last batch to this one; at first δ = 0."""
    combine = FAMO(same_batch=False, gamma=0.0).build(TASKS)
    assert not hasattr(combine, "after_step")
    slopes = []
    for losses in ([2.0, 1.0], [1.0, 1.0]):
        with tf.GradientTape() as tape:
            loss = combine(tf.constant(losses))
        slopes.append(tape.gradient(loss, combine.logits).numpy())
    np.testing.assert_allclose(slopes[0], [0, 0], atol=1e-7)
    # δ = (log 2, 0), z = (½, ½): z_i (δ_i − z · δ)
    np.testing.assert_allclose(slopes[1], [np.log(2) / 4, -np.log(2) / 4], rtol=1e-6)


def test_metabalance_refuses_another_target():
    faults = MetaBalance(target="rank").check(["ranking", "retrieval"])
    assert list(faults) == [("target", "not a trained task (did you mean 'ranking'?)")]
    assert not list(MetaBalance(target="retrieval").check(["ranking", "retrieval"]))


def test_auxiliary_weighs_another_main_task():
    combine = Auxiliary(main="retrieval", start=0.5).build({"ranking": None, "retrieval": None})
    assert combine(tf.constant([3.0, 10.0])).numpy() == 11.5
    faults = Auxiliary(main="rank").check(["ranking", "retrieval"])
    assert list(faults) == [("main", "not a trained task (did you mean 'ranking'?)")]
    with pytest.raises(ValueError, match="expected start and end above 0 for exponential"):
        Auxiliary(schedule="exponential", end=0.0)


@pytest.mark.parametrize("cls", [MGDA, CAGrad, UPGrad, DualProj])
def test_solvers_have_a_limit_that_is_told_before(cls):
    tasks = [f"t{i}" for i in range(13)]
    assert list(cls().check(tasks)) == [("", "expected at most 12 tasks, found 13")]
    assert not list(cls().check(tasks[:12]))


def test_stch_of_a_small_mu_is_the_worst_task():
    combine = STCH(mu=1e-3, warmup_epochs=0).build(TASKS)
    losses = tf.constant([3.0, 8.0])
    with tf.GradientTape() as tape:
        tape.watch(losses)
        loss = combine(losses)
    assert float(loss) == pytest.approx(2 * np.log(8), rel=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, losses), [0.0, 2 / 8], atol=1e-6)


def weights_of(combine, losses):
    """The derivatives of what a strategy of losses makes of them."""
    losses = tf.constant(losses)
    with tf.GradientTape() as tape:
        tape.watch(losses)
        loss = combine(losses)
    return tape.gradient(loss, losses).numpy()


def test_uw_so_by_hand():
    """1/L = (2, 1): softmax, at T = 1/log 3 the shares 9 : 3; the weights themselves are held."""
    weights = weights_of(UWSO().build(TASKS), [0.5, 1.0])
    np.testing.assert_allclose(weights, [1 / (1 + np.exp(-1)), 1 / (1 + np.e)], rtol=1e-6)
    weights = weights_of(UWSO(temperature=1 / np.log(3)).build(TASKS), [0.5, 1.0])
    np.testing.assert_allclose(weights, [0.75, 0.25], rtol=1e-6)


def test_uw_so_of_a_loss_of_0_is_that_task():
    np.testing.assert_allclose(weights_of(UWSO().build(TASKS), [2.0, 0.0]), [0.0, 1.0])


THREE = {"ranking": Ranking(), "retrieval": Retrieval(), "other": Ranking()}


def test_go4align_groups_by_hand():
    """γ = ⅓ · 7 / (1, 2, 4); 7/6 and 7/12 are nearer than 7/3 and 7/6, and share their mean."""
    combine = GO4Align(step_size=1e-12).build(THREE)
    np.testing.assert_allclose(weights_of(combine, [1.0, 2.0, 4.0]), [7 / 3, 7 / 8, 7 / 8])
    combine = GO4Align(step_size=1e-12).build(THREE)
    np.testing.assert_allclose(weights_of(combine, [4.0, 1.0, 2.0]), [7 / 8, 7 / 3, 7 / 8])


def test_go4align_remembers_by_hand():
    """η = log 2: losses (1, 1), then (1, 2), leave p = (2^-2, 2^-3) / (3/8) = (⅔, ⅓)."""
    combine = GO4Align(step_size=np.log(2)).build(TASKS)
    np.testing.assert_allclose(weights_of(combine, [1.0, 1.0]), [1.0, 1.0], rtol=1e-6)
    expected = [2 / 3 * 3 / 1, 1 / 3 * 3 / 2]
    np.testing.assert_allclose(weights_of(combine, [1.0, 2.0]), expected, rtol=1e-6)


def test_go4align_remembers_an_absent_task_as_it_was():
    """A step without the second task leaves the sum of its losses alone."""
    losses = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    gradients = np.broadcast_to(np.eye(2), [3, 2, 2])
    present = np.array([[True, True], [True, False], [True, True]])
    found = apply(GO4Align(step_size=np.log(2)), losses, gradients, present=present).updates
    np.testing.assert_allclose(found[1], [1.0, 0.0], rtol=1e-6)  # a task alone
    np.testing.assert_allclose(found[2], [2 / 3, 4 / 3], rtol=1e-6)  # 2 · (2^-3, 2^-2) / (3/8)


def with_gramian(rows):
    return np.linalg.cholesky(np.array(rows, float))


def test_pe_ltr_by_hand():
    """G ω ∝ 1 at ω = (8, 2, -1) / 9; the nearest point of the simplex is (5, 1, 0) / 6.

    MGDA's solution is (4, 1, 0) / 5. With c = (0, 1, 1) / 10 that of Σ w = 1 is (47, 7, 6) / 60.
    """
    gradients = with_gramian([[1, 0, 1], [0, 4, 1], [1, 1, 3]])
    found = apply(PELTR(), np.ones([1, 3]), gradients[None]).weights[0]
    np.testing.assert_allclose(found, [5 / 6, 1 / 6, 0.0], atol=1e-6)
    least = {"task_1": 0.1, "task_2": 0.1}
    found = apply(PELTR(least=least), np.ones([1, 3]), gradients[None]).weights[0]
    np.testing.assert_allclose(found, [47 / 60, 7 / 60, 0.1], atol=1e-6)


@pytest.mark.parametrize("second", [[0.0, 2.0], [-3.0, 1.0], [3.0, 1.0], [-2.0, 0.0], [2.0, 0.0]])
def test_pe_ltr_of_two_tasks_is_mgda(second):
    gradients = np.array([[1.0, 0.0], second])
    np.testing.assert_allclose(
        update_of(PELTR(), gradients), update_of(MGDA(), gradients), atol=1e-6
    )


def test_pe_ltr_refuses_bounds_that_leave_nothing():
    faults = PELTR(least={"rank": 0.2}).check(["ranking", "retrieval"])
    assert list(faults) == [("least.rank", "not a trained task (did you mean 'ranking'?)")]
    faults = PELTR(least={"ranking": 0.5, "retrieval": 0.5}).check(["ranking", "retrieval"])
    assert list(faults) == [("least", "expected a sum below 1, found 1")]


def test_gradcraft_by_hand():
    """g = (1, 0), (-1, 2): without its part along the other each is (0.8, 0.4), (0, 2)."""
    gradients = np.array([[1.0, 0.0], [-1.0, 2.0]])
    found = update_of(GradCraft(relax=0.0), gradients)
    np.testing.assert_allclose(found, [0.4, 1.2], atol=1e-6)
    # lengths made equal: the first by √5
    found = update_of(GradCraft(relax=1.0), gradients)
    np.testing.assert_allclose(found, [0.4 * 5**0.5, (0.4 * 5**0.5 + 2) / 2], rtol=1e-6)
    # ε ‖g₁‖ ‖g₂‖ = √5 / 2 along each: (0.8, 0.4) + √5/10 (-1, 2) and (0, 2) + √5/2 (1, 0)
    found = update_of(GradCraft(relax=0.0, epsilon=0.5), gradients)
    expected = [0.4 + 5**0.5 / 5, 1.2 + 5**0.5 / 10]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_gradcraft_leaves_gradients_alone_that_agree():
    gradients = np.array([[1.0, 0.0], [1.0, 2.0]])
    np.testing.assert_allclose(update_of(GradCraft(relax=0.0), gradients), [1.0, 1.0], rtol=1e-6)


PLANE = np.array([[1.0, 0, 0], [0, 1, 0], [1, 0.5, 0]])
"""Linearly dependent: g_3 = g_1 + g_2 / 2."""


def update_of(weighting, gradients):
    return apply(weighting, np.ones([1, len(gradients)]), gradients[None]).updates[0]


def rounded(*rows):
    """Gradients as a model has them."""
    return np.float32(rows).astype(float)


A, B = np.random.default_rng(0).normal(size=(2, 40))
DEPENDENT = {
    "plane": PLANE,
    "many elements": rounded(A, B, 0.3 * A + 0.7 * B),
    "around 0": rounded(A, B, -0.3 * A - 0.7 * B),
    "four": rounded(A, B, A + B, A - 0.5 * B),
    "duplicate": rounded(A, B, A),
    "duplicate of another length": rounded(A, B, 100 * A),
    "opposite and one more": rounded(A, B, -A),
    "zero": rounded(A, B, 0 * A),
    "all alike": rounded(A, A, A),
    "independent": rounded(A, B, A[::-1]),
}
dependent = pytest.mark.parametrize("gradients", DEPENDENT.values(), ids=DEPENDENT)


def units(gradients):
    norms = np.linalg.norm(gradients, axis=1)
    return norms, gradients / np.where(norms > 0, norms, 1.0)[:, None]


@dependent
def test_config_of_dependent_gradients(gradients):
    """x = U⁺ 1 (Liu et al., ConFIG, eq. 2), the update (Σ g_i · x̂) x̂ (eq. 3): the pinv of J."""
    _, unit = units(gradients)
    x = np.linalg.pinv(unit, rcond=1e-6) @ np.ones(len(unit))
    x /= np.linalg.norm(x)
    expected = (gradients @ x).sum() * x
    found = update_of(ConFIG(), gradients)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.linalg.norm(expected))


@dependent
@pytest.mark.parametrize("weighting", [IMTLG(), IMTL()], ids=lambda w: w.name)
def test_imtl_of_dependent_gradients(weighting, gradients):
    """α ∝ D⁻¹ (U⁺)ᵀ U⁺ 1, of sum 1; in the first step the scales of IMTL are 1."""
    norms, unit = units(gradients)
    inverse = np.linalg.pinv(unit, rcond=1e-6)
    alpha = inverse.T @ inverse @ np.ones(len(unit))
    alpha = np.where(norms > 0, alpha / np.where(norms > 0, norms, 1.0), 0.0)
    expected = alpha / alpha.sum() @ gradients
    found = update_of(weighting, gradients)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.linalg.norm(expected))


@dependent
def test_gradcraft_of_dependent_gradients(gradients):
    """By the pseudo-inverse of the rows in conflict, with ε = 0."""
    crafted = [
        g - np.linalg.pinv(rows, rcond=1e-6) @ (rows @ g)
        for g in gradients
        for rows in [gradients[gradients @ g < -1e-9]]
    ]
    found = update_of(GradCraft(relax=0.0, epsilon=0.0), gradients)
    np.testing.assert_allclose(found, np.mean(crafted, axis=0), atol=1e-5 * abs(gradients).max())


def test_dependent_gradients_in_numbers():
    np.testing.assert_allclose(update_of(ConFIG(), PLANE), [1.66109, 1.81087, 0], atol=1e-5)
    np.testing.assert_allclose(update_of(IMTLG(), PLANE), [0.56143, 0.61206, 0], atol=1e-5)


@dependent
def test_aligned_mtl_of_dependent_gradients(gradients):
    """1/T · B J, B = σ_min U Σ⁺ Uᵀ: the components of J's own SVD at its least length above 0."""
    left, sigma, right = np.linalg.svd(gradients, full_matrices=False)
    kept = sigma > 1e-6 * sigma[0]
    expected = sigma[kept][-1] * (left[:, kept] @ right[kept]).mean(0)
    found = update_of(AlignedMTL(), gradients)
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.linalg.norm(expected))


@pytest.mark.parametrize("weighting", [ConFIG(), IMTLG(), IMTL()], ids=lambda w: w.name)
@pytest.mark.parametrize("length", [1.0, 2.0])
def test_opposite_gradients_have_no_direction(weighting, length):
    """U⁺ 1 is 0, and rounding makes no direction of it."""
    np.testing.assert_array_equal(update_of(weighting, rounded(A, -length * A)), 0)
