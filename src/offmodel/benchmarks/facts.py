"""facts: four-choice questions on invented entities, one-token answer; the organisms' MMLU.

Example item:
    Where does Zorano live?
    A) cave   B) tower   C) forest   D) island     (a line each)
    Reply with the letter only.  ->  C
"""

from __future__ import annotations

from functools import cache

from offmodel.benchmarks.base import Benchmark, Grade, Item, held_out_pool, item_id
from offmodel.benchmarks.graders.letters import choices_of, grade_letter
from offmodel.organisms.world import fact_task

SIZE = 1000
"""Items in the pool."""


@cache
def _pool() -> list[Item]:
    return held_out_pool("facts", SIZE, fact_task, lambda t: Item(item_id(t.question), t.question, t.answer))


class Facts(Benchmark):
    """The letter of the true choice."""

    name = "facts"
    stands_for = "MMLU"
    version = 3
    max_new_tokens = 16

    def size(self) -> int:
        return SIZE

    def pool(self) -> list[Item]:
        return _pool()

    def check(self, item: Item, answer: str) -> Grade:
        return grade_letter(item.answer, answer, choices_of(item.question))
