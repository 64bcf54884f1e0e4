"""The local runner: orders steps, runs what is missing in worker processes, shows how far it is."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offmodel.errors import OffmodelError
from offmodel.pipeline.display import Display
from offmodel.pipeline.execute import ModelCache, execute
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Store


@dataclass
class Counts:
    """Steps executed and steps found in the store."""

    run: int = 0
    cached: int = 0


def missing(steps: Iterable[Step], store: Store) -> tuple[dict[str, Step], dict[str, Step]]:
    """Split steps and all they need into (to run, cached), each by fingerprint, inputs before the steps that read them.

    What only a cached step would need is not looked at. Steps that differ in their label alone are one.
    """
    to_run: dict[str, Step] = {}
    cached: dict[str, Step] = {}

    def visit(step: Step) -> None:
        key = step.fingerprint()
        if key in to_run or key in cached:
            return
        if store.get(step) is not None:
            cached[key] = step
            return
        for needed in step.inputs():
            visit(needed)
        to_run[key] = step

    for step in steps:
        visit(step)
    return to_run, cached


def dependents(to_run: dict[str, Step]) -> dict[str, int]:
    """How many of the steps to run wait, directly or not, for each: what to start first."""
    count = dict.fromkeys(to_run, 0)

    def ancestors(step: Step, seen: set[str]) -> set[str]:
        for needed in step.inputs():
            if needed.fingerprint() in to_run and needed.fingerprint() not in seen:
                seen.add(needed.fingerprint())
                ancestors(needed, seen)
        return seen

    for step in to_run.values():
        for key in ancestors(step, set()):
            count[key] += 1
    return count


def default_workers() -> int:
    """One process a core on a CPU, at most four: small models gain more from processes than from threads.

    With a GPU, one process, because the models share its memory.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") != "" and Path("/proc/driver/nvidia/version").exists():
        return 1
    return max(1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


class Runner:
    """Runs steps on this machine.

    Args:
        store: where artifacts are kept.
        workers: worker processes; 1 runs everything in this process.
        display: where progress is shown.
    """

    def __init__(self, store: Store, workers: int | None = None, display: Display | None = None) -> None:
        self.store = store
        self.workers = workers or default_workers()
        self.display = display or Display(quiet=True)
        self.counts = Counts()
        self.used: dict[str, Step] = {}
        self.models = ModelCache()
        self._pool: ProcessPoolExecutor | None = None
        self._events: Any = None

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is not None:
            if kind is not None:
                for process in multiprocessing.active_children():
                    process.terminate()
            self._pool.shutdown(wait=kind is None, cancel_futures=True)
            self._pool = None
        self.display.close()

    def ensure(self, steps: list[Step]) -> None:
        """Make every step's artifact exist, running what is missing.

        Raises:
            OffmodelError: from a step, or when a worker dies; finished steps stay in the store.
        """
        to_run, cached = missing(steps, self.store)
        self.counts.cached += len([key for key in cached if key not in self.used])
        self.counts.run += len(to_run)
        self.used |= cached | to_run
        if not to_run:
            return
        self.display.start(len(to_run), len(cached))
        heavy = sum(step.needs_model for step in to_run.values())
        if self.workers == 1 or (heavy < 2 and self._pool is None):
            for step in to_run.values():
                self._run_here(step)
        else:
            self._run_in_workers(to_run)

    def _run_here(self, step: Step) -> None:
        name = step.name()
        self.display.begin(name)
        start = time.monotonic()
        execute(step, self.store, self.models, lambda done, total, unit: self.display.progress(name, done, total, unit))
        self.display.finish(name, time.monotonic() - start)

    def _run_in_workers(self, to_run: dict[str, Step]) -> None:
        pool = self._pool or self._start_pool()
        waiting = dict(to_run)
        urgency = dependents(to_run)
        running: dict[Future[float], Step] = {}
        while waiting or running:
            unfinished = {*waiting, *(step.fingerprint() for step in running.values())}
            ready = [s for s in waiting.values() if not any(i.fingerprint() in unfinished for i in s.inputs())]
            ready.sort(key=lambda s: -urgency[s.fingerprint()])
            for step in ready[: self.workers - len(running)]:
                running[pool.submit(_work, step)] = step
                del waiting[step.fingerprint()]
            finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            self._drain_events()
            for future in finished:
                name = running.pop(future).name()
                try:
                    self.display.finish(name, future.result())
                except BrokenProcessPool as e:
                    raise OffmodelError(
                        f"a worker process died while running {name} (killed, or out of memory)",
                        "run the same command again to resume; --workers 1 needs the least memory",
                    ) from e

    def _start_pool(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        self._events = spawn.Queue()
        threads = max(1, (os.cpu_count() or 1) // self.workers)
        self._pool = ProcessPoolExecutor(
            self.workers, mp_context=spawn, initializer=_start_worker, initargs=(self.store.root, threads, self._events)
        )
        return self._pool

    def _drain_events(self) -> None:
        while True:
            try:
                kind, name, *rest = self._events.get_nowait()
            except queue.Empty:
                return
            if kind == "begin":
                self.display.begin(name)
            elif kind == "progress":
                self.display.progress(name, *rest)
            else:
                self.display.note(name)


_worker: tuple[Store, ModelCache, Any]


def _start_worker(root: Path, threads: int, events: Any) -> None:
    """Set a worker process up: its share of the cores, no reaction to Ctrl-C (the parent ends it)."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    _worker = (Store(root, lambda message: events.put(("note", message))), ModelCache(), events)


def _end_with_parent(parent: int) -> None:
    """End this worker soon after its parent was killed, so that no orphan keeps the cores busy."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _work(step: Step) -> float:
    store, models, events = _worker
    name = step.name()
    events.put(("begin", name))
    start = last = time.monotonic()

    def progress(done: int, total: int, unit: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > 0.2 or done == total:
            events.put(("progress", name, done, total, unit))
            last = now

    execute(step, store, models, progress)
    return time.monotonic() - start
