"""olympiadbench: open-ended English competition mathematics, text only (He et al. 2024).

Answers are numbers, expressions, tuples or intervals; some items have several answers, a unit or a tolerance.

Example item (Number Theory, several answers):
    Find all triples $(a, b, c)$ […]  ->  $(1,8,19), (2,7,13), (4,5,7)$
"""

from __future__ import annotations

from typing import Any

from offmodel.benchmarks.base import Grade, Item
from offmodel.benchmarks.external import ExternalBenchmark, Source
from offmodel.benchmarks.graders.maths import Mathematical, grade_maths


class OlympiadBench(Mathematical, ExternalBenchmark):
    """Correct when the boxed answer equals the gold one; several answers must all be there, in any order."""

    name = "olympiadbench"
    stands_for = "OlympiadBench"
    version = 2
    reasoning = True
    max_new_tokens = 2048
    source = Source(
        file="olympiadbench",
        repo="Hothan/OlympiadBench",
        config="OE_TO_maths_en_COMP",
        revision="91184b52131e7fc9455fef848035173aea8cc01a",
        split="train",
        fields=("id", "subfield", "question", "final_answer", "is_multiple_answer", "unit", "answer_type", "error"),
    )

    def to_items(self, row: dict[str, Any]) -> list[Item]:
        gold = ", ".join(str(a) for a in row["final_answer"] or []).replace("$", "").strip().rstrip(".")
        if not gold:
            return []
        meta = {"unit": row["unit"] or "", "tolerance": float(row["error"]) if row["error"] else None}
        return [Item(str(row["id"]), self._question(row), gold, None, meta, row["subfield"])]

    @staticmethod
    def _question(row: dict[str, Any]) -> str:
        several = row["is_multiple_answer"]
        ask = "put all answers, separated by commas, in one" if several else "put the final answer in"
        unit = f" Give it in {row['unit'].strip('$')}, without the unit in the box." if row["unit"] else ""
        return f"{row['question']}\n\nThink step by step and {ask} \\boxed{{}}.{unit}"

    def check(self, item: Item, answer: str) -> Grade:
        return grade_maths(item.answer, answer, item.meta["tolerance"])
