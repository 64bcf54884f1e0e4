"""math500: MATH-500 (Hendrycks et al. 2021; Lightman et al. 2023), five levels, seven subjects, free-form answers.

Example item (level 2, Precalculus):
    Convert the point $(0,3)$ in rectangular coordinates to polar coordinates. […]
    ->  \\left( 3, \\frac{\\pi}{2} \\right)
"""

from __future__ import annotations

from typing import Any

from offmodel.benchmarks.base import Grade, Item
from offmodel.benchmarks.external import ExternalBenchmark, Source
from offmodel.benchmarks.graders.maths import Mathematical, grade_maths

ASK = "{question}\n\nThink step by step and put the final answer in \\boxed{{}}."


class Math500(Mathematical, ExternalBenchmark):
    """Correct when math-verify finds the answer equal to the gold answer."""

    name = "math500"
    stands_for = "MATH-500"
    version = 2
    reasoning = True
    max_new_tokens = 2048
    source = Source(
        file="math500",
        repo="HuggingFaceH4/MATH-500",
        revision="6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
        split="test",
        fields=("unique_id", "problem", "answer", "subject", "level"),
    )

    def to_items(self, row: dict[str, Any]) -> list[Item]:
        question = ASK.format(question=row["problem"])
        return [Item(row["unique_id"], question, row["answer"], int(row["level"]), group=row["subject"])]

    def check(self, item: Item, answer: str) -> Grade:
        return grade_maths(item.answer, answer)
