"""The software and the machine's settings that decide the bits of a run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from .part import Whole


class Engine(BaseModel):
    """Software, threads and device that decide the bits; versions by package besides."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    mtbench: str = "?"
    threads: Whole
    device: str = "cpu"
    """`cpu` or `gpu`."""
    code: str | None = None
    """Digest of the core's code that decides numbers; None in records older than it."""

    @property
    def versions(self) -> dict[str, str]:
        """Version of each package, mtbench first."""
        extra = {name: str(value) for name, value in (self.model_extra or {}).items()}
        return {"mtbench": self.mtbench, **{k: v for k, v in extra.items() if k != "flags"}}
