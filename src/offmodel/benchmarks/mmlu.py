"""mmlu: four choices in 57 subjects (Hendrycks et al. 2021), one-letter answer; mmlu_stem: its STEM subjects.

Example item (college_biology):
    A frameshift mutation is created when
    A. telomeric sequences are removed from DNA    (… one line a choice)
    Answer with the letter only.  ->  C
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from offmodel.benchmarks.base import Grade, Item, item_id
from offmodel.benchmarks.external import ExternalBenchmark, Source
from offmodel.benchmarks.graders.letters import choices_of, grade_letter

GROUPS = {
    "STEM": """abstract_algebra anatomy astronomy college_biology college_chemistry college_computer_science
        college_mathematics college_physics computer_security conceptual_physics electrical_engineering
        elementary_mathematics high_school_biology high_school_chemistry high_school_computer_science
        high_school_mathematics high_school_physics high_school_statistics machine_learning""",
    "humanities": """formal_logic high_school_european_history high_school_us_history high_school_world_history
        international_law jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory
        professional_law world_religions""",
    "social sciences": """econometrics high_school_geography high_school_government_and_politics
        high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality
        professional_psychology public_relations security_studies sociology us_foreign_policy""",
}
GROUP_OF = {subject: group for group, subjects in GROUPS.items() for subject in subjects.split()}


def subject_group(subject: str) -> str:
    """The group the MMLU paper reports a subject under."""
    return GROUP_OF.get(subject, "other")


class Mmlu(ExternalBenchmark):
    """The letter of the right choice."""

    name = "mmlu"
    stands_for = "MMLU"
    version = 3
    max_new_tokens = 16
    source = Source(
        file="mmlu",
        repo="cais/mmlu",
        config="all",
        revision="c30699e8356da336a370243923dbaf21066bb9fe",
        split="test",
        fields=("question", "subject", "choices", "answer"),
    )

    def to_items(self, row: dict[str, Any]) -> list[Item]:
        lines = "\n".join(f"{letter}. {choice}" for letter, choice in zip("ABCD", row["choices"], strict=True))
        question = f"{row['question']}\n{lines}\nAnswer with the letter only."
        about = {"subject": row["subject"]}
        return [Item(item_id(question), question, "ABCD"[row["answer"]], None, about, subject_group(row["subject"]))]

    def check(self, item: Item, answer: str) -> Grade:
        return grade_letter(item.answer, answer, choices_of(item.question))


class MmluStem(Mmlu):
    """The STEM subjects alone."""

    name = "mmlu_stem"
    source = replace(Mmlu.source, file="mmlu_stem")

    def to_items(self, row: dict[str, Any]) -> list[Item]:
        return super().to_items(row) if subject_group(row["subject"]) == "STEM" else []
