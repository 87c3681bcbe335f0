"""Training many seeds at once ends where mtbench's own training ends."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mtbench.plugin.registry import installed
from mtbench.suite.advice import advice_suite
from mtbench.suite.reader import load_suite
from mtbench.train.trainer import Trainer

sys.path.insert(0, str(Path(__file__).parent))  # as a script sees them
import advise
import at_once


def params(setup, variables):
    """A model's variables, all heads of them by dot products, under the names of `at_once`."""
    found = {"query": variables[0], "candidate": variables[1]}
    for n, task in enumerate(setup.trained):
        place = 2 + 2 * list(setup.tasks).index(task)
        found |= {f"{n}.bu": variables[place], f"{n}.bi": variables[place + 1]}
    return {key: value.numpy()[np.newaxis].copy() for key, value in found.items()}


@pytest.mark.parametrize("arm", ["view-alone", "buy-alone", "constant", "imtl-g"])
def test_from_the_same_weights_it_ends_at_the_same(arm, monkeypatch):
    suite = load_suite(advise.world(2), installed())
    setup = advice_suite(suite, installed(), scenario="joint").setup(arm)
    data = setup.dataset.load()
    trainer, initial, kept = Trainer(setup, data), at_once._initial, []
    first = params(setup, trainer._prepare(0).trainable_variables)

    class Kept(at_once.Models):
        def __init__(self, *given):
            super().__init__(*given)
            kept.append(self)

    monkeypatch.setattr(at_once, "Models", Kept)
    monkeypatch.setattr(at_once, "_initial", lambda *given: initial(*given) | first)
    at_once.scores(setup, data, [0])
    train = data.interactions.take(np.sort(setup.split.build(data, 0).train))
    model = trainer.train(0, train).model
    for key, value in params(setup, model.trainable_variables).items():
        np.testing.assert_allclose(kept[0].params[key], value, atol=1e-3, err_msg=key)
