"""The machine and the software a run had, and what it took of them. No TensorFlow here."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import platform
import sys
from pathlib import Path
from typing import Any

from mtbench.plugin.lazy import quiet_stderr

THREADS = 2
"""Of an operation, where nothing says otherwise: not the machine's CPUs, since they decide the bits
of a result, and a folder that two machines fill is to be one."""


def num_threads() -> int:
    """Return how many threads TensorFlow's operations use: `TF_NUM_INTRAOP_THREADS`, or two."""
    configured = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return int(configured) if configured.isdigit() and int(configured) > 0 else THREADS


def device() -> str:
    """Return what TensorFlow will compute on, `cpu`, `gpu` or another of its types, in lower case.

    It is asked only where the system shows an accelerator, since importing it takes seconds.
    """
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    signs = ("kfd", "accel*", "dxg", *(() if hidden else ("nvidia[0-9]*",)))
    plugged = importlib.util.find_spec("tensorflow-plugins")  # such as Apple's Metal
    if not plugged and not any(any(Path("/dev").glob(sign)) for sign in signs):
        return "cpu"
    with quiet_stderr():
        from mtbench.train.devices import accelerator  # noqa: PLC0415 - see above

        return (accelerator() or "cpu").lower()


@functools.cache
def describe() -> dict[str, Any]:
    """Describe platform, Python, CPU and the flags that change speed or results."""
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cpu": _cpu(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def _cpu() -> str:
    """The CPU's model, as far as the system tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def reset_peak_memory() -> None:
    """Start counting the peak anew, where the system lets a process do so (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int | None:
    """Return the peak resident memory of this process in bytes, since the last reset on Linux.

    It holds what the runs before have left: the same run after others has a higher peak, by a
    quarter in a long suite, and takes half as much beyond where it started. Giving back to the
    system what is free before each run does not mend that.
    None where the system does not tell, as on Windows.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
