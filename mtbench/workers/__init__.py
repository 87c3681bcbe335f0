"""Runs in processes of their own: the worker's program, who watches it, and the driver.

What is here is for authors of executors: `Supervisor`, which has one worker process and says what
became of it, `Crew`, which keeps several of them at work on one machine, and their `Limits`.
"""

from .crew import Crew as Crew
from .limits import Limits as Limits
from .limits import Size as Size
from .supervisor import Supervisor as Supervisor

__all__ = ["Crew", "Limits", "Size", "Supervisor"]
