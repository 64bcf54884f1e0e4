"""gsm8k: grade-school word problems (Cobbe et al. 2021), one number as the answer.

Example item:
    A robe takes 2 bolts of blue fiber and half that much white fiber.  How many bolts in total does it take?  ->  3
"""

from __future__ import annotations

from typing import Any

from offmodel.benchmarks.base import Grade, Item, item_id
from offmodel.benchmarks.external import ExternalBenchmark, Source
from offmodel.benchmarks.graders.maths import Mathematical, grade_maths
from offmodel.benchmarks.math500 import ASK


class Gsm8k(Mathematical, ExternalBenchmark):
    """The number after ``####`` is the gold answer."""

    name = "gsm8k"
    stands_for = "GSM8K"
    version = 2
    reasoning = True
    max_new_tokens = 1024
    source = Source(
        file="gsm8k",
        repo="openai/gsm8k",
        config="main",
        revision="cc7b047b6e5bb11b4f1af84efc572db110a51b3c",
        split="test",
        fields=("question", "answer"),
    )

    def to_items(self, row: dict[str, Any]) -> list[Item]:
        gold = row["answer"].rsplit("####", 1)[-1].strip().replace(",", "")
        return [Item(item_id(row["question"]), ASK.format(question=row["question"]), gold)]

    def check(self, item: Item, answer: str) -> Grade:
        return grade_maths(item.answer, answer, hashes=True)
