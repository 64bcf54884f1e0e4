"""mmlu_stem: the STEM subjects of MMLU (Hendrycks et al. 2021), four choices, one-letter answer.

Example item:
    A frameshift mutation is created when
    A. telomeric sequences are removed from DNA    (… one line a choice)
    Answer with the letter only.  ->  C
"""

from __future__ import annotations

from offmodel.benchmarks import external
from offmodel.benchmarks.base import Benchmark, Grade, Item, item_id
from offmodel.benchmarks.grading import choice_letter


class MmluStem(Benchmark):
    """The letter of the right choice."""

    name = "mmlu_stem"
    stands_for = "MMLU"
    max_new_tokens = 16

    @property
    def fingerprint(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return external.checksum(external.data_file("mmlu_stem", "cais/mmlu"))

    def pool(self) -> list[Item]:
        path = external.data_file("mmlu_stem", "cais/mmlu")
        pool: dict[str, Item] = {}
        for row in external.rows(path, ("question", "subject", "choices", "answer")):
            lines = "\n".join(f"{letter}. {choice}" for letter, choice in zip("ABCD", row["choices"], strict=True))
            question = f"{row['question']}\n{lines}\nAnswer with the letter only."
            item = Item(item_id(question), question, "ABCD"[row["answer"]], None, {"subject": row["subject"]})
            pool.setdefault(item.id, item)
        return list(pool.values())

    def grade(self, item: Item, completion: str) -> Grade:
        found = choice_letter(completion)
        return Grade(found == item.answer, found is not None, found)
