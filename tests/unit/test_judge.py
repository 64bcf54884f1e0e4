"""The judge: interrupted, forked, used by threads, its processes killed: no verdict goes astray."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from offmodel.benchmarks import Item, get_benchmark
from offmodel.benchmarks.base import Benchmark, Grade
from offmodel.benchmarks.graders import wall
from offmodel.benchmarks.graders.judge import Judge, judge

MATHS = get_benchmark("math500")


def asked(n, start=0):
    """Completions of which every third is right."""
    return [(Item(str(i), "q", str(i)), f"\\boxed{{{i if i % 3 == 0 else i + 1}}}") for i in range(start, start + n)]


def rights(grades, start=0):
    return [g.correct for g in grades] == [i % 3 == 0 for i in range(start, start + len(grades))]


@pytest.fixture
def own():
    found = Judge()
    yield found
    found.close()


def test_many_and_none(own):
    assert rights(own.grade_all(MATHS, asked(500)))
    assert own.grade_all(MATHS, []) == []


def interrupt(*_):
    raise KeyboardInterrupt


def test_an_interrupt_leaves_no_answers_behind(own):
    hanging = (Item("x", "q", "1"), "\\boxed{9^{9^{9^{9^{9}}}} - 9^{9^{9^{9^{9}}}} + 1}")
    own.grade_all(MATHS, asked(3))
    before = signal.signal(signal.SIGALRM, interrupt)  # SIGINT is ignored in the workers of a parallel test run
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    with pytest.raises(KeyboardInterrupt):
        own.grade_all(MATHS, [*asked(3), hanging, *asked(20)])
    signal.signal(signal.SIGALRM, before)
    assert rights(own.grade_all(MATHS, asked(60, 100)), 100)


def test_threads_share_it():
    def grade(start):
        return rights([MATHS.grade(item, text) for item, text in asked(30, start)], start)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(grade, range(0, 240, 30)))


def test_a_fork_has_a_judge_of_its_own():
    assert rights(MATHS.grade_all(asked(6)))
    child = os.fork()
    if child == 0:
        os._exit(0 if rights(MATHS.grade_all(asked(6, 30)), 30) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert rights(MATHS.grade_all(asked(6)))
    assert judge() is judge()


def test_a_killed_worker_costs_one_verdict_at_most(own):
    own.grade_all(MATHS, asked(3))
    pid = own.worker.first
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    slow = [(Item(str(i), "q", "x^2-1"), "\\boxed{(x-1)(x+1)}") for i in range(400)]
    grades = own.grade_all(MATHS, slow)
    assert sum(not g.graded for g in grades) <= 1
    assert sum(g.correct for g in grades) >= 399


@pytest.mark.skipif(wall.missing() is not None, reason=f"no wall: {wall.missing()}")
def test_a_process_started_ahead_that_died_is_not_used(own, tmp_path):
    file = tmp_path / "b.jsonl"
    file.write_text('{"question": "q", "answer": "assert f(1) == 2"}')
    code = get_benchmark(f"file:{file}?grader=code")
    program = [(code.pool()[0], "def f(n):\n    return n + 1")]
    assert own.grade_all(code, program)[0].correct
    own.waiting.end()
    assert own.grade_all(code, program * 3) == [Grade(True, True, "passed")] * 3


class Breaks(Benchmark):
    """A benchmark whose check is a bug, an exit or a crash."""

    name = "breaks"

    def pool(self):
        return []

    def check(self, item, answer):
        if item.answer == "raise":
            raise ValueError("a bug")
        if item.answer == "exit":
            raise SystemExit(3)
        if item.answer == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        return Grade(True, True)


def test_a_benchmark_of_ones_own_that_breaks_is_not_graded(own):
    answers = ["fine", "raise", "fine", "exit", "fine", "crash", "fine"]
    grades = own.grade_all(Breaks(), [(Item(str(i), "q", a), "x") for i, a in enumerate(answers)])
    assert [g.graded for g in grades] == [a == "fine" for a in answers]
    assert "ValueError in the grader" in grades[1].extracted
