"""Architectures that tasks share, against the papers' equations in NumPy, network by network."""

import dataclasses
import re

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

import mtbench
from mtbench.suite.training import Optimizer, Train
from mtbench.testing.tiny import TinyDataset, TinyTask, tiny_suite
from mtbench.train.model import MultiTaskModel
from mtbench.train.trainer import compile_model
from mtbench_plugins.towers.aitm import AITM
from mtbench_plugins.towers.cgc import CGC
from mtbench_plugins.towers.cross_stitch import CrossStitch
from mtbench_plugins.towers.dselect_k import DSelectK
from mtbench_plugins.towers.feature import FeatureMLP
from mtbench_plugins.towers.mmoe import MMoE
from mtbench_plugins.towers.mtan import MTAN
from mtbench_plugins.towers.ple import PLE
from mtbench_plugins.towers.shared_bottom import SharedBottom
from mtbench_plugins.towers.stem import STEM
from mtbench_plugins.weighting.equal import Equal
from mtbench_plugins.weighting.mgda import MGDA
from mtbench_plugins.weighting.pcgrad import PCGrad
from mtbench_plugins.weighting.uncertainty import Uncertainty

SIDE = mtbench.Features("id", {"id": 6})
IDS = np.array([4, 0, 5, 4])
TASKS = ("b", "a", "c")
SMALL = {"id_dim": 5, "embedding_dim": 2}
EXPERTS = {"units": [4, 3], **SMALL}
OWN = {"task_units": [2], **EXPERTS}
ALL = (SharedBottom, MMoE, CGC, PLE, CrossStitch, DSelectK, AITM, STEM, MTAN)


def build(options, tasks=TASKS):
    """A layer with random weights, and these in the order in which its layers were made."""
    layer = options.build(SIDE, tasks)
    rng = np.random.default_rng(0)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer, Made(layer)


def number(layer):
    """Keras counts the layers of a kind: `dense`, `dense_1`, …."""
    return int((re.findall(r"_(\d+)$", layer.name) or ["0"])[0])


class Made:
    """The weights of a model's layers, float64, handed out kind by kind as they were made."""

    def __init__(self, layer):
        self.kinds = {}
        for made in sorted(layer.layers, key=number):
            if made.weights:
                weights = [weight.astype(np.float64) for weight in made.get_weights()]
                self.kinds.setdefault(type(made).__name__, []).append(weights)

    def vectors(self, ids=IDS):
        (table,) = self.kinds["Embedding"].pop(0)
        return table[ids]

    def dense(self):
        return self.kinds["Dense"].pop(0)

    def parallel(self, layers):
        """A list of networks, each a list of layers."""
        stacked = [self.kinds["EinsumDense"].pop(0) for _ in range(layers)]
        count = len(stacked[0][0])
        return [[(kernel[i], bias[i]) for kernel, bias in stacked] for i in range(count)]

    def check_empty(self):
        assert not any(self.kinds.values())


def hidden(values, layers):
    for kernel, bias in layers:
        values = np.maximum(values @ kernel + bias, 0)
    return values


def own_network(values, made, layers):
    """Hidden layers of a task, and its last one."""
    values = hidden(values, [made.dense() for _ in range(layers)])
    kernel, bias = made.dense()
    return values @ kernel + bias


def gated(selector, kernel, outputs):
    """Σ_i softmax(W s)_i f_i, an example at a time."""
    found = []
    for row, example in enumerate(selector):
        logits = example @ kernel
        gate = np.exp(logits - logits.max())
        gate /= gate.sum()
        found.append(sum(g * output[row] for g, output in zip(gate, outputs, strict=True)))
    return np.array(found)


def check(layer, made, expected):
    """Hold a layer to what it should give."""
    made.check_empty()
    found = layer({"id": tf.constant(IDS, tf.int32)}, training=False)
    assert set(found) == set(expected)
    for task, output in found.items():
        assert output.dtype == tf.float32
        np.testing.assert_allclose(output, expected[task], rtol=1e-4, atol=1e-4)
        assert abs(expected[task]).max() > 0.1


@pytest.mark.parametrize("task_units", [[], [2]])
def test_shared_bottom(task_units):
    layer, made = build(SharedBottom(units=[4, 3], task_units=task_units, **SMALL))
    bottom = hidden(made.vectors(), [made.dense(), made.dense()])
    expected = {task: own_network(bottom, made, len(task_units)) for task in TASKS}
    check(layer, made, expected)


