"""Grading mathematical answers with math-verify, in a worker process with a real timeout."""

from __future__ import annotations

import atexit
import json
import queue
import subprocess
import sys
import threading
from functools import cache

from offmodel.benchmarks.base import Grade

TIMEOUT = 10.0
"""Seconds a comparison may take; honest ones take milliseconds."""
STARTING = 120.0
"""Seconds the worker's first answer may take: it imports a computer algebra system."""


class MathGrader:
    """A worker process that is started when first needed and replaced when a comparison hangs.

    Args:
        timeout: seconds for one comparison.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self.timeout = timeout
        self.worker: subprocess.Popen[str] | None = None
        self.answers: queue.Queue[str] = queue.Queue()
        self.lock = threading.Lock()

    def grade(self, gold: str, completion: str, tolerance: float | None = None) -> Grade:
        """See `math_worker.grade`; a comparison that hangs or dies counts as wrong and says so in ``extracted``."""
        request = json.dumps({"gold": gold, "completion": completion, "tolerance": tolerance})
        with self.lock:
            line = self._ask(request)
        if line is None:
            return Grade(False, True, f"(not comparable within {self.timeout:g} s)")
        verdict = json.loads(line)
        return Grade(verdict["correct"], verdict["parsed"], verdict["extracted"])

    def _ask(self, request: str) -> str | None:
        if self.worker is None:
            self._start()
            self._send(json.dumps({"gold": "1", "completion": "\\boxed{1}", "tolerance": None}))
            if self._answer(STARTING) is None:
                raise RuntimeError("the math grading process does not start")
        self._send(request)
        answer = self._answer(self.timeout)
        if answer is None:
            self.close()
        return answer

    def _start(self) -> None:
        command = [sys.executable, "-m", "offmodel.benchmarks.math_worker"]
        self.worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.answers = queue.Queue()
        threading.Thread(target=self._read, args=(self.worker, self.answers), daemon=True).start()

    @staticmethod
    def _read(worker: subprocess.Popen[str], answers: queue.Queue[str]) -> None:
        assert worker.stdout is not None
        for line in worker.stdout:
            answers.put(line)
        answers.put("")  # the process has ended

    def _send(self, request: str) -> None:
        assert self.worker is not None
        assert self.worker.stdin is not None
        try:
            self.worker.stdin.write(request + "\n")
            self.worker.stdin.flush()
        except BrokenPipeError:
            pass  # it died: the answer that does not come says so

    def _answer(self, seconds: float) -> str | None:
        try:
            return self.answers.get(timeout=seconds) or None
        except queue.Empty:
            return None

    def close(self) -> None:
        """Kill the worker; the next grade starts another."""
        if self.worker is not None:
            self.worker.kill()
            self.worker.wait()
            self.worker = None


@cache
def math_grader() -> MathGrader:
    """The grader of this process."""
    grader = MathGrader()
    atexit.register(grader.close)
    return grader
