"""The same runner on many machines: Ray Data hands out shards, and each of its actors keeps one model.

Ray Data could also read the files itself and cut them into blocks. But its readers guess types, drop what they cannot
read and know no line numbers, and blocks would mix the batches. So the rows of the data set are the names of shards,
`map_batches` with an actor class gives each to an actor, and files are read and written by the code of one process;
what Ray Data adds is what it is good at: a pool of actors, their restart, and another try for the shards of a lost one.
Plain Ray actors would need that pool written by hand.

Nodes need the same version of this package, and the files and the checkpoint at the same places, as on a shared disk.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from roberta.engine.job import Tally
from roberta.engine.shards import Opened, Outcome, Shard, Work, attempt, clear
from roberta.errors import MissingExtra, ReadError, ResourceError, UsageError
from roberta.version import __version__

LOCAL = "local"  # an address: a cluster of this machine alone, for this job
_PATIENCE = 10.0  # seconds
_STORE = 96 << 20  # bytes for objects; ours are names and counts


def answer_shards(
    work: Work, shards: Sequence[Shard], *, workers: int | None = None, address: str | None = None
) -> Iterator[tuple[Shard, Outcome]]:
    """Answer shards on a Ray cluster; each outcome as soon as its shard is written, so in any order.

    workers: actors; without it as many as find a place. Each has `threads` CPUs of the checkpoint's options, 1 if none
    are given, and a GPU where that is the device. address: of a running cluster; None is one of this machine's own,
    unless this process is connected to one.

    >>> for shard, outcome in answer_shards(Work("embed"), plan_shards(["texts"], Path("vectors")), workers=8):
    ...     print(shard.target, outcome.tally.records)
    vectors/part-7.jsonl 100000

    Raises MissingExtra: no Ray. ResourceError: no such cluster, or no room in it for one actor. Errors of a shard are
    in its outcome, also that its process was killed again and again.
    """
    ray = need_ray()
    threads = work.checkpoint.get("threads") or 1
    if not shards:
        return
    with _connected(ray, address, None if workers is None else workers * threads):
        yield from _answered(ray, _for_one_actor(ray, work, threads), shards, workers)


class ShardWorker:
    """An actor: answers the shards that Ray Data hands it, one after the other."""

    def __init__(self, work: Work, folder: str, version: str):
        self._work, self._folder, self._version = work, folder, version
        self._opened: Opened | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """A column of pickled outcomes for a column of pickled shards. An error raised here would cost the actor."""
        return {"outcome": [pickle.dumps(self._outcome(pickle.loads(shard))) for shard in batch["shard"]]}

    def _outcome(self, shard: Shard) -> tuple[Shard, Outcome]:
        try:
            self._enter()
            with attempt(shard):
                self._opened = self._opened or self._work.open()
                return shard, self._opened.answer(shard)
        except Exception as error:
            return shard, Outcome(Tally(), error=error)

    def _enter(self) -> None:
        host = socket.gethostname()
        if self._version != __version__:
            raise ResourceError(
                f"{host} has version {__version__} of roberta, and the job was started with {self._version};"
                " install one version everywhere"
            )
        try:
            os.chdir(self._folder)  # names mean here what they mean where the job was started
        except OSError as error:
            raise ReadError(
                f"{self._folder}: {host} has no such folder ({error.strerror}); start from a shared one"
            ) from None


def _answered(
    ray: ModuleType, work: Work, shards: Sequence[Shard], workers: int | None
) -> Iterator[tuple[Shard, Outcome]]:
    cpus, gpus = work.checkpoint["threads"], int(work.checkpoint["device"] == "cuda")
    places = _places(ray, cpus, gpus)
    names = [{"shard": pickle.dumps(shard)} for shard in shards]
    clear(shards)
    # A block is what an actor gets at a time, and what the next one gets when it is lost. Ray Data starts actors anew,
    # and repeats their blocks, without end; `attempt` sees to the end.
    outcomes = ray.data.from_items(names, override_num_blocks=len(names)).map_batches(
        ShardWorker,
        fn_constructor_args=(work, str(Path.cwd()), __version__),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(
            size=max(1, min(workers or places, len(names))), max_tasks_in_flight_per_actor=1
        ),
        num_cpus=cpus,
        num_gpus=gpus,
    )
    try:
        # Without prefetching, which would keep each outcome back until the next one is there.
        with closing(iter(outcomes.iter_batches(batch_size=None, prefetch_batches=0))) as batches:
            for batch in batches:
                yield from map(pickle.loads, batch["outcome"])
    except ray.exceptions.RayError as error:
        raise ResourceError(f"the Ray cluster failed ({_first_line(error)}); start the job again") from error
    finally:
        clear(shards)


def _places(ray: ModuleType, cpus: int, gpus: int) -> int:
    """How many actors find a place. Raises ResourceError: none does."""
    there = ray.cluster_resources()
    places = [int(there.get("CPU", 0) // cpus)]
    if gpus:
        places.append(int(there.get("GPU", 0)))
    if not min(places):
        raise ResourceError(
            f"the cluster has {there.get('CPU', 0):.0f} CPUs and {there.get('GPU', 0):.0f} GPUs, and a worker needs"
            f" {cpus} and {gpus}; start more nodes, or ask for less"
        )
    return min(places)


def _for_one_actor(ray: ModuleType, work: Work, threads: int) -> Work:
    """With the device and the threads that an actor has. Raises UsageError: a GPU by its number."""
    device = work.checkpoint.get("device", "auto")
    if device.startswith("cuda:"):
        raise UsageError(f"{device}: Ray gives each worker a GPU of its own; name the device cuda")
    if device == "auto":
        device = "cuda" if ray.cluster_resources().get("GPU") else "cpu"
    return replace(work, checkpoint=work.checkpoint | {"device": device, "threads": threads})


@contextmanager
def _connected(ray: ModuleType, address: str | None, cpus: int | None) -> Iterator[None]:
    """With a cluster; one that was not there before is left in the end. cpus: of one of this machine's own."""
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="ray")  # what it says to itself
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    if ray.is_initialized() and address is None:
        yield
        return
    _find(address)
    own = {"include_dashboard": False, "object_store_memory": _STORE, "num_cpus": cpus}
    own = own if address in (None, LOCAL) else {}
    with _same_signals(), _silence():
        try:
            ray.init(address=address or LOCAL, log_to_driver=False, logging_level="error", **own)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise _no_cluster(address, error) from error
    try:
        yield
    finally:
        with suppress(Exception):  # it may be gone already, and what happened before is what matters
            ray.shutdown()


def _find(address: str | None) -> None:
    """Raises ResourceError: nobody answers at HOST:PORT, which Ray would take minutes to say."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
        except OSError as error:
            raise _no_cluster(address, error) from None


def _no_cluster(address: str | None, error: Exception) -> ResourceError:
    reason = getattr(error, "strerror", None) or _first_line(error)
    return ResourceError(f"no Ray cluster at {address or LOCAL} ({reason}); start one: ray start --head")


@contextmanager
def _same_signals() -> Iterator[None]:
    """What SIGTERM does stays; Ray would replace it."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing on the process's stderr, where Ray tells which level of its logs was chosen."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def need_ray() -> ModuleType:
    """Ray with its data sets. Raises MissingExtra: it is not installed."""
    # Nothing is sent anywhere that was not asked for: Ray reports to its makers how it is used, unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else a killed worker is told of on stderr as an error
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtra("ray", "ray", "--engine ray") from None
    return ray


def _first_line(error: Exception) -> str:
    return next((line.strip().rstrip(".;:") for line in str(error).splitlines() if line.strip()), type(error).__name__)