def test_mmoe():
    layer, made = build(MMoE(num_experts=3, **OWN))
    vectors = made.vectors()
    experts = [hidden(vectors, network) for network in made.parallel(2)]
    assert len(experts) == 3
    expected = {}
    for task in TASKS:
        (gate,) = made.dense()
        expected[task] = own_network(gated(vectors, gate, experts), made, 1)
    check(layer, made, expected)


@pytest.mark.parametrize("shared", [0, 2])
def test_cgc(shared):
    layer, made = build(CGC(num_experts=3, num_shared_experts=shared, **OWN))
    vectors = made.vectors()
    in_common = [hidden(vectors, n) for n in made.parallel(2)] if shared else []
    expected = {}
    for task in TASKS:
        own = [hidden(vectors, network) for network in made.parallel(2)]
        assert (len(own), len(in_common)) == (3, shared)
        (gate,) = made.dense()
        expected[task] = own_network(gated(vectors, gate, own + in_common), made, 1)
    check(layer, made, expected)


def test_ple():
    """Three levels: the middle one reads gates and feeds gates."""
    layer, made = build(PLE(num_levels=3, num_experts=2, num_shared_experts=1, **OWN))
    reached = dict.fromkeys((*TASKS, "shared"), made.vectors())
    for level in range(3):
        experts = {}
        for who in ("shared", *TASKS):
            experts[who] = [hidden(reached[who], network) for network in made.parallel(2)]
        assert len(experts["shared"]) == 1
        below, reached = reached, {}
        for task in TASKS:
            (gate,) = made.dense()
            reached[task] = gated(below[task], gate, experts[task] + experts["shared"])
        if level < 2:
            (gate,) = made.dense()
            every = [output for who in (*TASKS, "shared") for output in experts[who]]
            reached["shared"] = gated(below["shared"], gate, every)
    check(layer, made, {task: own_network(reached[task], made, 1) for task in TASKS})


def test_cross_stitch():
    layer, made = build(CrossStitch(**EXPERTS))
    vectors = made.vectors()
    states = [vectors] * 3
    for _ in range(2):
        networks = made.parallel(1)
        (stitch,) = made.kinds["EinsumDense"].pop(0)
        states = [hidden(x, network) for x, network in zip(states, networks, strict=True)]
        states = [sum(a * x for a, x in zip(row, states, strict=True)) for row in stitch]
    expected = {task: own_network(x, made, 0) for task, x in zip(TASKS, states, strict=True)}
    check(layer, made, expected)


def test_aitm():
    """Three tasks: the last is handed what the second made of the first's."""
    layer, made = build(AITM(**EXPERTS))
    vectors, expected, before = made.vectors(), {}, None
    for task in TASKS:
        reached = hidden(vectors, [made.dense(), made.dense()])
        if before is not None:
            handed = hidden(before, [made.dense()])
            key, query, value = (made.dense()[0] for _ in range(3))
            rows = []
            for pair in zip(handed, reached, strict=True):
                logits = np.array([(u @ key) @ (u @ query) for u in pair]) / np.sqrt(3)
                weights = np.exp(logits) / np.exp(logits).sum()
                rows.append(sum(w * (u @ value) for w, u in zip(weights, pair, strict=True)))
            reached = np.array(rows)
        expected[task] = own_network(reached, made, 0)
        before = reached
    check(layer, made, expected)


