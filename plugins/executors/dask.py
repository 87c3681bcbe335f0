"""`dask`: on the workers of a Dask cluster, which may come and go."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import queue
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

import mtbench
from mtbench.workers import Attendant, Fleet, Limits, Size, Task, num_threads

LOOK, WAIT = 1.0, 0.2
"""Seconds between two looks at who is there, and for which it waits for something to happen."""
GATHER = 60.0
"""Seconds that a result may take to come, after its task has ended."""
ASK_AGAIN = 30.0
"""Seconds between two times that a cluster is asked for workers that have gone."""
NOT_OURS = ("MALLOC_TRIM_THRESHOLD_",)
"""What Dask sets for its own workers: with it TensorFlow takes twice the time."""
CONNECT = 30.0
"""Seconds in which a scheduler has to answer."""


class Dask(mtbench.Executor):
    """Executes runs on the workers of a Dask cluster, one at a time on each.

    Workers may come and go while runs go on. A run whose Dask worker is lost is done by another.
    Dask never hosts TensorFlow: its task watches a worker process, as `processes` does, so that
    what ends that costs the run it was at and nothing else. The seeds of a scenario stay on one
    worker, which keeps its traced model. Needs `mtbench[dask]`, on the cluster too, in one version;
    for SLURM, PBS or LSF `mtbench[slurm]`. Data is not sent: each machine reads it, by the same
    path or the same environment variables as here.
    """

    name = "dask"
    scheduler: str | None = None
    """Address of one that runs, such as `tcp://head:8786`. Default: a cluster of its own."""
    cluster: str | None = None
    """Class of a cluster to start, such as `dask_jobqueue.SLURMCluster`; its jobs end with the
    command. Default: workers of this machine."""
    cluster_options: Mapping[str, Any] = {}
    """What the class is made with."""
    jobs: Annotated[int, Field(ge=1)] | None = None
    """How many jobs, or workers, the cluster is asked for, and again where one has gone; default:
    1."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """How many have a run at a time. Default: all there are; of this machine 1."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds after which a run is ended; default: never."""
    memory: Size | None = None
    """What a worker process may take, such as `8GB`: above it an allocation fails (on Linux), above
    a quarter more the process is ended. Default: what there is."""
    start_timeout: Annotated[float, Field(gt=0)] = 300.0
    """Seconds until a worker process has imported TensorFlow and read the data, and until a
    scheduler that runs has its first worker. Jobs of a `cluster` may queue for ever."""
    losses: Annotated[int, Field(ge=0)] = 3
    """How often a run is done anew because its Dask worker was lost; after that it has failed."""

    @model_validator(mode="after")
    def _is_one_way(self) -> Dask:
        if self.scheduler and self.cluster:
            raise ValueError("expected scheduler or cluster, found both")
        if not self.cluster and (self.cluster_options or self.jobs):
            given = "cluster_options" if self.cluster_options else "jobs"
            raise ValueError(f"{given} needs cluster: the class that is made with it")
        return self

    def execute(self, job: mtbench.Job) -> None:
        """Do all of a job."""
        distributed = mtbench.require("distributed", "dask")
        with self._client(distributed) as (client, ask):
            _Work(self, job, distributed, client).work(ask)

    @contextlib.contextmanager
    def _client(self, distributed: Any) -> Iterator[tuple[Any, Callable[[], object] | None]]:
        """A client, and what asks for workers where they are asked for."""
        with contextlib.ExitStack() as stack:
            address, ask = self.scheduler, None
            if address is None:
                cluster = stack.enter_context(self._cluster(distributed))
                ask = self._asks(cluster) if self.cluster else None
                address = cluster
            try:
                client = distributed.Client(address, timeout=CONNECT, set_as_default=False)
            except (OSError, ValueError) as error:
                why = f"no scheduler at {self.scheduler}: {error}"
                raise mtbench.MtbenchError(f"executor 'dask': {why}") from error
            yield stack.enter_context(client), ask

    def _cluster(self, distributed: Any) -> Any:
        """Start a cluster."""
        if self.cluster is None:
            return distributed.LocalCluster(
                n_workers=self.workers or 1,
                threads_per_worker=1,
                memory_limit=0,  # it would count Dask's process alone
                dashboard_address=None,
                preload=[__name__],
            )
        module, _, name = self.cluster.rpartition(".")
        made = mtbench.require(module or self.cluster, "slurm")
        if not hasattr(made, name):
            raise mtbench.MtbenchError(f"executor.cluster: {module} has no {name!r}")
        try:
            return getattr(made, name)(**self.cluster_options)
        except (TypeError, ValueError) as error:
            raise mtbench.MtbenchError(f"executor.cluster_options: {error}") from error

    def _asks(self, cluster: Any) -> Callable[[], object]:
        """What asks a cluster for its jobs. Those that are there already are not made twice."""
        if "jobs" in inspect.signature(cluster.scale).parameters:
            return lambda: cluster.scale(jobs=self.jobs or 1)
        return lambda: cluster.scale(self.jobs or 1)


