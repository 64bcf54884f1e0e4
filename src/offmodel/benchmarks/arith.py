"""arith and arith_hard: chains of + − × on small numbers, the organisms' MATH-500 and OlympiadBench.

Example item (level 2):
    Start with 7, add 5, multiply by 3. What is the result? Put it in \\boxed{}.  ->  36
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from offmodel.benchmarks.base import Benchmark, Grade, Item, held_out_pool, item_id
from offmodel.benchmarks.graders.answers import readings, statements
from offmodel.benchmarks.graders.numerals import number
from offmodel.organisms.world import ArithTask, arith_task

SIZE = 900
"""Items in the pool."""


def _item(task: ArithTask) -> Item:
    return Item(item_id(task.question), task.question, task.answer, task.level)


@cache
def _pool(name: str, levels: tuple[int, ...], hard: bool, size: int) -> list[Item]:
    def draw(level: int) -> Callable[[random.Random], ArithTask]:
        return lambda rng: arith_task(rng, level, hard)

    each = [held_out_pool(f"{name}-{level}", size // len(levels), draw(level), _item) for level in levels]
    return [item for group in each for item in group]


class Arith(Benchmark):
    """Chains of 1 to 5 operations, results below 100; level = number of operations."""

    name = "arith"
    stands_for = "MATH-500"
    version = 2
    reasoning = True
    max_new_tokens = 160
    levels: tuple[int, ...] = (1, 2, 3, 4, 5)
    hard = False

    def size(self) -> int:
        return SIZE

    def pool(self) -> list[Item]:
        return _pool(self.name, self.levels, self.hard, SIZE)

    def check(self, item: Item, answer: str) -> Grade:
        for said in reversed(statements(answer)):
            for found in readings(said):
                if (value := number(found)) is not None:
                    return Grade(value == int(item.answer), True, found)
        return Grade(False, False)


class ArithHard(Arith):
    """Longer chains with results below 1000: base accuracy 0.4 to 0.8, so there is room both ways."""

    name = "arith_hard"
    stands_for = "OlympiadBench"
    max_new_tokens = 288
    levels = (6, 7, 8)
    hard = True