def test_gradients_of_aitm_are_those_of_a_dense_one():
    """Written in TensorFlow as one function of its weights, float64, rows of ids as a product."""
    layer, _ = build(AITM(**EXPERTS))
    mine = [weight for made in in_order(layer) for weight in made.weights]
    aims = {task: np.random.default_rng(9).normal(size=[4, 2]) for task in TASKS}

    def dense(weights):
        left, outputs, before = [*weights], {}, None
        values = tf.one_hot(IDS, 6, dtype=tf.float64) @ left.pop(0)

        def linear(x, bias=True):
            product = x @ left.pop(0)
            return product + left.pop(0) if bias else product

        for task in TASKS:
            reached = tf.nn.relu(linear(tf.nn.relu(linear(values))))
            if before is not None:
                pair = tf.stack([tf.nn.relu(linear(before)), reached], 1)  # [n, 2, k]
                key, query, value = (linear(pair, bias=False) for _ in range(3))
                scores = tf.einsum("nuk,nuk->nu", key, query) / np.sqrt(3)
                reached = tf.einsum("nu,nuk->nk", tf.nn.softmax(scores), value)
            outputs[task] = linear(reached)
            before = reached
        assert not left
        return outputs

    def gradients(of, weights):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            found = of(weights)
            loss = sum(tf.reduce_sum((found[task] - aims[task]) ** 2) for task in TASKS)
        return [tf.convert_to_tensor(each) for each in tape.gradient(loss, weights)]

    expected = gradients(dense, [tf.cast(weight, tf.float64) for weight in mine])
    found = gradients(lambda _: layer({"id": tf.constant(IDS)}), mine)
    for weight, one, other in zip(mine, found, expected, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, atol=1e-5 * scale, err_msg=weight.name)
        assert scale > 0


def test_aitm_by_hand():
    """k = 4, all maps the identity: ⟨u, u⟩ / 2 is 0 and ln 3, so that the own counts thrice."""
    one = np.sqrt(np.log(3) / 2)
    handed, own = tf.keras.Input([4]), tf.keras.Input([4])
    model = tf.keras.Model([handed, own], AITM().transfer(handed, own))
    model.set_weights([np.eye(4)] * 3)
    found = model([tf.zeros([1, 4]), tf.constant([[one, one, one, one]], tf.float32)])
    np.testing.assert_allclose(found, [[0.75 * one] * 4], rtol=1e-6)


def test_later_tasks_of_aitm_reach_earlier_ones_but_not_the_other_way():
    layer, _ = build(AITM(**EXPERTS))
    ids, dense = {"id": tf.constant(IDS)}, [m for m in in_order(layer) if "dense" in m.name]
    with tf.GradientTape(persistent=True) as tape:
        outputs = layer(ids)
    first, last = dense[0].kernel, dense[-1].kernel
    assert tape.gradient(outputs["c"], first) is not None
    assert tape.gradient(outputs["b"], last) is None


def test_stem():
    layer, made = build(STEM(num_experts=2, num_shared_experts=1, **OWN))
    shared = made.vectors()
    in_common = [hidden(shared, network) for network in made.parallel(2)]
    vectors = {task: made.vectors() for task in TASKS}
    experts = [hidden(vectors[task], network) for task in TASKS for network in made.parallel(2)]
    assert (len(in_common), len(experts)) == (1, 6)
    expected = {}
    for task in TASKS:
        (gate,) = made.dense()
        mixed = gated(vectors[task] + shared, gate, experts + in_common)
        expected[task] = own_network(mixed, made, 1)
    check(layer, made, expected)


def test_what_is_of_a_task_in_stem_learns_from_it_alone():
    """Every task reads every table; through another's no gradient goes back."""
    layer, _ = build(STEM(**EXPERTS))
    tables = [made.embeddings for made in in_order(layer) if "embedding" in made.name]
    assert len(tables) == 4  # the shared one first
    before = call(layer)
    with tf.GradientTape(persistent=True) as tape:
        outputs = layer({"id": tf.constant(IDS)})
    for place, task in enumerate(TASKS, 1):
        reached = [tape.gradient(outputs[task], table) is not None for table in tables]
        assert reached == [True, *(place == other for other in (1, 2, 3))]
    tables[1].assign(-tables[1])
    after = call(layer)
    assert not any(np.array_equal(before[task], after[task]) for task in TASKS)


def test_mtan():
    layer, made = build(MTAN(**OWN))
    last, taken = made.vectors(), {}
    for block in range(2):
        first = hidden(last, [made.dense()])
        last = hidden(first, [made.dense()])
        shared = made.dense() if block else None
        found = {}
        for task in TASKS:
            read = first
            if block:
                read = np.concatenate([first, hidden(taken[task], [shared])], 1)
            g, (kernel, bias) = made.dense(), made.dense()
            logits = hidden(read, [g]) @ kernel + bias
            found[task] = last / (1 + np.exp(-logits))
        taken = found
    check(layer, made, {task: own_network(taken[task], made, 1) for task in TASKS})