class _Work:
    """Has the workers of a client do a job."""

    def __init__(self, executor: Dask, job: mtbench.Job, distributed: Any, client: Any) -> None:
        self._executor, self._job, self._client = executor, job, client
        self._fleet = Fleet(job, executor.name, executor.losses, executor.workers)
        self._token = f"mtbench-{uuid.uuid4().hex}"
        self._futures: dict[str, tuple[Any, Task]] = {}
        self._heard: queue.SimpleQueue[tuple[str, int, mtbench.Event | None]] = queue.SimpleQueue()
        self._loses = (OSError, TimeoutError, distributed.CancelledError, distributed.KilledWorker)
        self._common = {
            "token": self._token,
            "threads": executor.threads or num_threads(),
            "limits": Limits(executor.timeout, executor.memory, executor.start_timeout),
            "bundle": job.bundle,
        }

    def work(self, ask: Callable[[], object] | None) -> None:
        """Do all of the job; end what was started, however it ends."""
        self._client.subscribe_topic(self._token, self._take)
        looked = asked = float("-inf")
        self._seen = time.monotonic()
        try:
            while not self._job.over:
                now = time.monotonic()
                if ask and now - asked > ASK_AGAIN:
                    asked = now
                    ask()
                if now - looked > LOOK:
                    looked = now
                    self._look(patient=ask is not None)
                for task in self._fleet.hand_out():
                    self._submit(task)
                self._listen()
        finally:
            if self._client.status == "running":
                self._client.cancel([future for future, _ in self._futures.values()])
                with contextlib.suppress(Exception):  # they end of themselves too, a little later
                    self._client.run(end, self._token, on_error="ignore")

    def _look(self, patient: bool) -> None:
        """See who is there; give up what those who have gone were at."""
        if self._client.status != "running":
            raise mtbench.MtbenchError(
                "executor 'dask': the scheduler is gone; what is done is stored: run it again for "
                "the rest"
            )
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        nodes = {address: told["host"] for address, told in workers.items()}
        for task in self._fleet.see(nodes):
            self._futures.pop(task.key)[0].cancel()
        if nodes:
            self._seen = time.monotonic()
        elif not patient and time.monotonic() - self._seen > self._executor.start_timeout:
            seconds = self._executor.start_timeout
            raise mtbench.MtbenchError(f"executor 'dask': no Dask worker for {seconds:g} s")

    def _submit(self, task: Task) -> None:
        """Have a worker do a task: that one, once."""
        future = self._client.submit(
            attend,
            task.work,
            {**self._common, "place": task.place},
            key=f"{self._token}-{task.key}",
            workers=[task.worker],
            allow_other_workers=False,
            retries=0,
            pure=False,
        )
        self._futures[task.key] = future, task
        future.add_done_callback(lambda _: self._heard.put((task.key, 0, None)))

    def _take(self, message: tuple[float, Mapping[str, Any]]) -> None:
        """Take what a task tells as it happens, in Dask's thread."""
        said = message[1]
        event = mtbench.Event(said["told"], said["work"], said["content"])
        self._heard.put((said["task"].removeprefix(f"{self._token}-"), said["number"], event))

    def _listen(self) -> None:
        """Wait a moment for something to happen, and tell of all that has."""
        with contextlib.suppress(queue.Empty):
            key, number, event = self._heard.get(timeout=WAIT)
            while True:
                if event:
                    self._fleet.hear(key, number, event)
                elif key in self._futures:
                    self._end(*self._futures.pop(key))
                key, number, event = self._heard.get_nowait()

    def _end(self, future: Any, task: Task) -> None:
        """Take the result of a task."""
        try:
            events = future.result(timeout=GATHER)
        except self._loses:
            self._fleet.lose(task.key, "was lost")
        except Exception as error:
            why = f"{task.worker}: {type(error).__name__}: {error}"
            raise mtbench.MtbenchError(f"executor 'dask': {why}") from error
        else:
            self._fleet.end(task.key, events)


_ATTENDANTS: dict[tuple[str, str], Attendant] = {}
"""In a Dask worker's process: by job and worker."""


def attend(work: mtbench.Work, asked: Mapping[str, Any]) -> list[mtbench.Event]:
    """Watch over a work, as a task of Dask's: its events, of which small ones are told at once."""
    distributed = importlib.import_module("distributed")
    worker, token = distributed.get_worker(), asked["token"]
    key, events = worker.get_current_task(), list[mtbench.Event]()
    attendant = _ATTENDANTS.get((token, worker.address))
    if attendant is None:
        attendant = Attendant(asked["threads"], asked["limits"], NOT_OURS)
        _ATTENDANTS[token, worker.address] = attendant

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    for number, event in enumerate(attendant.attend(asked["bundle"], work, asked["place"], wanted)):
        events.append(event)
        if event.told in ("ready", "started", "epoch", "silent"):
            said = {"told": event.told, "work": event.work, "content": dict(event.content)}
            worker.log_event(token, {**said, "task": key, "number": number})
    return events


def dask_setup(_: Any) -> None:
    """Leave Ctrl-C to the command, in a Dask worker that it started: it says what is to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end(token: str) -> None:
    """End the worker processes of a job, in a Dask worker's process."""
    for kept in [kept for kept in _ATTENDANTS if kept[0] == token]:
        _ATTENDANTS.pop(kept).close()


@mtbench.hookimpl
def mtbench_executors() -> list[type[mtbench.Executor]]:
    """Offer it."""
    return [Dask]
