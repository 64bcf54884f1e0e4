"""Who judges: the one place through which every completion is graded, within one limit of time and memory.

A process behind the wall (`worker`) does the grading; here it is started, fed, watched and replaced. Programs that it asks
for are started here, each behind a wall of its own, and messages are passed on unread. Whatever happens to either, the
answer is a `Grade`: an item that could not be graded is *not graded*, and says why.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import pickle
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from offmodel.benchmarks.base import Grade, Item
from offmodel.benchmarks.graders import wall
from offmodel.benchmarks.graders.answers import USUAL, Thinking
from offmodel.benchmarks.graders.wall import CHILD, Ended, Walled

if TYPE_CHECKING:
    from offmodel.benchmarks.base import Benchmark

WORKER = Path(__file__).with_name("worker.py")
STARTING = 120.0
"""Seconds the grading process may take to load what a benchmark needs, a computer algebra system for one."""
TOGETHER = 32
"""Completions that travel in one message."""
WHY = {"time": "took longer than {seconds} s", "memory": "took more than {gigabytes:.1f} GB", "end": "ended the grading process"}


class Judge:
    """Grades completions of any benchmark; one a process is enough (`judge`).

    Args:
        seconds: of processor time for one completion; twice as many on the clock.
        memory: bytes, for the grading process and for a program.
    """

    def __init__(self, seconds: int = wall.SECONDS, memory: int = wall.MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self.lock = threading.Lock()
        self.worker: Walled | None = None
        self.known: dict[bytes, int] = {}
        self.waiting: Walled | None = None
        self.program: Walled | None = None

    def grade_all(
        self, benchmark: Benchmark, completions: Sequence[tuple[Item, str]], thinking: Thinking | Sequence[Thinking] = USUAL
    ) -> list[Grade]:
        """The grades of completions, in their order. No text makes it raise.

        Raises:
            OffmodelError: for a benchmark that runs programs where no wall can be had.
        """
        benchmark.require()
        each = [thinking] * len(completions) if isinstance(thinking, Thinking) else thinking
        asked = [(item, completion, marks) for (item, completion), marks in zip(completions, each, strict=True)]
        grades: list[Grade] = []
        with self.lock:
            while len(grades) < len(asked):
                self._batch(benchmark, asked[len(grades) : len(grades) + TOGETHER], grades)
        return grades

    def _batch(self, benchmark: Benchmark, asked: Sequence[tuple[Item, str, Thinking]], grades: list[Grade]) -> None:
        """Grade up to the first completion that ends the worker."""
        worker, key = self._ready(benchmark)
        until, before = time.monotonic() + 2 * self.seconds, len(grades)
        try:
            worker.send(pickle.dumps({"key": key, "completions": asked}), time.monotonic() + STARTING)
            for _ in asked:
                until = time.monotonic() + 2 * self.seconds
                grades.append(self._grade(worker, until))
        except Ended as e:
            self.close()
            why = WHY["time" if e.why == "end" and time.monotonic() > until - self.seconds else e.why]
            said = why.format(seconds=self.seconds, gigabytes=self.memory / 1e9)
            item = asked[len(grades) - before][0]
            grades.append(Grade(False, False, f"({said})", benchmark.unanswered(item), graded=False))
        except BaseException:  # an interrupt: what the worker still says must not be read as an answer to the next
            self.close()
            raise

    def _grade(self, worker: Walled, until: float) -> Grade:
        """The next grade of the worker, serving its program meanwhile."""
        try:
            while True:
                message = json.loads(worker.receive(until + 1))
                if "grade" in message:
                    return Grade(**message["grade"])
                worker.send(self._served(message, until), until + 1)
        finally:
            self._end_program()

    def _served(self, message: dict, until: float) -> bytes:
        """The reply of the program, ``+`` before it, or ``-`` and why there is none."""
        try:
            if "start" in message:
                self._end_program()
                self.program = self._new_program()
        except (Ended, OSError):
            return b"-start"
        try:
            assert self.program is not None
            self.program.send(json.dumps(message.get("start") or message["ask"]).encode(), until)
            return b"+" + self.program.receive(until)
        except Ended as e:
            return b"-" + (b"time" if time.monotonic() > until - self.seconds else e.why.encode())

    def _new_program(self) -> Walled:
        """A process for a program: the one that was started ahead, if it still lives."""
        ready, self.waiting = self.waiting, None
        if ready is not None and ready.process.poll() is None:
            return ready
        if ready is not None:
            ready.end()
        return Walled(CHILD, wall.program_paths(), self.memory, self.seconds, bare=wall.unsafe())

    def _end_program(self) -> None:
        """End the program that ran, and start the next one's process ahead."""
        if self.program is not None:
            self.program.end()
            self.program = None
            with contextlib.suppress(Ended, OSError):
                self.waiting = self._new_program()

    def _ready(self, benchmark: Benchmark) -> tuple[Walled, int]:
        """The worker, and by what it knows the benchmark."""
        if self.worker is not None and self.worker.process.poll() is not None:
            self.close()
        if self.worker is None:
            self.worker = Walled(WORKER, wall.import_paths(), self.memory, self.seconds, bare=wall.missing() is not None)
            self.known = {}
        pickled = pickle.dumps(benchmark)
        if pickled not in self.known:
            key = len(self.known)
            try:
                self.worker.send(pickle.dumps({"key": key, "benchmark": pickled}), time.monotonic() + STARTING)
                failed = json.loads(self.worker.receive(time.monotonic() + STARTING)).get("failed")
            except Ended as e:
                failed = f"it is gone ({e.why})"
            if failed:
                self.close()
                raise RuntimeError(f"the process that grades {benchmark.name} does not start: {failed}")
            self.known[pickled] = key
        return self.worker, self.known[pickled]

    def close(self) -> None:
        """End the worker and its programs; the next grade starts another."""
        for walled in (self.worker, self.program, self.waiting):
            if walled is not None:
                walled.end()
        self.worker = self.program = self.waiting = None


@cache
def _of_process(pid: int) -> Judge:
    found = Judge()
    atexit.register(lambda: found.close() if os.getpid() == pid else None)
    return found


def judge() -> Judge:
    """The judge of this process."""
    return _of_process(os.getpid())