def test_mtan_by_hand():
    """A mask of weights 0 lets a half through: the output is that of the shared network's half."""
    layer = MTAN(units=[4], **SMALL).build(SIDE, TASKS)
    for weight in layer.weights:
        weight.assign(tf.zeros_like(weight))
    made = {
        name: [m for m in in_order(layer) if m.name.startswith(name)]
        for name in ("embedding", "dense")
    }
    made["embedding"][0].set_weights([np.tile(np.arange(6.0)[:, None], 5)])
    first, second = made["dense"][:2]
    first.set_weights([np.full([5, 4], 0.2), np.ones(4)])  # 0.2 · 5 id + 1
    second.set_weights([np.eye(4), np.zeros(4)])
    made["dense"][-1].set_weights([np.full([4, 2], 0.25), np.zeros(2)])
    found = layer({"id": tf.constant(IDS)})["c"]
    np.testing.assert_allclose(found, np.tile((IDS[:, None] + 1) / 2, 2), rtol=1e-6)


def smooth_step(t, gamma):
    if abs(t) >= gamma / 2:
        return float(t > 0)
    return -2 * t**3 / gamma**3 + 3 * t / (2 * gamma) + 0.5


def selector(digits, expert, gamma):
    """The weight one selector gives an expert, digit by digit; the first is the highest."""
    found = 1.0
    for place, t in enumerate(reversed(digits)):
        step = smooth_step(t, gamma)
        found *= step if (expert >> place) % 2 else 1 - step
    return found


@pytest.mark.parametrize("experts", [2, 8])
def test_dselect_k(experts):
    """Three selectors, some of whose digits are decided; and the entropy of all in the loss."""
    gamma, weight = 1.5, 0.25
    options = DSelectK(num_experts=experts, num_selected=3, gamma=gamma, entropy=weight, **OWN)
    layer, made = build(options)
    vectors = made.vectors()
    outputs = [hidden(vectors, network) for network in made.parallel(2)]
    assert len(outputs) == experts
    expected, entropy, decided = {}, 0.0, set()
    for task in TASKS:
        ((digits,),), ((shares,),) = made.dense(), made.dense()
        rows = digits.reshape(3, -1)
        shares = np.exp(shares) / np.exp(shares).sum()
        weights = np.array([[selector(z, i, gamma) for i in range(experts)] for z in rows])
        np.testing.assert_allclose(weights.sum(1), 1.0)
        decided |= {bool(abs(t) >= gamma / 2) for t in digits}
        entropy -= np.sum(weights * np.log(weights + 1e-6))
        mixed = sum(q * output for q, output in zip(shares @ weights, outputs, strict=True))
        expected[task] = own_network(mixed, made, 1)
    check(layer, made, expected)
    assert decided == {True, False}
    np.testing.assert_allclose(sum(layer.losses), weight * entropy, rtol=1e-4)


def test_dselect_k_by_hand():
    """γ = 1: S(¼) = -2/64 + 3/8 + ½ = 27/32. Digits (½, ¼) are expert 3 mostly, and 2."""
    found = DSelectK(num_selected=1).selectors(tf.constant([0.5, 0.25])).numpy()
    np.testing.assert_allclose(found, [[0, 0, 5 / 32, 27 / 32]], rtol=1e-6)
    assert not DSelectK(entropy=0.0).build(SIDE, TASKS).losses


def call(layer):
    return {task: x.numpy() for task, x in layer({"id": tf.constant(IDS)}, training=False).items()}


def same(first, second):
    assert set(first) == set(second)
    for task, output in first.items():
        np.testing.assert_allclose(output, second[task], rtol=1e-5, atol=1e-5)


def test_mmoe_with_one_expert_is_a_shared_bottom():
    layer, made = build(MMoE(num_experts=1, **OWN))
    bottom, _ = build(SharedBottom(**OWN))
    (table,) = made.kinds["Embedding"][0]
    dense = made.kinds["Dense"]
    assert [len(weights) for weights in dense] == [1, 2, 2] * 3  # a gate, then the task's layers
    layers = [[weights[0] for weights in stacked] for stacked in made.kinds["EinsumDense"]]
    weights = [[table], *layers, *(weights for weights in dense if len(weights) == 2)]
    for fresh, weight in zip(in_order(bottom), weights, strict=True):
        fresh.set_weights(weight)
    same(call(layer), call(bottom))


