"""Bayesian factorisation machines (Rendle, ACM TIST 2012; Rendle, Zhang and Koren, 2019)."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any, Literal

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import interaction_matrix

EXTRA = "baselines"


class BayesianFM(mtbench.Baseline):
    """Predict labels by a factorisation machine, averaged over samples of its posterior.

    The features of a pair are its two ids and, with `implicit`, the candidates that the query has
    rows with, 1 / √number each, as in SVD++, and the queries of the candidate likewise ("timeSVD++
    flipped" without time; Rendle, Zhang and Koren, "On the difficulty of evaluating baselines",
    arXiv 1905.01395). Groups of features have priors of their own. Sampled by myfm's Gibbs sampler
    (extra `baselines`), in one thread. What has no row is predicted by the means of its group.
    """

    name = "bayesian-fm"
    gives = ("predictions",)
    embedding_dim: int = Field(10, ge=1)
    """Length of the vectors of the features."""
    samples: int = Field(200, ge=1)
    """Sweeps of the sampler that count; its memory and time grow with them."""
    burn_in: int = Field(20, ge=0)
    """Sweeps before them that do not count."""
    implicit: Literal["none", "query", "both"] = "both"
    """Whether what a query has rows with is a feature of it, and of the candidate likewise."""

    def require(self) -> None:
        """Import myfm."""
        _myfm()

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Any:
        """Sample."""
        labels = np.asarray(labels, np.float64)
        history = interaction_matrix(rows).astype(np.float64)
        sides = (
            _features(history, self.implicit != "none"),
            _features(history.T.tocsr(), self.implicit == "both"),
        )
        model = _myfm().MyFMRegressor(self.embedding_dim, random_seed=seed)
        fitted = Sampled(model, tuple(matrix for matrix, _ in sides), float(labels.mean()))
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            model.fit(
                None,
                labels - fitted.mean,
                X_rel=fitted.blocks(rows.query, rows.candidate),
                n_iter=self.burn_in + self.samples,
                n_kept_samples=self.samples,
                group_shapes=[size for _, sizes in sides for size in sizes],
            )
        return fitted


class Sampled:
    """A sampled machine, and the features of each side, CSR `[num, features]`."""

    def __init__(self, model: Any, sides: tuple[Any, ...], mean: float) -> None:
        self.model, self.sides, self.mean = model, sides, mean

    def blocks(self, query: np.ndarray, candidate: np.ndarray) -> list[Any]:
        """The pairs as myfm takes them."""
        block = _myfm().RelationBlock
        return [block(ids, side) for ids, side in zip((query, candidate), self.sides, strict=True)]

    def predictions(self, query: np.ndarray, candidate: np.ndarray) -> np.ndarray:
        """The mean prediction for each pair, float64 `[n]`."""
        return np.asarray(self.mean + self.model.predict(None, self.blocks(query, candidate)))


def _features(history: Any, implicit: bool) -> tuple[Any, list[int]]:
    """Ids, and what each has; and the number of features of each group."""
    from scipy import sparse  # noqa: PLC0415 - a third of a second

    ids = sparse.eye(history.shape[0], format="csr")
    if not implicit:
        return ids, [ids.shape[1]]
    sizes = np.maximum(np.diff(history.indptr), 1.0)
    bag = sparse.csr_matrix(history.multiply(sizes[:, None] ** -0.5))
    return sparse.hstack([ids, bag], format="csr"), [ids.shape[1], bag.shape[1]]


def _myfm() -> Any:
    with warnings.catch_warnings():  # its 0.4 imports the deprecated pkg_resources
        warnings.simplefilter("ignore")
        return mtbench.require("myfm", EXTRA)


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer the baseline."""
    return [BayesianFM]
