"""A storm over suites: each is valid, or refused in lines that say where and why."""

import pytest
import yaml
from conftest import ROOT, TINY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storms import ODD, Storm, chances, damaged, mutated, times

pytestmark = pytest.mark.storm
SHIPPED = [path.read_text() for path in sorted((ROOT / "suites").glob("*.yaml"))]


def text_of(value):
    try:
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).encode(errors="replace")
    except (yaml.YAMLError, RecursionError):
        return b"name: x"


def test_suites(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT / "suites")  # where the files are that suites name
    texts = [TINY, *SHIPPED]
    values = [yaml.safe_load(text) for text in texts]
    path, storm = tmp_path / "suite.yaml", Storm()
    for number, chance in chances(times(10_000)):
        storm.cases += 1
        n = 0 if chance.random() < 0.5 else chance.randrange(len(texts))
        if chance.random() < 0.4:
            content = damaged(texts[n].encode(), chance)
        else:
            content = text_of(mutated(values[n], chance))
        path.write_bytes(content)
        words = ["-o", f"{chance.choice(KEYS)}={chance.choice(ODD)}"]
        more = words if chance.random() < 0.2 and "\0" not in words[1] else []
        if storm.command(["check", path, *more], f"case {number}") == 0 and n == 0:
            storm.command(["plan", path, "--results", tmp_path / "r", *more], f"case {number}")
    print(storm.told())
    assert not storm.faults, storm.told()


KEYS = ["train.epochs", "seeds", "tasks.ranking.units", "name", "scenarios.joint.tasks", "x.y", "."]
KEYS += ["scenarios.joint.sweep.train.epochs", "tune.trials", "towers.query.name", "tasks.a/b", ""]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates(),
    st.sampled_from(["ranking", "retrieval", "joint", "fixed", "embedding", "random", "synthetic"]),
)  # fmt: skip
NAMES = st.sampled_from([
    *"name dataset split towers tasks scenarios train seeds tune baselines plugins query".split(),
    *"candidate weighting labels sweep extends epochs optimizer space".split(),
]) | st.text(max_size=8)  # fmt: skip
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)


@settings(
    max_examples=times(2_000),
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(st.dictionaries(NAMES, ANY, max_size=8))
def test_suites_of_anything(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    storm = Storm()
    path.write_bytes(text_of(value))
    storm.command(["check", path], repr(value))
    base = yaml.safe_load(TINY) | value
    path.write_bytes(text_of(base))
    storm.command(["check", path], repr(value))
    assert not storm.faults, storm.told()