def in_order(layer):
    """Layers with weights, as they were made: of these models the embedding comes first."""
    kinds = ["Embedding", "EinsumDense", "Dense"]
    found = [made for made in layer.layers if made.weights]
    return sorted(found, key=lambda made: (kinds.index(type(made).__name__), number(made)))


def test_ple_of_one_level_is_cgc():
    (one, _), (other, _) = (
        (build(cls(**OWN)) for cls in (CGC, PLE))
        if False
        else (
            build(CGC(**OWN)),
            build(PLE(num_levels=1, **OWN)),
        )
    )
    gates = lambda layers: [m for m in layers if len(m.weights) == 1]  # noqa: E731
    rest = lambda layers: [m for m in layers if len(m.weights) > 1]  # noqa: E731
    for choose in (gates, rest):  # CGC makes a task's gate and its layers in turn
        pairs = zip(choose(in_order(one)), choose(in_order(other)), strict=True)
        for source, target in pairs:
            target.set_weights(source.get_weights())
    same(call(one), call(other))


def test_identity_stitches_leave_separate_networks():
    """Each task's output is that of the feature tower with its slice of the weights."""
    layer = CrossStitch(own_share=1.0, **EXPERTS).build(SIDE, TASKS)
    made = Made(layer)
    stitches = made.kinds["EinsumDense"][1::2]
    assert all(np.array_equal(stitch, np.eye(3)) for (stitch,) in stitches)
    found = call(layer)
    for position, task in enumerate(TASKS):
        alone = FeatureMLP(**EXPERTS).build(SIDE, [task])
        weights = [made.kinds["Embedding"][0]]
        weights += [[w[position] for w in stacked] for stacked in made.kinds["EinsumDense"][::2]]
        weights += [made.kinds["Dense"][position]]
        for fresh, weight in zip(in_order(alone), weights, strict=True):
            fresh.set_weights(weight)
        output = alone({"id": tf.constant(IDS)}).numpy()
        np.testing.assert_allclose(found[task], output, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (1, [[1]]),
        (2, [[0.9, 0.1], [0.1, 0.9]]),
        (3, [[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]]),
    ],
)
def test_stitches_begin_near_the_identity(tasks, expected):
    layer = CrossStitch(**SMALL).build(SIDE, TASKS[:tasks])
    ((stitch,),) = Made(layer).kinds["EinsumDense"][1::2]
    np.testing.assert_allclose(stitch, expected, atol=1e-7)


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_output_for_each_task(cls, count):
    layer = cls(**SMALL).build(SIDE, TASKS[:count])
    found = call(layer)
    assert set(found) == set(TASKS[:count])
    assert all(output.shape == (4, 2) for output in found.values())
    for output in found.values():
        np.testing.assert_allclose(output[0], output[3], rtol=1e-5, atol=1e-6)
    if count > 1:
        assert not np.array_equal(found["a"], found["b"])


@pytest.mark.parametrize("cls", ALL)
def test_features_are_read(cls):
    feature = mtbench.Feature("categorical", np.zeros(6, np.int32), np.array(["x", "y"]))
    side = mtbench.Features("id", {"id": 6, "f": 2}, {"f": feature})
    layer = cls(**SMALL).build(side, TASKS)
    first, second = (layer({"id": tf.constant(IDS), "f": tf.fill([4], value)}) for value in (0, 1))
    assert not any(np.array_equal(first[task], second[task]) for task in TASKS)


@pytest.mark.parametrize("cls", ALL)
def test_dropout(cls):
    assert cls().by_id
    options = cls(dropout=0.5)
    assert not options.by_id
    layer = options.build(SIDE, TASKS)
    ids = tf.constant([1, 1])
    for training in (False, True):
        found = layer({"id": ids}, training=training)
        assert all(np.array_equal(*output) != training for output in found.values())


@pytest.mark.parametrize(
    "options",
    [
        (MMoE, {"num_experts": 0}),
        (MMoE, {"units": []}),
        (CGC, {"num_experts": 0}),
        (PLE, {"num_levels": 0}),
        (PLE, {"num_shared_experts": 0}),
        (CrossStitch, {"units": []}),
        (CrossStitch, {"own_share": 1.5}),
        (SharedBottom, {"task_units": [0]}),
        (DSelectK, {"num_experts": 3}),
        (DSelectK, {"num_selected": 0}),
        (DSelectK, {"gamma": 0.0}),
        (AITM, {"units": []}),
        (STEM, {"num_shared_experts": 0}),
        (MTAN, {"units": []}),
    ],
)
def test_options_that_make_no_network_are_refused(options):
    cls, found = options
    with pytest.raises(ValidationError):
        cls(**found)


