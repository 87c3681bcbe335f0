"""Made-up ratings in the shape of MovieLens."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

import mtbench
from mtbench.data import Coded, Ids, Known, Raw

Rows = tuple[np.ndarray, np.ndarray]
BLOCK = 2**23
"""Scores held at once while items are drawn: users of a block times items."""


class MadeUp(mtbench.Options):
    """A made-up feature."""

    form: Literal["categorical", "numeric", "multi_hot"] = "categorical"
    """One value of several, a number around 40, or several values."""
    num_values: int = Field(8, ge=1)
    """Number of values, unless it is numeric."""

    def draw(self, rng: np.random.Generator, latent: np.ndarray) -> Raw:
        """Project the latent vectors, `[ids, latent_dim]`, on random directions.

        Categorical: the value whose direction agrees most. Multi-hot: that one, and those that
        agree by more than a standard deviation. Numeric: 40 and 10 standard deviations.
        """
        number = 1 if self.form == "numeric" else self.num_values
        directions = rng.normal(size=(latent.shape[1], number))
        agreement = latent @ (directions / np.linalg.norm(directions, axis=0))
        if self.form == "numeric":
            return Raw("numeric", np.rint(40 + 10 * agreement[:, 0]))
        values = np.array([f"{n:0{len(str(number))}d}" for n in range(number)])
        most = values[agreement.argmax(axis=1)]
        if self.form == "categorical":
            return Raw("categorical", most)
        applies = agreement > 1
        return Raw(
            "multi_hot", [[best, *values[row]] for best, row in zip(most, applies, strict=True)]
        )


CASCADE = ("click", "buy", "would_buy", "click_probability", "buy_probability")
"""The columns of a cascade."""


class Cascade(mtbench.Options):
    """Clicks, and what is bought of them, with the probabilities that they were drawn by.

    The logit of a click is a + selection · x, that of a purchase b + spread · (ρ x + √(1 − ρ²) z),
    ρ the relatedness; x and z are products of latent vectors of user and item, standardised and
    uncorrelated over the rows. What is clicked is so a sample that x chooses.
    """

    click_rate: float = Field(0.2, gt=0, lt=1)
    """Mean probability of a click."""
    buy_rate: float = Field(0.2, gt=0, lt=1)
    """Mean probability that a row would be bought if it were clicked, over all rows."""
    selection: float = Field(2.0, ge=0, allow_inf_nan=False)
    """Standard deviation of the logits of clicks; with 0 they are drawn of all rows alike."""
    spread: float = Field(1.5, ge=0, allow_inf_nan=False)
    """Standard deviation of the logits of purchases."""
    relatedness: float = Field(0.5, ge=-1, le=1)
    """Correlation of both logits."""

    def columns(
        self, rng: np.random.Generator, sides: tuple[np.ndarray, np.ndarray], rows: Rows
    ) -> dict[str, np.ndarray]:
        """Draw `click`, `buy`, `would_buy`, float32 `[n]`, 0 or 1, and the truth about them.

        Args:
            rng: The stream to draw from.
            sides: Latent vectors of users and items, `[ids, latent_dim]` each.
            rows: User and item of each row, int `[n]`.
        """
        dim, n = sides[0].shape[1], len(rows[0])
        first, second = (_standardised(_products(rng, sides, rows, dim)) for _ in range(2))
        second = _standardised(second - np.mean(first * second) * first)
        wish = self.relatedness * first + math.sqrt(1 - self.relatedness**2) * second
        click = _with_mean(self.selection * first, self.click_rate)
        buy = _with_mean(self.spread * wish, self.buy_rate)
        clicked, would_buy = rng.random(n) < click, rng.random(n) < buy
        columns = (clicked, clicked & would_buy, would_buy, click, buy)
        named = zip(CASCADE, columns, strict=True)
        return {name: column.astype(np.float32) for name, column in named}


class Behaviour(mtbench.Options):
    """Something that users do or do not do with an item, drawn by a known probability.

    Its logit is b + spread · (ρ x + √(1 − ρ²) z), ρ the relatedness: x is one taste that all
    behaviours share, z one of its own. Each is a product of latent vectors of user and item, drawn
    for it alone, standardised and, over the rows, uncorrelated with x.
    """

    rate: float = Field(0.3, gt=0, lt=1)
    """Mean probability."""
    spread: float = Field(2.0, ge=0, allow_inf_nan=False)
    """Standard deviation of the logits: the less, the more of it is noise."""
    relatedness: float = Field(1.0, ge=-1, le=1)
    """Correlation of its logit with the shared taste: two behaviours have the product of theirs
    as correlation, which below 0 is a conflict."""
    labelled: float = Field(1.0, gt=0, le=1)
    """Share of the rows of which it is known; of the others it is missing (NaN)."""


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
    missing_label: float = Field(0.0, ge=0, lt=1)
    """Share of the interactions without a rating (NaN)."""
    query_features: dict[str, MadeUp] = Field({})
    """Features of the users by name; they follow the latent vectors."""
    candidate_features: dict[str, MadeUp] = Field({})
    """Features of the items by name; they follow the latent vectors."""
    cascade: Cascade | None = None
    """Draw for each row a click, `click`, and whether that is bought, `buy`, 1 or 0 each. Known
    beside it: what would have been bought if it were clicked, `would_buy`, and both probabilities,
    `click_probability` and `buy_probability`."""
    behaviours: dict[str, Behaviour] = Field({})
    """Draw for each row what the user does, by name a column of 1 or 0; known beside it: the
    probability it was drawn by, `NAME_probability`."""
    seed: int = Field(0, ge=0)
    """Seed of the data; a run's seed has no influence on it."""

    @model_validator(mode="after")
    def _fits(self) -> Synthetic:
        if self.num_ratings > self.num_users * self.num_items:
            raise ValueError(
                f"expected at most num_users × num_items = {self.num_users * self.num_items} "
                f"ratings, found {self.num_ratings}"
            )
        taken = {"user_rating", "timestamp", *(CASCADE if self.cascade else ())}
        for name in self.behaviours:
            if {name, f"{name}_probability"} & taken or not name.isidentifier():
                raise ValueError(
                    f"expected behaviours of names that no other column has, found {name!r}"
                )
            taken |= {name, f"{name}_probability"}
        return self

    def options(self) -> dict[str, Any]:
        """The options; later ones only where they are said, since runs without were made before."""
        options = super().options()
        unsaid = [name for name in ("cascade", "behaviours") if not getattr(self, name)]
        return {name: value for name, value in options.items() if name not in unsaid}

    def source_digest(self) -> str:
        """Nothing is read: the options say it all."""
        return ""

    def load(self) -> mtbench.Data:
        """Draw the ratings, in the order of their timestamps."""
        rng = np.random.default_rng(self.seed)
        users = rng.normal(size=(self.num_users, self.latent_dim)).astype(np.float32)
        items = rng.normal(size=(self.num_items, self.latent_dim)).astype(np.float32)
        query, candidate = self._interactions(rng, users, items)
        rating = self._ratings(rng, users, items, query, candidate)
        order = rng.permutation(len(query))
        start = 874_724_710  # the first second of MovieLens 100K
        timestamp = start + np.sort(rng.integers(0, 18_000_000, len(query)))
        rating = np.clip(np.rint(rating), 1, 5)[order].astype(np.float32)
        if self.missing_label:
            drawn = np.random.default_rng([self.seed, 1]).random(len(rating))
            rating[drawn < self.missing_label] = np.nan
        drawn_of = np.random.default_rng([self.seed, 3])
        cascade = self.cascade
        columns = cascade.columns(drawn_of, (users, items), (query, candidate)) if cascade else {}
        columns |= self._behaviours((query, candidate))
        sides = [
            Known(_names("user", self.num_users), self._features(0, self.query_features, users)),
            Known(
                _names("item", self.num_items), self._features(1, self.candidate_features, items)
            ),
        ]
        return mtbench.Data.encode(
            query=Ids("user_id", Coded(sides[0].ids, query[order]), sides[0]),
            candidate=Ids("movie_title", Coded(sides[1].ids, candidate[order]), sides[1]),
            columns={
                "user_rating": rating,
                "timestamp": timestamp,
                **{name: column[order] for name, column in columns.items()},
            },
            source="synthetic",
            synthetic=True,
        )

    def _interactions(
        self, rng: np.random.Generator, users: np.ndarray, items: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw who rates what: user and item of each rating, int32 `[num_ratings]`."""
        scale = self.preference_scale / math.sqrt(self.latent_dim)
        ranks = rng.permutation(self.num_items) + 1
        popularity = (-self.popularity_exponent * np.log(ranks)).astype(np.float32)
        activity = _shares(
            rng.lognormal(sigma=0.9, size=self.num_users), self.num_ratings, self.num_items
        )
        blocks = max(1, self.num_users * self.num_items // BLOCK)
        candidate = [
            _draw(rng, scale * users[rows] @ items.T + popularity, activity[rows])
            for rows in np.array_split(np.arange(self.num_users), blocks)
        ]
        query = np.repeat(np.arange(self.num_users, dtype=np.int32), activity)
        return query, np.concatenate(candidate)

    def _ratings(
        self,
        rng: np.random.Generator,
        users: np.ndarray,
        items: np.ndarray,
        query: np.ndarray,
        candidate: np.ndarray,
    ) -> np.ndarray:
        """Draw the ratings before they are rounded, float64 `[num_ratings]`."""
        scale = self.preference_scale / math.sqrt(self.latent_dim)
        starts = range(0, len(query), BLOCK)
        blocks = [slice(start, start + BLOCK) for start in starts]
        preference = scale * np.concatenate(
            [np.einsum("nd,nd->n", users[query[rows]], items[candidate[rows]]) for rows in blocks]
        )
        rating = 3.5 + rng.normal(scale=0.4, size=self.num_users)[query]
        rating += rng.normal(scale=0.4, size=self.num_items)[candidate]
        rating += 0.5 * (preference - preference.mean())  # what is drawn is preferred on average
        return np.asarray(rating + rng.normal(scale=self.noise, size=len(query)))

    def _behaviours(self, rows: Rows) -> dict[str, np.ndarray]:
        """Draw what is done in each row, float32 `[n]` a column; each from a stream of its own."""
        columns: dict[str, np.ndarray] = {}
        if not self.behaviours:
            return columns
        shared = self._taste(np.random.default_rng([self.seed, 4]), rows)
        for name, behaviour in self.behaviours.items():
            rng = np.random.default_rng([self.seed, 4, zlib.crc32(name.encode())])
            own = self._taste(rng, rows)
            own = _standardised(own - np.mean(shared * own) * shared)
            rho = behaviour.relatedness
            wish = rho * shared + math.sqrt(1 - rho**2) * own
            probability = _with_mean(behaviour.spread * wish, behaviour.rate)
            done = (rng.random(len(shared)) < probability).astype(np.float32)
            done[rng.random(len(shared)) >= behaviour.labelled] = np.nan
            columns |= {name: done, f"{name}_probability": probability.astype(np.float32)}
        return columns

    def _taste(self, rng: np.random.Generator, rows: Rows) -> np.ndarray:
        """Products of latent vectors that are drawn for it, standardised over the rows."""
        sizes = (self.num_users, self.num_items)
        users, items = (rng.normal(size=(n, self.latent_dim)).astype(np.float32) for n in sizes)
        return _standardised(_products(rng, (users, items), rows, self.latent_dim))

    def _features(
        self, side: int, made_up: Mapping[str, MadeUp], latent: np.ndarray
    ) -> dict[str, Raw]:
        """Make up the features of a side from its latent vectors, each from a stream of its own."""
        features = {}
        for name, options in made_up.items():
            rng = np.random.default_rng([self.seed, 2, side, zlib.crc32(name.encode())])
            features[name] = options.draw(rng, latent)
        return features


def _products(
    rng: np.random.Generator, sides: tuple[np.ndarray, np.ndarray], rows: Rows, dim: int
) -> np.ndarray:
    """Products u A i of each row with a random matrix A, float64 `[n]`."""
    users, items = sides
    turned = users @ rng.normal(size=(dim, dim)).astype(np.float32)
    starts = range(0, len(rows[0]), BLOCK)
    parts = [
        np.einsum("nd,nd->n", turned[rows[0][s : s + BLOCK]], items[rows[1][s : s + BLOCK]])
        for s in starts
    ]
    return np.concatenate(parts).astype(np.float64)


def _standardised(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / max(values.std(), np.finfo(np.float64).tiny))


def _with_mean(logits: np.ndarray, mean: float) -> np.ndarray:
    """Probabilities of the logits and a constant that gives them this mean, float64 `[n]`."""
    low, high = -1000.0, 1000.0
    for _ in range(60):  # to 2e-15
        middle = (low + high) / 2
        probabilities = 1.0 / (1.0 + np.exp(-np.clip(logits + middle, -500, 500)))
        low, high = (middle, high) if probabilities.mean() < mean else (low, middle)
    return np.asarray(probabilities)


def _names(word: str, number: int) -> np.ndarray:
    """Ids whose order as text is that of their numbers."""
    return np.array([f"{word}-{n:0{len(str(number))}d}" for n in range(number)])


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
    keys = rng.standard_exponential(logits.shape, dtype=np.float32)
    keys += np.finfo(np.float32).tiny
    np.log(keys, out=keys)
    keys -= logits  # smallest first
    return np.concatenate([_smallest(row, n) for row, n in zip(keys, counts, strict=True)])


def _smallest(keys: np.ndarray, number: int) -> np.ndarray:
    """Positions of the smallest keys in their order, of equal ones the first, int32.

    As the start of a stable `argsort`, but only what is in it is sorted.
    """
    if number == 0:
        return np.empty(0, np.int32)
    bound = np.partition(keys, number - 1)[number - 1]
    within = np.flatnonzero(keys <= bound).astype(np.int32)
    return within[np.argsort(keys[within], kind="stable")[:number]]


@mtbench.hookimpl
def mtbench_datasets() -> list[type[mtbench.Dataset]]:
    """Offer the dataset."""
    return [Synthetic]
