"""A dataset: interactions as integer arrays, and what is known of both sides."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from mtbench.errors import DataError

from .context import encode_context
from .encoding import Coded, Feature, Ids, Raw, encode_candidates, encode_queries
from .interactions import Interactions


@dataclass(frozen=True)
class Side:
    """One side of the interactions: its id feature, all values of it and what is known of them."""

    key: str
    """Name of the id feature, such as `user_id`."""
    ids: np.ndarray
    """Every id, as text, in the order of the integers that stand for them."""
    features: Mapping[str, Feature] = field(default_factory=dict)
    """Further features by name."""


@dataclass(frozen=True)
class Data:
    """A dataset, read and encoded."""

    query: Side
    candidate: Side
    interactions: Interactions
    source: str
    """What it is, for records and reports: `movielens/100k-ratings/0.1.1`."""
    synthetic: bool = False
    """Whether it was made up rather than observed."""

    notes: tuple[str, ...] = ()
    """What its reader found worth saying, such as how many labels are missing."""
    context: Mapping[str, Feature] = field(default_factory=dict)
    """What is known of each interaction before its outcome, by name: a row for each of them, which
    is its column, too."""

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, features and interactions: equal for equal content, however stored."""
        digest = hashlib.sha256()
        for side in (self.query, self.candidate):
            digest.update("\0".join((side.key, *side.ids.tolist(), "")).encode())
            for name, feature in sorted(side.features.items()):
                values = np.ascontiguousarray(feature.values)
                kind = (name, feature.form, values.dtype.str, str(values.shape))
                digest.update("\0".join((*kind, *feature.names.tolist(), "")).encode())
                digest.update(values.data)
        for name, feature in sorted(self.context.items()):
            digest.update("\0".join((name, feature.form, *feature.names.tolist(), "")).encode())
        for name, column in sorted(self.interactions.columns.items()):
            digest.update(f"{name}:{column.dtype.str}:".encode())
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    def with_feature(
        self, side: Literal["query", "candidate"], name: str, feature: Feature
    ) -> Data:
        """Return the same with a further feature of a side, or another in place of one.

        Args:
            side: Of which.
            name: What it is called.
            feature: A row for each id of the side.

        Raises:
            DataError: It has another number of rows.
        """
        old: Side = getattr(self, side)
        if len(feature.values) != len(old.ids):
            raise DataError(
                f"{self.source}: feature {name!r} of {old.key}: expected {len(old.ids)} rows, one "
                f"for each id, found {len(feature.values)}"
            )
        new = Side(old.key, old.ids, {**old.features, name: feature})
        return replace(self, query=new) if side == "query" else replace(self, candidate=new)

    def with_context(self, context: Mapping[str, Raw]) -> Data:
        """Return the same with what is known of each interaction before its outcome.

        Args:
            context: By name, such as `device`, a value for each interaction, categorical or
                numeric.

        Raises:
            DataError: A number is not finite, or missing in all rows.
        """
        rows = self.interactions
        known, meant = encode_context(rows.query, context, self.source)
        columns = {**rows.columns, **known}
        return replace(
            self,
            interactions=Interactions(columns, rows.num_queries, rows.num_candidates),
            context=meant,
        )

    @staticmethod
    def encode(
        query: Ids | tuple[str, np.ndarray],
        candidate: Ids | tuple[str, np.ndarray],
        columns: Mapping[str, np.ndarray],
        source: str,
        synthetic: bool = False,
        notes: Iterable[str] = (),
    ) -> Data:
        """Turn ids into integers, in the order of their texts, and what is known into arrays.

        Args:
            query: Name of the id feature, the id of each interaction, and what is known of the ids.
            candidate: The same for the candidates. Where something is known these are all of them,
                else those that have an interaction.
            columns: Further columns of the interactions.
            source: What the data is.
            synthetic: Whether the data was made up.
            notes: What is worth saying of it.

        Raises:
            DataError: There is no interaction, or one with a candidate outside the catalogue, or
                a feature is no feature.
        """
        users, items = Ids(*query), Ids(*candidate)
        values = users.values
        if not len(values.codes if isinstance(values, Coded) else values):
            raise DataError(f"{source}: expected interactions, found none")
        query_ids, query_codes, query_features = encode_queries(users, source)
        names, codes, features = encode_candidates(items, source)
        return Data(
            Side(users.key, query_ids, query_features),
            Side(items.key, names, features),
            Interactions(
                {"query": query_codes, "candidate": codes, **columns}, len(query_ids), len(names)
            ),
            source,
            synthetic,
            tuple(notes),
        )