RATE = 0.125
OF_A_TASK = {
    SharedBottom: (2, 2),
    MMoE: (3, 3),
    CGC: (5, 5),
    PLE: (6, 6),
    CrossStitch: (2, 2),
    DSelectK: (4, 4),
    AITM: (2, 9),
    STEM: (6, 6),
    MTAN: (6, 6),
}
"""Variables of a tower that only the first or only the second task depends on: its last layer's
two, its gates, the two of its experts or masks, its table; those of PLE's first level are read by
the shared gate as well, and AITM's first task is read by the second."""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("cls", "weighting"),
    [
        *((cls, MGDA) for cls in ALL[:-3]),
        *((MMoE, one) for one in (Equal, Uncertainty, PCGrad)),
        *(pytest.param(cls, MGDA, marks=pytest.mark.thorough) for cls in ALL[-3:]),
    ],
)
def test_what_is_of_one_task_gets_its_gradient_alone(cls, weighting):
    """A step of SGD against each loss's gradient by a tape of its own."""
    tower = cls(embedding_dim=3, id_dim=3, units=[4])
    suite = tiny_suite({"rate": TinyTask(), "find": TinyTask(find=True)}, weighting(), (tower,) * 2)
    data = TinyDataset().load()
    tf.keras.utils.set_random_seed(0)
    options = Train(optimizer=Optimizer(name="sgd", learning_rate=RATE))
    setup = dataclasses.replace(suite.setup("all"), train=options)
    model = MultiTaskModel(setup, data)
    compile_model(model, setup)
    columns = {name: tf.constant(x[:30]) for name, x in data.interactions.columns.items()}
    variables = model.model_variables
    rows, losses = [], []
    for task in suite.tasks:
        with tf.GradientTape() as tape:
            losses.append(model.losses_by_task(columns, training=True)[task])
        rows.append(tape.gradient(losses[-1], variables))
    before = [variable.numpy() for variable in variables]
    model.train_step(columns)
    of_one = [0, 0]
    dense = [[None if g is None else tf.convert_to_tensor(g).numpy() for g in row] for row in rows]
    weights = shared_weights(weighting, dense)
    heads = weights if weighting is Uncertainty else np.ones(2)
    for variable, value, *gradients in zip(variables, before, *dense, strict=True):
        change = (value - variable.numpy()) / RATE
        tasks = [task for task, gradient in enumerate(gradients) if gradient is not None]
        factors = weights if len(tasks) == 2 else heads
        expected = sum(factors[task] * gradients[task] for task in tasks)
        np.testing.assert_allclose(change, expected, atol=2e-5)
        if len(tasks) == 1:
            of_one[tasks[0]] += 1
    of_head = [2, 0]  # a dense layer of the task that rates
    expected = [2 * count for count in OF_A_TASK[cls]]
    assert [n - head for n, head in zip(of_one, of_head, strict=True)] == expected


def shared_weights(weighting, dense):
    """Weights of two tasks for what they share, by the papers' formulae."""
    shared = [pair for pair in zip(*dense, strict=True) if all(g is not None for g in pair)]
    first, second = (
        np.concatenate([np.ravel(g) for g in row]) for row in zip(*shared, strict=True)
    )
    gram = np.array([[first @ first, first @ second], [first @ second, second @ second]], float)
    if weighting is MGDA:  # the nearest point to 0 between the two gradients
        share = (gram[1, 1] - gram[0, 1]) / (gram[0, 0] + gram[1, 1] - 2 * gram[0, 1])
        share = np.clip(share, 0, 1)
        return np.array([share, 1 - share])
    if weighting is PCGrad:
        assert gram[0, 1] < 0
        return np.array([1 - gram[0, 1] / gram[0, 0], 1 - gram[0, 1] / gram[1, 1]])
    if weighting is Uncertainty:
        return np.array([0.5, 0.5])
    return np.ones(2)
