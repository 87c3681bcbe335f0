"""What a suite amounts to: its runs, each with an id made from all that decides its result."""

from __future__ import annotations

from collections.abc import Sequence

from mtbench.errors import Fault, SuiteError, did_you_mean
from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run
from mtbench.suite import sweep
from mtbench.suite.suite import Suite

from .identity import _digest, _protocol


def make_plan(suite: Suite, registry: Registry, scenarios: Sequence[str] = ()) -> tuple[Run, ...]:
    """List the runs of a suite, the seeds of a scenario one after the other.

    Args:
        suite: The suite.
        registry: Where its components come from.
        scenarios: Only these, by name or by that of a sweep; default: all.

    Raises:
        SuiteError: A scenario that the suite does not have.
    """
    known = {*suite.scenarios, *map(sweep.base, suite.scenarios)}
    for name in scenarios:
        if name not in known:
            message = f"unknown scenario{did_you_mean(name, sorted(known))}"
            raise SuiteError([Fault(f"--scenario {name}", "", message)])
    protocol = _protocol(suite, registry)
    protocol_id = _digest(protocol)
    runs = []
    for scenario in suite.scenarios.values():
        if scenarios and not {scenario.name, sweep.base(scenario.name)} & set(scenarios):
            continue
        weighting = registry.identity(scenario.weighting) if scenario.weighting else None
        decides = [protocol_id, scenario.name, scenario.tasks, weighting]
        runs += [
            Run(_digest([*decides, seed]), scenario, seed, protocol, protocol_id)
            for seed in suite.seeds
        ]
    return tuple(runs)
