"""The contract catches what it is there for: published faults, planted, and others."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import mtbench
from mtbench.cli.main import main
from mtbench.testing import apply, check_component, contract
from mtbench.testing.weightings import goes_without, traces

FAULTS = {
    # GradNorm that looks at the first embedding table
    "first-table": """
class FirstTable(mtbench.GradientWeighting):
    "Weights that even out gradient norms, of the first shared variable only."
    name = "first-table"
    def build(self, tasks, sizes):
        return Update(len(tasks), sizes[0])

class Update:
    def __init__(self, tasks, first):
        self.first = first
        self.weights = tf.Variable(tf.ones([tasks]), trainable=False)
    def __call__(self, losses, gradients):
        lengths = tf.norm(gradients[:, : self.first], axis=1)
        norms = self.weights * lengths
        moved = self.weights - 0.025 * lengths * tf.sign(norms - tf.reduce_mean(norms))
        self.weights.assign(moved / tf.reduce_mean(moved))
        return tf.linalg.matvec(gradients, self.weights, transpose_a=True)
""",
    # an uncertainty weight clamped so that it does nothing
    "clamped": """
class Clamped(mtbench.LossWeighting):
    "Uncertainty of clamped precision."
    name = "clamped"
    def build(self, tasks):
        return Loss(len(tasks))

class Loss:
    def __init__(self, tasks):
        self.log_variance = tf.Variable(tf.zeros([tasks]))
    def __call__(self, losses):
        precision = tf.exp(-tf.clip_by_value(self.log_variance, 0.0, 0.0))
        return tf.reduce_sum(precision * losses + self.log_variance)
""",
    # the same, clamped on one side: half of what it should do
    "half-clamped": """
class HalfClamped(mtbench.LossWeighting):
    "Uncertainty that never gives a task more weight than at the start."
    name = "half-clamped"
    def build(self, tasks):
        return Loss(len(tasks))

class Loss:
    def __init__(self, tasks):
        self.log_variance = tf.Variable(tf.zeros([tasks]))
    def __call__(self, losses):
        s = tf.nn.relu(self.log_variance)
        return tf.reduce_sum(tf.exp(-s) * losses + s)
""",
    # weights that always come out as 1
    "ones": """
class Ones(mtbench.GramianWeighting):
    "A softmax over an axis of length one."
    name = "ones"
    def build(self, tasks):
        return lambda losses, gramian: tf.nn.softmax(tf.linalg.diag_part(gramian)[:, None])[:, 0]
""",
    # state in an attribute, which a graph reads once, when it is traced
    "frozen": """
class Frozen(mtbench.LossWeighting):
    "A softmax of the losses, whose temperature rises with the steps."
    name = "frozen"
    def build(self, tasks):
        return Loss()

class Loss:
    def __init__(self):
        self.steps = 0
    def __call__(self, losses):
        self.steps += 1
        share = tf.nn.softmax(tf.stop_gradient(losses) / self.steps)
        return losses.shape[0] * tf.reduce_sum(share * losses)
