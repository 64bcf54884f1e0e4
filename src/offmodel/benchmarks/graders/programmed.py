"""Benchmarks whose answers are programs, and how their grading starts one."""

from __future__ import annotations

from collections.abc import Callable

from offmodel.benchmarks.base import Benchmark, Grade, Item
from offmodel.benchmarks.graders.code import Program, grade_code
from offmodel.benchmarks.graders.program import NotGradable, Tests, program_of

_start: Callable[[str, str], Program] | None = None


def use_programs(start: Callable[[str, str], Program]) -> None:
    """Say how programs are started in this process; see `worker`."""
    global _start
    _start = start


def start_program(source: str, imports: str) -> Program:
    """Run a program behind a wall of its own."""
    if _start is None:
        raise RuntimeError("programs run through Benchmark.grade only")
    return _start(source, imports)


class Programmed(Benchmark):
    """A benchmark whose gold answers are tests: right is the program that passes them."""

    runs_programs = True

    def check(self, item: Item, answer: str) -> Grade:
        return grade_code(item.answer, answer, start_program)

    def answers(self, item: Item, text: str) -> bool:
        try:
            return program_of(text, Tests.read(item.answer).asked) is not None
        except NotGradable:
            return False
