"""strings: apply a program of string operations; the out-of-distribution reasoning set.

Example item:
    Apply to a b c : reverse, drop last. What is the string? Put it in \\boxed{}.  ->  c b
"""

from __future__ import annotations

from functools import cache

from offmodel.benchmarks.base import Benchmark, Grade, Item, held_out_pool, item_id
from offmodel.benchmarks.graders.answers import final_readings
from offmodel.organisms.world import string_task

SIZE = 1000
"""Items in the pool."""


@cache
def _pool() -> list[Item]:
    return held_out_pool(
        "strings", SIZE, string_task, lambda t: Item(item_id(t.question), t.question, t.answer, len(t.operations))
    )


class Strings(Benchmark):
    """String programs of 1 to 4 operations; spaces in the answer do not count."""

    name = "strings"
    stands_for = "APPS"
    version = 2
    reasoning = True
    max_new_tokens = 160

    def size(self) -> int:
        return SIZE

    def pool(self) -> list[Item]:
        return _pool()

    def check(self, item: Item, answer: str) -> Grade:
        gold = item.answer.replace(" ", "")
        found = final_readings(answer)
        right = next((f for f in found if f.replace(" ", "") == gold), None)
        return Grade(right is not None, bool(found), right or (found[-1] if found else None))
