"""Made-up ratings in the shape of MovieLens."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field, model_validator

import mtbench

BLOCK = 2**23
"""Scores held at once while items are drawn: users of a block times items."""


class Synthetic(mtbench.Dataset):
    """Ratings from a latent factor model, so that both tasks can be learned.

    Items have a Zipf-like popularity, users a log-normal activity. A user draws distinct items with
    probability ∝ popularity · exp(preference), where preference is a scaled dot product of latent
    vectors, and rates them by biases, preference and noise, rounded to 1 to 5.
    """

    name = "synthetic"
    num_users: int = Field(943, ge=1)
    """Number of users."""
    num_items: int = Field(1682, ge=2)
    """Number of items, all of them candidates whether rated or not."""
    num_ratings: int = Field(100_000, ge=2)
    """Number of ratings."""
    latent_dim: int = Field(4, ge=1)
    """Length of the latent vectors."""
    popularity_exponent: float = Field(0.8, ge=0, allow_inf_nan=False)
    """How fast popularity falls with an item's rank: 1 / rank^exponent."""
    preference_scale: float = Field(2.0, ge=0, allow_inf_nan=False)
    """Standard deviation of the preferences; 0 makes retrieval a matter of popularity alone."""
    noise: float = Field(0.5, ge=0, allow_inf_nan=False)
    """Standard deviation of a rating's noise, in stars."""
    seed: int = Field(0, ge=0)
    """Seed of the data; a run's seed has no influence on it."""

    @model_validator(mode="after")
    def _fits(self) -> Synthetic:
        if self.num_ratings > self.num_users * self.num_items:
            raise ValueError(
                f"expected at most num_users × num_items = {self.num_users * self.num_items} "
                f"ratings, found {self.num_ratings}"
            )
        return self

    def source_digest(self) -> str:
        """Nothing is read: the options say it all."""
        return ""

    def load(self) -> mtbench.Data:
        """Draw the ratings, in the order of their timestamps."""
        rng = np.random.default_rng(self.seed)
        users = rng.normal(size=(self.num_users, self.latent_dim)).astype(np.float32)
        items = rng.normal(size=(self.num_items, self.latent_dim)).astype(np.float32)
        scale = self.preference_scale / math.sqrt(self.latent_dim)
        ranks = rng.permutation(self.num_items) + 1
        popularity = (-self.popularity_exponent * np.log(ranks)).astype(np.float32)
        activity = _shares(
            rng.lognormal(sigma=0.9, size=self.num_users), self.num_ratings, self.num_items
        )
        query = np.repeat(np.arange(self.num_users), activity)
        candidate = np.concatenate(
            [
                _draw(rng, scale * users[rows] @ items.T + popularity, activity[rows])
                for rows in np.array_split(
                    np.arange(self.num_users), max(1, self.num_users * self.num_items // BLOCK)
                )
            ]
        )
        preference = scale * np.einsum("nd,nd->n", users[query], items[candidate])
        rating = 3.5 + rng.normal(scale=0.4, size=self.num_users)[query]
        rating += rng.normal(scale=0.4, size=self.num_items)[candidate]
        rating += 0.5 * (preference - preference.mean())  # what is drawn is preferred on average
        rating += rng.normal(scale=self.noise, size=len(query))
        order = rng.permutation(len(query))
        start = 874_724_710  # the first second of MovieLens 100K
        timestamp = start + np.sort(rng.integers(0, 18_000_000, len(query)))
        user_names = np.array(
            [f"user-{n:0{len(str(self.num_users))}d}" for n in range(self.num_users)]
        )
        item_names = np.array(
            [f"item-{n:0{len(str(self.num_items))}d}" for n in range(self.num_items)]
        )
        return mtbench.Data.encode(
            query=("user_id", user_names[query[order]]),
            candidate=("movie_title", item_names[candidate[order]]),
            columns={
                "user_rating": np.clip(np.rint(rating), 1, 5)[order].astype(np.float32),
                "timestamp": timestamp,
            },
            source="synthetic",
            catalogue=(item_names, item_names),
            synthetic=True,
        )


def _shares(weights: np.ndarray, total: int, most: int) -> np.ndarray:
    """Divide `total` by weights into whole numbers of at most `most` each, int64."""
    shares = np.zeros(len(weights), dtype=np.int64)
    while (rest := total - shares.sum()) > 0:
        free = shares < most
        wanted = np.where(free, weights, 0.0)
        # every round places at least one: the largest remainders get what rounding leaves over
        exact = rest * wanted / wanted.sum()
        more = np.floor(exact).astype(np.int64)
        left = int(rest - more.sum())
        more[np.argsort(np.floor(exact) - exact, kind="stable")[:left]] += 1
        shares = np.minimum(shares + np.where(free, more, 0), most)
    return shares


def _draw(rng: np.random.Generator, logits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Draw `counts[u]` distinct columns of each row with probability ∝ exp(logits).

    The Gumbel top-k trick (Kool et al., ICML 2019): the k largest of logits plus Gumbel noise are
    a sample without replacement.
    """
    noise = rng.standard_exponential(logits.shape, dtype=np.float32)
    keys = logits - np.log(noise + np.finfo(np.float32).tiny)
    order = np.argsort(-keys, axis=1, kind="stable")
    return np.concatenate([row[:n] for row, n in zip(order, counts, strict=True)])


@mtbench.hookimpl
def mtbench_datasets() -> list[type[mtbench.Dataset]]:
    """Offer the dataset."""
    return [Synthetic]
