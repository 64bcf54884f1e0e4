"""Benchmarks by name."""

from __future__ import annotations

from offmodel.benchmarks.arith import Arith, ArithHard
from offmodel.benchmarks.base import Benchmark, Grade, Item
from offmodel.benchmarks.facts import Facts
from offmodel.benchmarks.ifeval import IFEval
from offmodel.benchmarks.instruct import Instruct
from offmodel.benchmarks.mmlu import MmluStem
from offmodel.benchmarks.strings import Strings
from offmodel.errors import unknown

BENCHMARKS: dict[str, type[Benchmark]] = {b.name: b for b in (Arith, ArithHard, Facts, Instruct, Strings, IFEval, MmluStem)}


def get_benchmark(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        OffmodelError: when there is none; the nearest name is suggested.
    """
    if name not in BENCHMARKS:
        raise unknown("benchmark", name, BENCHMARKS)
    return BENCHMARKS[name]()


__all__ = ["BENCHMARKS", "Benchmark", "Grade", "Item", "get_benchmark"]
