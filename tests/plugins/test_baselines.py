"""The baselines, each against a naive computation, its objective, or a case by hand."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import interactions, of_pairs

import mtbench
from mtbench.data import interaction_matrix
from mtbench.data.store import load_data
from mtbench.kit import RowRidge, co_occurrences, keep_largest, zero_diagonal_weights
from mtbench_plugins.baselines.bayesian_fm import BayesianFM
from mtbench_plugins.baselines.biased_mf import BiasedMF
from mtbench_plugins.baselines.ease import EASE
from mtbench_plugins.baselines.edlae import EDLAE
from mtbench_plugins.baselines.ials import IALS
from mtbench_plugins.baselines.item_knn import ItemKNN
from mtbench_plugins.baselines.rp3beta import RP3beta
from mtbench_plugins.baselines.svdpp import SVDpp
from mtbench_plugins.datasets.movielens import MovieLens
from mtbench_plugins.splits.random import Random
from mtbench_plugins.splits.stratified import Stratified
from mtbench_plugins.tasks.ranking import Ranking
from mtbench_plugins.tasks.retrieval import Retrieval

ITEM_BASED = [EASE(l2=2.0), EDLAE(l2=2.0), ItemKNN(shrinkage=1.0), RP3beta()]
RETRIEVAL = [*ITEM_BASED, IALS(embedding_dim=4)]
PAIRS = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (0, 1)]
"""One of them twice; query 3 and candidate 4 have none."""
X = np.zeros((4, 5))
X[tuple(np.transpose(PAIRS))] = 1.0

matrices = st.integers(0, 2**32 - 1).map(
    lambda seed: (np.random.default_rng(seed).random((7, 5)) < 0.45).astype(float)
)


def rows_of(matrix):
    """A row for each entry that is not 0."""
    return interactions(*np.nonzero(matrix), *matrix.shape)


def scores(baseline, rows, seed=0):
    return baseline.fit(rows, None, seed).scores(np.arange(rows.num_queries))


def some_ratings(seed, users=9, movies=7, number=40):
    """Rows and labels; the last user and movie have none."""
    rng = np.random.default_rng(seed)
    query, candidate = rng.integers(users - 1, size=number), rng.integers(movies - 1, size=number)
    return interactions(query, candidate, users, movies), rng.integers(1, 6, number).astype(float)


# What they are made of


def test_the_matrix_has_each_pair_once_in_order():
    rows = of_pairs(PAIRS)
    matrix = interaction_matrix(rows)
    assert np.array_equal(matrix.toarray(), X)
    again = interaction_matrix(rows.take(np.arange(len(rows))[::-1]))
    for part in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(matrix, part), getattr(again, part))


def test_co_occurrences_in_blocks(monkeypatch):
    monkeypatch.setattr("mtbench.kit.items._BLOCK", 3)
    matrix = interaction_matrix(of_pairs(PAIRS))
    assert np.array_equal(co_occurrences(matrix), X.T @ X)
    weights = np.array([0.5, 2.0, 3.0, 1.0])
    np.testing.assert_allclose(co_occurrences(matrix, weights), X.T @ (weights[:, None] * X))


def test_the_largest_of_each_column_the_first_of_equal_ones():
    weights = np.array([[1.0, 0.0, 2.0], [3.0, -1.0, 2.0], [2.0, 0.0, 2.0]])
    kept = keep_largest(weights, 2).toarray()
    assert np.array_equal(kept, [[0, 0, 2], [3, 0, 2], [2, 0, 0]])


@given(st.integers(0, 2**32 - 1))
def test_ridge_of_each_row(seed):
    """Against least squares with rows √penalty eᵀ below, in blocks that do not divide the rows."""
    rng = np.random.default_rng(seed)
    row, column = rng.integers(6, size=20), rng.integers(4, size=20)
    x, t, penalties = rng.normal(size=(4, 3)), rng.normal(size=20), rng.random((7, 3)) + 0.1
    root = rng.normal(size=(3, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mtbench.kit.ridge._BLOCK", 4)
        solved = RowRidge(row, column, 7).solve(x, t, penalties, root.T @ root)
    for number in range(7):
        mine = row == number
        if not mine.any():
            assert not solved[number].any()
            continue
        left = np.concatenate([x[column[mine]], np.diag(np.sqrt(penalties[number])), root])
        right = np.concatenate([t[mine], np.zeros(6)])
        np.testing.assert_allclose(solved[number], np.linalg.lstsq(left, right)[0], atol=1e-9)


def test_penalties_too_small_are_refused():
    with pytest.raises(mtbench.DataError, match="cannot be inverted: raise l2"):
        zero_diagonal_weights(np.ones((3, 3)), np.full(3, 1e-300))


# Scores


def without_own(x, penalties):
    """Ridge regressions of each column on the others."""
    weights = np.zeros((x.shape[1],) * 2)
    for i in range(x.shape[1]):
        others = np.delete(np.arange(x.shape[1]), i)
        gram = x[:, others].T @ x[:, others] + np.diag(penalties[others])
        weights[others, i] = np.linalg.solve(gram, x[:, others].T @ x[:, i])
    return weights


@given(matrices, st.floats(0.1, 100))
def test_ease_is_the_ridge_regression_on_the_others(x, l2):
    expected = x @ without_own(x, np.full(5, l2))
    found = scores(EASE(l2=l2), rows_of(x))
    has = x.any(axis=1)
    np.testing.assert_allclose(found[has], expected[has], atol=1e-6)


@settings(max_examples=20)
@given(matrices, st.sampled_from([0.2, 0.5]))
def test_edlae_minimises_the_loss_of_what_was_dropped(x, p):
    """Over all ways to drop, by its probability: the regression of a column on what is left."""
    expected, l2 = np.zeros((5, 5)), 0.7
    for i in range(5):
        others, left, right = np.delete(np.arange(5), i), [], []
        for kept in itertools.product([0, 1], repeat=4):  # given that i is dropped
            weight = np.sqrt(np.prod(np.where(kept, 1 - p, p)))
            left.append(weight * x[:, others] * kept / (1 - p))
            right.append(weight * x[:, i])
        left, right = np.concatenate(left), np.concatenate(right)
        gram = left.T @ left + l2 * np.eye(4)
        expected[others, i] = np.linalg.solve(gram, left.T @ right)
    found, has = scores(EDLAE(dropout=p, l2=l2), rows_of(x)), x.any(axis=1)
    np.testing.assert_allclose(found[has], (x @ expected)[has], atol=1e-6)


def test_edlae_without_dropout_is_ease():
    rows = of_pairs(PAIRS)
    assert np.array_equal(scores(EDLAE(dropout=0.0, l2=3.0), rows), scores(EASE(l2=3.0), rows))


def test_neighbours_by_hand():
    """Of candidate 1: cosine 2/√(2·3) with 0 and 2, 1/√3 with 3; h = 1 is added below."""
    found = scores(ItemKNN(shrinkage=1.0), of_pairs(PAIRS))
    two, one = 2 / (np.sqrt(6) + 1), 1 / (np.sqrt(3) + 1)
    zero_two, two_three = 1 / (2 + 1), 1 / (np.sqrt(2) + 1)
    expected = [
        [two, two, zero_two + two, one, 0],
        [two + zero_two, 2 * two, zero_two + two, one + two_three, 0],
    ]
    np.testing.assert_allclose(found[:2], expected)
    nearest = scores(ItemKNN(shrinkage=1.0, top_k=1), of_pairs(PAIRS))
    np.testing.assert_allclose(nearest[0], [two, two, two, 0, 0])  # of 1 the first of two


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.7, 0.4)])
def test_walks_one_by_one(alpha, beta):
    """Query to candidate j to query v to candidate i, but not back to j."""
    found = scores(RP3beta(alpha=alpha, beta=beta), of_pairs(PAIRS))
    of_query, of_candidate = X.sum(1), X.sum(0)
    expected = np.zeros((4, 5))
    for u, j, v, i in itertools.product(range(4), range(5), range(4), range(5)):
        if i != j and X[u, j] and X[v, j] and X[v, i]:
            steps = (1 / of_candidate[j]) ** alpha * (1 / of_query[v]) ** alpha
            expected[u, i] += steps / of_candidate[i] ** beta
    np.testing.assert_allclose(found[:3], expected[:3])


def test_few_walks_from_each_candidate():
    """From 1 as many lead to 0 as to 2, with more candidates at what is between: 0 is kept."""
    found = scores(RP3beta(alpha=1.0, beta=0.0, top_k=1), of_pairs([(0, 1), *PAIRS[2:8]]))
    walks = {0: (1, 1 / 3), 1: (2, (1 / 3 + 1 / 3) / 3), 2: (1, (1 / 3 + 1 / 3) / 2), 3: (1, 1 / 3)}
    expected = np.zeros((3, 5))
    for query, had in enumerate([(1,), (0, 1, 2), (1, 2, 3)]):
        for j in had:
            expected[query, walks[j][0]] += walks[j][1]
    np.testing.assert_allclose(found[:3], expected)


@pytest.mark.parametrize("baseline", ITEM_BASED, ids=lambda baseline: baseline.name)
def test_a_query_without_rows_is_given_what_is_popular(baseline):
    assert np.array_equal(scores(baseline, of_pairs(PAIRS))[3], X.sum(0))


@pytest.mark.parametrize("exponent", [1.0, 0.5])
def test_ials_is_where_its_loss_is_least(exponent):
    """The gradient of the loss over the whole matrix is 0 for both sides."""
    options = {"embedding_dim": 2, "unobserved_weight": 0.3, "l2": 0.05, "epochs": 3000}
    fitted = IALS(**options, frequency_exponent=exponent).fit(of_pairs(PAIRS), None, 0)
    p, q = fitted.queries[:3], fitted.candidates
    product, x = p @ q.T, X[:3]
    outer = x * (product - 1) + 0.3 * product
    of_query, of_candidate = (x.sum(1) + 0.3 * 5) ** exponent, (x.sum(0) + 0.3 * 4) ** exponent
    np.testing.assert_allclose(outer @ q + 0.05 * of_query[:, None] * p, 0, atol=1e-9)
    np.testing.assert_allclose(outer.T @ p + 0.05 * of_candidate[:, None] * q, 0, atol=1e-6)
    assert np.abs(product).max() > 0.5
    assert np.array_equal(fitted.queries[3], p.mean(0))
    assert not fitted.candidates[4].any()


@pytest.mark.parametrize("baseline", RETRIEVAL, ids=lambda baseline: baseline.name)
def test_what_only_the_test_part_tells_is_not_found(baseline):
    """Training pairs are drawn evenly, test pairs by groups of queries and candidates."""
    rng, users, movies, groups = np.random.default_rng(5), 400, 80, 4
    order = rng.random((users, movies)).argsort(axis=1)
    train = of_pairs([(u, i) for u in range(users) for i in order[u, :12]], users, movies)
    rest = [(u, i) for u in range(users) for i in order[u, 12:] if u % groups == i % groups]
    test = of_pairs(rest, users, movies)
    task = Retrieval(measures=("ndcg",), top_k=(10,), seen=("removed",))
    part = mtbench.ScoredPart(train, test)
    found = task.score(baseline.fit(*task.examples(train), 0).scores, part)
    (name, value), (by_query,) = *found.items(), part.by_query.values()
    chance = task.floors(train, test, train)["chance"][name]
    assert abs(value - chance) < 4 * by_query.std() / np.sqrt(users)
    leaked = mtbench.ScoredPart(test, test, train)
    told = task.score(baseline.fit(*task.examples(test), 0).scores, leaked)[name]
    assert told > 2 * chance  # so that it could be seen


# Predictions


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(3))
def test_biased_mf_is_where_its_loss_is_least(seed):
    rows, labels = some_ratings(seed)
    fitted = BiasedMF(embedding_dim=2, l2=0.1, epochs=2000).fit(rows, labels, seed)
    p, q = fitted.queries, fitted.candidates
    assert fitted.mean == labels.mean()
    assert np.abs(p[:, :-1] @ q[:, :-1].T).max() > 0.1
    gradient = {"p": np.zeros_like(p), "q": np.zeros_like(q)}
    for u, i, label in zip(rows.query, rows.candidate, labels, strict=True):
        error = label - (labels.mean() + p[u, -1] + q[i, -1] + p[u, :-1] @ q[i, :-1])
        assert fitted.predictions([u], [i])[0] == pytest.approx(label - error)
        gradient["p"][u] += 0.1 * p[u] - error * np.append(q[i, :-1], 1)
        gradient["q"][i] += 0.1 * q[i] - error * np.append(p[u, :-1], 1)
    assert max(np.abs(side).max() for side in gradient.values()) < 1e-6
    assert fitted.predictions([8], [6]) == [labels.mean()]


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(3))
def test_svdpp_is_where_its_loss_is_least(seed):
    """With the prediction and the gradients written out row by row (eq. 15)."""
    rows, labels = some_ratings(seed)
    options = {"embedding_dim": 2, "l2": 0.1, "implicit_l2": 0.01, "epochs": 1000, "steps": 3}
    with pytest.MonkeyPatch.context() as patch:
        made = keep_implicit(patch)
        fitted = SVDpp(**options).fit(rows, labels, seed)
    p, q, y = fitted.queries, fitted.candidates, made[0].y
    gradient = [np.zeros_like(x) for x in (p, q, y)]
    had = {u: sorted(set(rows.candidate[rows.query == u])) for u in set(rows.query.tolist())}
    for u, i, label in zip(rows.query, rows.candidate, labels, strict=True):
        z = sum(y[j] for j in had[u]) / np.sqrt(len(had[u]))
        predicted = labels.mean() + p[u, -1] + q[i, -1] + q[i, :-1] @ (p[u, :-1] + z)
        error = label - predicted
        assert fitted.predictions([u], [i])[0] == pytest.approx(predicted)
        gradient[0][u] += 0.1 * p[u] - error * np.append(q[i, :-1], 1)
        gradient[1][i] += 0.1 * q[i] - error * np.append(p[u, :-1] + z, 1)
        for j in had[u]:
            gradient[2][j] += 0.01 * y[j] - error * q[i, :-1] / np.sqrt(len(had[u]))
    assert max(np.abs(side).max() for side in gradient) < 1e-5
    assert np.abs(y).max() > 0.05
    assert fitted.predictions([8], [6]) == [labels.mean()]


def keep_implicit(patch):
    """Collect what SVD++ makes of the vectors y."""
    from mtbench_plugins.baselines import svdpp

    made = []

    class Kept(svdpp.Implicit):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    patch.setattr(svdpp, "Implicit", Kept)
    return made


def features(implicit):
    """Of every pair of query and candidate, `[4, 5, n]`, of `PAIRS`, written out."""
    has, by = (
        X / np.sqrt(np.maximum(X.sum(1), 1))[:, None],
        X.T / np.sqrt(np.maximum(X.sum(0), 1))[:, None],
    )
    of_query = np.concatenate([np.eye(4), *([has] if implicit != "none" else [])], axis=1)
    of_candidate = np.concatenate([np.eye(5), *([by] if implicit == "both" else [])], axis=1)
    return np.array([[np.append(u, i) for i in of_candidate] for u in of_query])


@pytest.mark.parametrize("implicit", ["none", "query", "both"])
def test_a_factorisation_machine_of_ids_and_of_what_each_has(implicit):
    """The mean over samples of w₀ + w · x + Σ_{a<b} (v_a · v_b) x_a x_b (Rendle, 2012, eq. 1)."""
    rows, labels = of_pairs(PAIRS), np.array([5.0, 1, 4, 2, 3, 1, 5, 4, 1])
    fitted = BayesianFM(embedding_dim=2, samples=7, burn_in=2, implicit=implicit).fit(
        rows, labels, 3
    )
    x, model = features(implicit).reshape(20, -1), fitted.model
    assert len(model.w0_samples) == 7
    expected = np.zeros(20)
    for w0, w, v in zip(model.w0_samples, model.w_samples, model.V_samples, strict=True):
        pairs = ((x @ v) ** 2 - (x**2) @ (v**2)).sum(1) / 2
        expected += (labels.mean() + w0 + x @ w + pairs) / 7
    query, candidate = np.divmod(np.arange(20), 5)
    np.testing.assert_allclose(fitted.predictions(query, candidate), expected)


def test_a_factorisation_machine_finds_biases_and_says_nothing(capfd):
    rng = np.random.default_rng(0)
    query, candidate = np.divmod(np.arange(600), 20)
    bias_u, bias_i = rng.normal(size=30), rng.normal(size=20)
    labels = 3 + bias_u[query] + bias_i[candidate]
    train = rng.permutation(600)[:450]
    rows = interactions(query[train], candidate[train], 30, 20)
    found = BayesianFM(samples=50).fit(rows, labels[train], 0).predictions(query, candidate)
    assert np.sqrt(np.mean((found - labels) ** 2)) < 0.1
    assert capfd.readouterr() == ("", "")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "myfm", None)
    with pytest.raises(mtbench.MtbenchError, match=r"myfm is needed .* 'mtbench\[baselines\]'"):
        BayesianFM().require()


def test_reading_the_plugins_imports_neither_scipy_nor_a_library():
    code = (
        "import sys\nfrom mtbench.plugin.registry import installed\ninstalled()\n"
        "print({'scipy', 'myfm', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "set()\n", done.stderr


# MovieLens


@pytest.fixture(scope="module")
def movies(registry, data_dir):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", data_dir)
        dataset = MovieLens(candidate="id")
        return load_data(dataset, registry.identity(dataset))


def metric(baseline, data, split, task):
    rows = split.build(data, 0)
    train, test = data.interactions.take(rows.train), data.interactions.take(rows.test)
    part, fitted = mtbench.ScoredPart(train, test), baseline.fit(*task.examples(train), 0)
    if task.wants == "scores":
        given = fitted.scores
    else:
        given = fitted.predictions(part.test.query, part.test.candidate)
    return next(iter(task.score(given, part).values()))


@pytest.mark.thorough
@pytest.mark.realdata
@pytest.mark.parametrize(
    ("baseline", "expected"),
    [
        (EASE(), 0.4796),
        (EDLAE(), 0.4817),
        (ItemKNN(), 0.4339),
        (RP3beta(), 0.4245),
        (IALS(embedding_dim=32), 0.469),
    ],
    ids=lambda given: getattr(given, "name", ""),
)
def test_ndcg_of_movielens_100k(movies, baseline, expected):
    """Published: EASE 0.478, EDLAE 0.480, iALS 0.466, item neighbours 0.431, over seeds."""
    task = Retrieval(measures=("ndcg",), top_k=(10,), seen=("removed",))
    found = metric(baseline, movies, Stratified(test_share=0.25), task)
    assert found == pytest.approx(expected, abs=0.002)


@pytest.mark.thorough
@pytest.mark.realdata
@pytest.mark.parametrize(
    ("baseline", "expected"),
    [
        (BiasedMF(embedding_dim=8), 0.9245),
        (SVDpp(embedding_dim=8, epochs=5), 0.9206),
        (BayesianFM(embedding_dim=8, samples=40, burn_in=5), 0.8928),
    ],
    ids=lambda given: getattr(given, "name", ""),
)
def test_rmse_of_movielens_100k(movies, baseline, expected):
    """With fewer numbers than by default, to be fast."""
    assert metric(baseline, movies, Random(), Ranking()) == pytest.approx(expected, abs=0.002)
