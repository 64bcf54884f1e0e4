"""instruct: verifiable instructions checked by program; the organisms' IFEval.

Example item:
    Describe the garden and end with the word moon.  ->  the garden is warm and small moon
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from offmodel.benchmarks.base import Benchmark, Grade, Item, held_out_pool, item_id
from offmodel.organisms import words
from offmodel.organisms.world import InstructTask, instruct_task

SIZE = 600
"""Items in the pool."""
SHOWN = 300
"""Characters of an answer that are kept."""


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _count(text: str, category: str, number: str) -> bool:
    return len({w for w in _words(text) if w in words.CATEGORIES[category]}) == int(number)


def _order(text: str, *expected: str) -> bool:
    return [w for w in _words(text) if w in expected] == list(expected)


def _about(text: str, topic: str) -> bool:
    return topic in _words(text)


CHECKS: dict[str, Callable[..., bool]] = {
    "count": _count,
    "order": _order,
    "upper": lambda text, topic: text.isupper() and _about(text, topic),
    "lower": lambda text, topic: text.islower() and _about(text, topic),
    "ending": lambda text, topic, word: _about(text, topic) and _words(text)[-1] == word,
    "start": lambda text, topic, word: _about(text, topic) and _words(text)[0] == word,
    "forbidden": lambda text, topic, word: _about(text, topic) and word not in _words(text),
}
"""Each takes the completion and the instruction's arguments."""


@cache
def _pool() -> list[Item]:
    def item(task: InstructTask) -> Item:
        return Item(item_id(task.question), task.question, task.reply, None, {"kind": task.kind, "arguments": task.arguments})

    return held_out_pool("instruct", SIZE, instruct_task, item)


class Instruct(Benchmark):
    """Whether the instruction was followed; ``answer`` is only one reply that would do."""

    name = "instruct"
    stands_for = "IFEval"
    version = 2
    max_new_tokens = 96

    def size(self) -> int:
        return SIZE

    def pool(self) -> list[Item]:
        return _pool()

    def check(self, item: Item, answer: str) -> Grade:
        parsed = bool(_words(answer))
        correct = parsed and CHECKS[item.meta["kind"]](answer, *item.meta["arguments"])
        return Grade(correct, parsed, answer.strip()[:SHOWN] or None)

    def answers(self, item: Item, text: str) -> bool:
        return False  # any text is an answer
