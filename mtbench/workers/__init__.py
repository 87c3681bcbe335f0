"""Runs in processes of their own: the worker's program, who watches it, and the driver.

What is here is for authors of executors: `Supervisor`, which has one worker process and says what
became of it, `Crew`, which keeps several of them at work on one machine, and their `Limits`. For
several machines: `Attendant`, which keeps a worker on a machine, and `Fleet`, which knows who is at
what and does what was lost elsewhere.
"""

from mtbench.runs.environment import num_threads as num_threads

from .attendant import Attendant as Attendant
from .crew import Crew as Crew
from .fleet import Fleet as Fleet
from .fleet import Task as Task
from .limits import Limits as Limits
from .limits import Size as Size
from .supervisor import Supervisor as Supervisor

__all__ = ["Attendant", "Crew", "Fleet", "Limits", "Size", "Supervisor", "Task", "num_threads"]