""",
}
DEMANDS = {
    "first-table": {"No shared variable is special"},
    "clamped": {"Weights respond", "Variables it trains do move"},
    "half-clamped": {"Weights respond", "Variables it trains do move"},
    "ones": {"Weights respond"},
    "frozen": {"A graph of it"},
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", FAULTS)
def test_check_plugin_catches_a_published_fault(name, tmp_path, capsys):
    path = tmp_path / "faulty.py"
    made = FAULTS[name].partition("class ")[2].partition("(")[0]
    path.write_text(
        f"import tensorflow as tf\nimport mtbench\n{FAULTS[name]}\n"
        f"@mtbench.hookimpl\ndef mtbench_weightings():\n    return [{made}]\n"
    )
    assert main(["check-plugin", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"weighting {name}"
    failed = [line.split("  ")[-1] for line in lines if line.startswith("  FAILED")]
    assert len(failed) == len(DEMANDS[name])
    for demand in DEMANDS[name]:
        assert any(line.startswith(demand) for line in failed)
    assert lines[-1] == f"{len(failed)} clauses do not hold"


def test_check_plugin_by_name(capsys):
    assert main(["check-plugin", "leave-last-out"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("split leave-last-out\n  ok      Options are valid")
    assert out.endswith("the contract holds\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["equals"], "mtbench: no file and no component 'equals' (did you mean 'equal'?)\n"),
        (["nowhere.py"], "mtbench: nowhere.py: no such plugin file\n"),
    ],
)
def test_check_plugin_of_nothing(words, told, capsys):
    assert main(["check-plugin", *words]) == 2
    assert capsys.readouterr().err == told


class Strategy(mtbench.LossWeighting):
    """A weighted sum, to be broken."""

    name = "strategy"
    power: float = 1.0
    """Nothing."""

    def build(self, tasks):
        return lambda losses: tf.reduce_sum(losses**2)


class First(Strategy):
    """Only the first task."""

    def build(self, tasks):
        return lambda losses: losses[0]


class Backwards(Strategy):
    """Away from the minimum."""

    def build(self, tasks):
        return lambda losses: -tf.reduce_sum(losses**2)


class Declared(Strategy):
    """Another degree than it says: Σ L² has gradient 2 L g, of degree 2."""

    degree = 1


class Constant(Strategy):
    """Declared constant, and not."""

    adaptive = False


class Helpless(Strategy):
    """An option without help."""

    other: int = 3


class Python(Strategy):
    """Counts in Python, which the next seed sees."""

    def build(self, tasks):
        return lambda losses: tf.reduce_sum(losses) * COUNT.pop()


class Infinite(Strategy):
    """Divides by the difference of the first losses."""

    def build(self, tasks):
        return lambda losses: tf.reduce_sum(losses**2) / (losses[0] - losses[-1])


class Evaluated(Strategy):
    """Raises."""

    def build(self, tasks):
        raise ArithmeticError("on purpose")


class InAttribute(Strategy):
    """Counts its steps in an attribute."""

    def build(self, tasks):
        return Counting()


class Counting:
    def __init__(self):
        self.steps = 0

    def __call__(self, losses):
        self.steps += 1
        return tf.reduce_sum(losses ** (1 + 1 / self.steps))


class InClosure(Strategy):
    """Counts its steps in a closure."""

    def build(self, tasks):
        kept = {"steps": 0}

        def combine(losses):
            kept["steps"] += 1
            return tf.reduce_sum(losses ** (2 if kept["steps"] < 5 else 1))

        return combine


class OfEpochs(Strategy):
    """Keeps the losses of the last epoch in an attribute."""

    def build(self, tasks):
        return OfEpoch()


class OfEpoch:
    means: Any = 1.0

    def __call__(self, losses):
        return tf.reduce_sum(losses**2 / self.means)

    def epoch_ended(self, losses):
        self.means = losses.numpy()


class AfterSteps(Strategy):
    """Keeps the losses after the step in an attribute, as an array."""

    def build(self, tasks):
        return AfterStep(len(tasks))


class AfterStep:
    def __init__(self, tasks):
        self.logits = tf.Variable(tf.zeros([tasks]))
        self.steps = 0

    def __call__(self, losses):
        return tf.reduce_sum(tf.nn.softmax(tf.stop_gradient(self.logits)) * losses)

    def after_step(self, before, after):
        self.steps += 1
        return tf.reduce_sum(self.logits * (before - after)) / self.steps


class Chance(Strategy):
    """Weights of chance that do not sum to anything."""

    def build(self, tasks):
        return lambda losses: tf.reduce_sum(tf.random.uniform([len(tasks)]) * losses)


@pytest.mark.parametrize("cls", [InAttribute, InClosure, OfEpochs, AfterSteps])
def test_state_that_a_graph_freezes_is_told(cls):
    fault = traces(cls())
    assert fault.startswith("in step ")
    assert "tf.Variable" in fault
    assert "\n" not in fault


def test_where_a_frozen_strategy_first_differs():
    """The graph's power is 2 for good, Python's 1 from the fifth step on."""
    assert traces(InClosure()).startswith("in step 5 its graph gives another update than Python: ")


@pytest.mark.parametrize("cls", [Strategy, First, Chance])
def test_without_state_there_is_nothing_to_freeze(cls):
    assert traces(cls()) is None


class Alone(Strategy):
    """Nothing to weigh, it says, where there is one task."""

    def build(self, tasks):
        return lambda losses: tf.reduce_sum(losses**2) * (len(tasks) > 1)


class Mean(Strategy):
    """Divides by how many were built."""

    def build(self, tasks):
        BUILT.append(tasks)
        return lambda losses: tf.reduce_sum(losses) / len(BUILT)


class OneMore(Strategy):
    """State of one element more than there are tasks."""

    def build(self, tasks):
        return OneMoreElement(len(tasks))


class OneMoreElement:
    def __init__(self, tasks):
        self.last = tf.Variable(tf.ones([tasks + 1]), trainable=False)

    def __call__(self, losses):
        return tf.reduce_sum(losses**2)


BUILT = []


@pytest.mark.parametrize(
    ("cls", "told"),
    [
        (Strategy, None),
        (Chance, None),
        (Alone, "the update is 0 in a step without a label of one of two tasks"),
        (
            Mean,
            "of the first of two tasks, without the last, the update is not that of these alone",
        ),
    ],
)
def test_a_strategy_without_a_task(cls, told):
    assert goes_without(cls()) == told


@pytest.mark.thorough
def test_state_of_some_tasks_that_is_no_part_is_told():
    faults = {demand: fault for demand, fault in contract(OneMore) if fault}
    ((demand, fault),) = faults.items()
    assert demand.startswith("In a step without a label of a task it weighs the others")
    assert fault.startswith("MtbenchError: weighting 'strategy': expected the state of 1 of 2")


COUNT = list(range(1, 100_000))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("cls", "told"),
    [
        (First, "the update depends on the order of the tasks"),
        (Backwards, "With one task the update is a positive multiple of its gradient: found -"),
        (Declared, "`degree` is 1, but for c = 0.1 the update is another"),
        (Constant, "`adaptive` is False, but weights change"),
        (Helpless, "option 'other' has no help: put a string below it"),
        (Python, "a seed gives other numbers after another seed"),
        (Infinite, "is not finite after two steps"),
        (Evaluated, "ArithmeticError: on purpose"),
    ],
)
def test_a_broken_strategy_is_told(cls, told):
    """The clauses after the one that tells it are not asked."""
    faults = (f"{demand}: {fault}" for demand, fault in contract(cls) if fault)
    assert any(told in fault for fault in faults)


@pytest.mark.thorough
def test_all_that_is_broken_is_told_at_once():
    with pytest.raises(AssertionError) as caught:
        check_component(Evaluated)
    first, *faults = str(caught.value).splitlines()
    assert first == "weighting 'strategy' breaks its contract"
    assert len(faults) > 5
    assert all(fault.endswith(": ArithmeticError: on purpose") for fault in faults)


@pytest.mark.thorough
@pytest.mark.parametrize("made", [Strategy, Strategy(power=2.0)])
def test_a_sound_strategy(made):
    check_component(made)


class Tower(mtbench.Tower):
    """Depends on the position in the batch, though it says it does not."""

    name = "positions"

    def build(self, features, tasks):
        return lambda found, training=False: tf.random.normal([tf.size(found["id"]), 3])


class Loose(mtbench.Split):
    """Draws anew whenever it is asked."""

    name = "loose"

    def build(self, data, seed):
        order = np.random.default_rng().permutation(len(data.interactions))
        return mtbench.Parts(order[:-10], order[-10:])


ROWS = np.arange(60)


def returning(*rows, form=mtbench.Parts):
    class Returning(mtbench.Split):
        """Gives what it is told to."""

        name = "returning"

        def build(self, data, seed):
            return form(*rows)

    return Returning


def pair(*rows):
    """What a split was to return once."""
    return rows


class Altering(mtbench.Split):
    """Shuffles the data itself."""

    name = "altering"

    def build(self, data, seed):
        np.random.default_rng(seed).shuffle(data.interactions.query)
        return mtbench.Parts(ROWS[:50], ROWS[50:])


class Refusing(mtbench.Split):
    """Of other data."""

    name = "refusing"
    message: str = "tiny: expected other data, found this"
    """What it says."""

    def build(self, data, seed):
        raise mtbench.DataError(self.message)


@pytest.mark.parametrize(
    ("cls", "told"),
    [
        (Tower, "`by_id` is True, but two rows of one id differ"),
        (Loose, "one seed gives two splits"),
        (
            returning(ROWS[:50], ROWS[50:], form=pair),
            "expected mtbench.Parts(train, test, validation), found tuple",
        ),
        (returning(ROWS, ROWS[:5]), "a row is in two parts"),
        (returning(ROWS[:50], ROWS[50:], ROWS[40:51]), "a row is in two parts"),
        (returning(ROWS[:40], ROWS[50:], ROWS[39:50]), "a row is in two parts"),
        (returning(ROWS[:50], ROWS[[50, 51, 50]]), "test part: a row is there twice"),
        (returning(ROWS[:50], ROWS[50:] + 1), "a row number is out of range: expected 0 to 59"),
        (returning(ROWS[1:50] - 2, ROWS[50:]), "a row number is out of range: expected 0 to 59"),
        (returning(ROWS[:0], ROWS[50:]), "parts of 0 and 10 rows"),
        (returning(ROWS[:50], ROWS[:0], ROWS[50:]), "parts of 50 and 0 rows"),
        (
            returning(ROWS[:50], ROWS[50:].astype(np.int32)),
            "test part: expected int64 [n], found int32 [10]",
        ),
        (
            returning(ROWS < 50, ROWS[50:]),
            "train part: expected int64 [n], found bool [60]",
        ),
        (Altering, "dividing the data changes it"),
        (Refusing(message="one\nand another"), "a refusal is not one line"),
    ],
)
def test_other_kinds(cls, told):
    assert told in [fault for _, fault in contract(cls)]


@pytest.mark.parametrize(
    "cls", [Refusing, returning(ROWS[:50], ROWS[50:]), returning(ROWS[:30], ROWS[50:], ROWS[30:40])]
)
def test_a_sound_split(cls):
    """One may refuse data, leave rows out, and have no validation part."""
    check_component(cls)


def test_apply_by_hand():
    """Weights of L² are 2 L: the update is Σ 2 L_i g_i."""
    losses = np.array([[1.0, 2.0], [3.0, 0.5]])
    gradients = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [2.0, 0.0]]])
    found = apply(Strategy(), losses, gradients)
    np.testing.assert_allclose(found.weights, [[2, 4], [6, 1]])
    np.testing.assert_allclose(found.updates, [[2, 4], [6 + 2, 6]])
