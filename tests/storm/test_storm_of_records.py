"""A storm over folders of records: what is damaged is named, the rest is told of."""

import json

import made
import pytest
from storms import Storm, as_json, chances, damaged, mutated, times

from mtbench.records import store

pytestmark = pytest.mark.storm


def records():
    more = {
        "curve": [{"epoch": 1, "ranking_loss": 1.0, "retrieval_loss": 2.0}],
        "validation": [{"epoch": 1, "metrics": {"ranking": {"rmse": 1.0}}}],
        "diagnostics": [{"epoch": 1, "weights": {"ranking": 1.0, "retrieval": 2.0}}],
        "floors": {"ranking": {"mean": {"rmse": 1.2}}, "retrieval": {"chance": {"top_5": 0.1}}},
    }
    return [
        *(made.record("joint", seed, 1 + seed / 9, 0.5 + seed / 9, **more) for seed in range(3)),
        *(made.record("single", s, 1.1, 0.4, tasks=["ranking"], **more) for s in range(2)),
        made.record("single", 2, status="failed", tasks=["ranking"]),
        made.baseline("ease", 0),
    ]


def commands(folder, beside, target, chance):
    yield ["report", folder, "--format", chance.choice(["table", "markdown", "csv", "json"])]
    yield ["compare", folder, beside]
    yield ["compare", folder, "--scenario", "joint", "--scenario", "single"]
    yield ["gate", beside, folder]
    yield ["export", folder, target / chance.choice(["x.csv", "x.parquet"])]
    yield ["export", folder, target / "runs.csv", "--runs", "--every"]
    yield ["list", folder]
    yield ["show", chance.choice(["joint:0", "joint-1", "single:2"]), "--results", folder]
    yield ["clean", folder, "--older-versions", "--yes"]
    if chance.random() < 0.1:
        yield ["report", folder, "--html", target / "x.html"]


def test_records(tmp_path):
    whole, folder, target = (tmp_path / name for name in ("whole", "made", "target"))
    made.write(whole, records())
    target.mkdir()
    folder.mkdir()
    texts = {path.name: path.read_bytes() for path in whole.glob("*.json")}
    storm = Storm()
    for number, chance in chances(times(2_000)):
        storm.cases += 1
        for name, text in texts.items():
            (folder / name).write_bytes(text)
        for name in chance.sample(sorted(texts), chance.randint(1, 3)):
            value = json.loads(texts[name])
            if chance.random() < 0.7:  # as of before there were checksums
                del value["checksum"]
            text = as_json(mutated(value, chance)).encode()
            broken = damaged(texts[name], chance) if chance.random() < 0.3 else text
            (folder / name).write_bytes(broken)
        for words in commands(folder, whole, target, chance):
            storm.command(words, f"case {number}")
    print(storm.told())
    assert not storm.faults, storm.told()


def test_damage_is_never_taken_for_a_result(tmp_path):
    """Whatever is done to the bytes: the record is refused, or is the one that was written."""
    stored = store.write(tmp_path, records()[0])
    path = store.path_of(tmp_path, stored.run_id)
    whole = path.read_bytes()
    for _, chance in chances(times(20_000), seed=1):
        path.write_bytes(damaged(whole, chance))
        try:
            found = store.read(path)
        except store.RecordError:
            continue
        assert found == stored
    assert list(tmp_path.iterdir()) == [path]
