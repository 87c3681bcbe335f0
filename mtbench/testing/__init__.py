"""The contract of every kind of component, for plugin authors.

In a test of a plugin:

    from mtbench.testing import check_component

    def test_contract():
        check_component(MyStrategy)

`mtbench check-plugin FILE` does the same from the command line. The first use of a name here
imports TensorFlow; the fixture `mtbench_regression` does without.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import check_component as check_component
    from .check import contract as contract
    from .probe import Applied as Applied
    from .probe import apply as apply

__all__ = ["Applied", "apply", "check_component", "contract"]
_HOMES = {"check": ("check_component", "contract"), "probe": ("Applied", "apply")}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
