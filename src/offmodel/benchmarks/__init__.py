"""Benchmarks by name."""

from __future__ import annotations

from offmodel.benchmarks.arith import Arith, ArithHard
from offmodel.benchmarks.base import Benchmark, Grade, Item
from offmodel.benchmarks.custom import FileBenchmark
from offmodel.benchmarks.facts import Facts
from offmodel.benchmarks.gsm8k import Gsm8k
from offmodel.benchmarks.ifeval import IFEval
from offmodel.benchmarks.instruct import Instruct
from offmodel.benchmarks.math500 import Math500
from offmodel.benchmarks.mbpp import Mbpp
from offmodel.benchmarks.mmlu import Mmlu, MmluStem
from offmodel.benchmarks.olympiad import OlympiadBench
from offmodel.benchmarks.strings import Strings
from offmodel.errors import unknown

ALL: tuple[type[Benchmark], ...] = (
    *(Arith, ArithHard, Facts, Instruct, Strings),
    *(IFEval, Mmlu, MmluStem, Math500, OlympiadBench, Gsm8k, Mbpp),
)
BENCHMARKS: dict[str, type[Benchmark]] = {b.name: b for b in ALL}


def get_benchmark(name: str) -> Benchmark:
    """The benchmark of that name, or of a file (``file:PATH?grader=NAME``, see `custom`).

    Raises:
        OffmodelError: when there is none; the nearest name is suggested.
    """
    if name.startswith("file:"):
        return FileBenchmark(name)
    if name not in BENCHMARKS:
        raise unknown("benchmark", name, BENCHMARKS)
    return BENCHMARKS[name]()


__all__ = ["BENCHMARKS", "Benchmark", "Grade", "Item", "get_benchmark"]
