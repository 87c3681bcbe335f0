"""A trained model that was saved beside its record, ready to be asked."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbench.data.context import SITUATION, encoded
from mtbench.data.dataset import Side
from mtbench.data.encoding import places_in
from mtbench.data.interactions import Interactions
from mtbench.errors import MtbenchError, RecordError, did_you_mean
from mtbench.metrics.places import block_size, top_candidates
from mtbench.metrics.seen import Seen
from mtbench.plugin.lazy import quiet_stderr
from mtbench.plugin.registry import Registry, installed
from mtbench.plugin.view import TestView
from mtbench.records import store
from mtbench.records.beside import read_arrays
from mtbench.records.document import suite_document
from mtbench.records.record import Answer, Record
from mtbench.suite.reader import load_suite
from mtbench.suite.suite import Suite

from .identity import differing, question_of, run_of, run_of_record
from .plan import PlannedRun, make_plan
from .stages import Stages, context_columns

if TYPE_CHECKING:
    from mtbench.train.model import MultiTaskModel


def load_model(
    folder: str | os.PathLike[str],
    run_id: str,
    *,
    plugins: Iterable[str | os.PathLike[str]] = (),
) -> SavedModel:
    """Load the model of a run that was made with `--save-models`, as it was when it was scored.

    Args:
        folder: Such as `results/ml100k`.
        run_id: Of the run.
        plugins: Python files with plugins that the suite was run with.

    Raises:
        RecordError: There is no such record, or no weights beside it.
        DataError: The data is not there.
        PluginError: A component is not installed.

    Warns:
        UserWarning: Code, software or data are others than the run had, so that numbers may be.
    """
    place = store.suite_folder(Path(folder))
    record = store.read(store.path_of(place, run_id))
    where = store.beside(place, record, "weights")
    if where is None:
        raise RecordError(f"{place}: no weights of run {run_id}: run again with --save-models")
    weights = read_arrays(place, record, "weights")
    registry = installed()
    for path in plugins:
        registry.load_file(Path(path))
    question, answer = record.question, record.answer
    document = suite_document(record.suite, question, {record.scenario: answer}, [record.seed])
    run = _planned(load_suite(document, registry), answer, registry)
    if run.id != record.run_id and question.stands_in_for is None:
        keys = differing(run_of_record(record), run.run)
        text = f"{run_id}: made with other {keys}: its numbers may be others now"
        warnings.warn(text, stacklevel=2)
    stages = Stages(registry.identity)
    stages.prepare([run.setup], run.seed)
    with quiet_stderr():
        from mtbench.train.artifacts import set_weights  # noqa: PLC0415 - imports TensorFlow
        from mtbench.train.model import MultiTaskModel  # noqa: PLC0415
    model = MultiTaskModel(run.setup, stages.data(run.setup))
    set_weights(model, weights, str(where))
    return SavedModel(record, run, stages, model)


def _planned(suite: Suite, answer: Answer, registry: Registry) -> PlannedRun:
    """The one run of a suite, whose options were chosen as the answer says."""
    (run,) = make_plan(suite, registry)
    if answer.tuning is None:
        return run
    setup = replace(run.setup, tuning=answer.tuning.model_dump(mode="json"))
    return PlannedRun(run_of(setup, run.seed, question_of(setup, registry), registry), setup)


class SavedModel:
    """A trained model.

    Attributes:
        record: What is known of its run.
        users: Ids of the queries (users), text `[num_queries]`.
        items: Ids of the candidates (items), text `[num_candidates]`.
    """

    def __init__(
        self, record: Record, run: PlannedRun, stages: Stages, model: MultiTaskModel
    ) -> None:
        self.record = record
        self._model = model
        data = stages.data(run.setup)
        self._query, self._candidate, self._context = data.query, data.candidate, data.context
        self._reads = context_columns(run.setup)
        self.users, self.items = data.query.ids, data.candidate.ids
        self._dtypes = data.interactions.dtypes
        self._parts = stages.parts(run.setup, run.seed)
        self._seen, self._scored = self._parts.scored(run.setup)

    def evaluate(self) -> dict[str, dict[str, float]]:
        """Score every task again on the part it was scored on: `{task: {metric: value}}`."""
        from mtbench.train.evaluate import evaluate  # noqa: PLC0415 - imports TensorFlow

        return evaluate(self._model, self._parts.train, self._scored, self._seen).metrics

    def embed_users(
        self,
        user_ids: Sequence[str],
        task: str | None = None,
        context: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    ) -> np.ndarray:
        """Return the embeddings of users for a task, float32 `[users, embedding_dim]`.

        Args:
            user_ids: Who.
            task: Default: the first task.
            context: For a model that reads it, by name a value for each user.
        """
        queries = _positions(self._query, user_ids)
        columns = self._in_context(context, len(queries))
        name = task or next(iter(self._model.heads))
        return np.asarray(self._model.queries(name, queries, columns))

    def embed_items(
        self, item_ids: Sequence[str] | None = None, task: str | None = None
    ) -> np.ndarray:
        """Return the embeddings of items for a task, float32 `[items, embedding_dim]`.

        Args:
            item_ids: Which; default: the whole catalogue, in the order of `items`.
            task: Default: the first task.
        """
        catalogue = np.asarray(self._model.catalogue(task or next(iter(self._model.heads))))
        return catalogue if item_ids is None else catalogue[_positions(self._candidate, item_ids)]

    def predict(
        self,
        user_ids: Sequence[str],
        item_ids: Sequence[str],
        task: str | None = None,
        context: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    ) -> np.ndarray:
        """Return a prediction for each pair of a user and the item beside it, float32 `[n]`.

        For `ranking` it is the rating.

        Args:
            user_ids: Who.
            item_ids: What, as many.
            task: Default: the first task whose head can `predict`.
            context: For a model that reads it, by name a value for each pair.

        Raises:
            MtbenchError: An id is unknown, there are not as many of both, or no head can; or what
                the model reads of the context is not given.
        """
        if len(user_ids) != len(item_ids):
            raise MtbenchError(
                f"expected as many items as users, found {len(item_ids)} and {len(user_ids)}"
            )
        name, head = self._head("predict", task)
        pairs = self._rows(
            _positions(self._query, user_ids),
            _positions(self._candidate, item_ids),
            self._in_context(context, len(user_ids)),
        )
        (batch,) = self._model.batches(pairs.columns, (name,)).values()
        return np.asarray(head.predict(batch))

    def recommend(
        self,
        user_ids: Sequence[str],
        k: int = 10,
        exclude_seen: bool = True,
        task: str | None = None,
        context: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    ) -> np.ndarray:
        """Return the best k items of each user, the best first: text `[users, k]`.

        Among items of equal score the one that comes first in `items`. Where fewer are left, the
        empty text.

        Args:
            user_ids: Who.
            k: How many.
            exclude_seen: Leave out what the user had before the part that was scored.
            task: Default: the first task whose head has `scores`.
            context: For a model that reads it, by name a value for each user.

        Raises:
            MtbenchError: An id is unknown, or no head ranks; or what the model reads of the context
                is not given.
        """
        name, head = self._head("scores", task)
        queries = _positions(self._query, user_ids)
        columns = self._in_context(context, len(queries))
        askers, places = np.unique(queries, return_inverse=True)
        requests = askers
        if columns:  # what one user asks for twice may be two lists
            askers, places = queries, np.arange(len(queries))
            requests = columns[SITUATION] = places.astype(np.int32)
        rows = self._rows(askers, np.zeros(len(askers), np.int32), columns)
        view = TestView(self._model, name, self._parts.train, rows, self._seen)
        score, seen = head.scores(view), Seen.of(self._seen) if exclude_seen else None
        best = np.full((len(askers), k), "", self.items.dtype)
        size = block_size(len(self.items))
        for start in range(0, len(askers), size):
            block = slice(start, start + size)
            scored = zip(askers[block].tolist(), score(requests[block]), strict=True)
            for n, (query, row) in enumerate(scored, start):
                top = top_candidates(row, k, seen[query] if seen else None)
                best[n, : len(top)] = self.items[top]
        return best[places]

    def _head(self, ability: str, task: str | None) -> tuple[str, Any]:
        """A head that can do something, and the name of its task.

        Raises:
            MtbenchError: The task is unknown, or its head cannot.
        """
        heads: dict[str, Any] = dict(self._model.heads)
        if task is not None and task not in heads:
            raise MtbenchError(f"unknown task {task!r}{did_you_mean(task, heads)}")
        for name in heads if task is None else (task,):
            if hasattr(heads[name], ability):
                return name, heads[name]
        raise MtbenchError(f"expected a task whose head has `{ability}`, found {list(heads)}")

    def _in_context(self, context: Mapping[str, Sequence[Any]], number: int) -> dict[str, Any]:
        """What the model reads of a context, as columns `[number]`."""
        if unknown := context.keys() - self._context.keys():
            name = min(unknown)
            raise MtbenchError(f"context: unknown name {name!r}{did_you_mean(name, self._context)}")
        for name in self._reads:
            if len(context.get(name, ())) != number:
                raise MtbenchError(
                    f"context: the model reads {name!r}: expected a value of it for each user, "
                    f"{number}, found {len(context.get(name, ()))}"
                )
        return {name: encoded(self._context[name], context[name], name) for name in self._reads}

    def _rows(
        self, queries: np.ndarray, candidates: np.ndarray, known: Mapping[str, np.ndarray]
    ) -> Interactions:
        """Pairs as interactions, all else that is known of such 0."""
        names = self._dtypes.keys() - {SITUATION}
        columns = {name: np.zeros(len(queries), self._dtypes[name]) for name in names}
        columns |= {"query": queries, "candidate": candidates, **known}
        return Interactions(columns, len(self.users), len(self.items))


def _positions(side: Side, ids: Sequence[str]) -> np.ndarray:
    """Where ids stand, int32 `[n]`.

    Raises:
        RecordError: One is unknown.
    """
    texts = np.asarray(ids).astype(str)
    if texts.ndim != 1:
        raise MtbenchError(f"expected a list of {side.key}, found shape {list(texts.shape)}")
    places, there = places_in(side.ids, texts)
    wrong = texts[~there]
    if len(wrong):
        near = did_you_mean(str(wrong[0]), side.ids.tolist())
        near = near if "did you mean" in near else ""  # not a list of all there are
        raise RecordError(f"unknown {side.key} {str(wrong[0])!r}{near}")
    return places.astype(np.int32)
