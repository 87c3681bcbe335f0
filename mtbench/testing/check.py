"""Holding a component to the contract of its kind, clause by clause."""

from __future__ import annotations

from collections.abc import Iterator

from mtbench.errors import in_one_line
from mtbench.plugin.component import Component
from mtbench.plugin.weighting import Weighting

from .components import CLAUSES
from .weightings import WEIGHTING_CLAUSES


def contract(component: type[Component] | Component) -> Iterator[tuple[str, str | None]]:
    """Check a component, clause by clause.

    Args:
        component: Its class, which is checked with its default options, or one with others.

    Yields:
        What a clause demands, and None where it holds, or what is wrong.
    """
    try:
        made = component if isinstance(component, Component) else component()
    except ValueError as error:
        yield "it can be made with its default options", in_one_line(error)
        return
    clauses = CLAUSES["any"] + CLAUSES.get(made.kind, ())
    if isinstance(made, Weighting):
        clauses += WEIGHTING_CLAUSES
    for clause in clauses:
        demand = (clause.__doc__ or "").partition("\n")[0].rstrip(".")
        try:
            fault = clause(made)
        except Exception as error:  # whatever a stranger's code may raise
            # the last line: TensorFlow's messages begin with a traceback of their own
            reason = [line for line in str(error).splitlines() if line.strip()][-1:]
            fault = ": ".join([type(error).__name__, *map(str.strip, reason)])
        yield demand, fault


def check_component(component: type[Component] | Component) -> None:
    """Hold a component to its contract.

    Args:
        component: Its class, which is checked with its default options, or one with others.

    Raises:
        AssertionError: A clause does not hold; the message names every such clause.
    """
    faults = [f"{demand}: {fault}" for demand, fault in contract(component) if fault]
    if faults:
        name = f"{component.kind} {component.name!r}"
        raise AssertionError("\n".join([f"{name} breaks its contract", *faults]))
