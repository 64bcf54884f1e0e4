"""ifeval: verifiable instructions (Zhou et al. 2023), prompt-level strict accuracy, checked by if-verifiable.

Example item (instruction ``punctuation:no_comma``):
    I am planning a trip to Japan. […] You are not allowed to use any commas in your response.
"""

from __future__ import annotations

from offmodel.benchmarks import external
from offmodel.benchmarks.base import Benchmark, Grade, Item

SENTENCES = ("length_constraints:number_sentences", "change_case:capital_word_frequency")
"""Instructions whose check needs NLTK's sentence data, which a fresh offline machine lacks."""


class IFEval(Benchmark):
    """Correct when every instruction of the prompt is followed, strictly.

    Items with an instruction of `SENTENCES` are left out, not scored silently.
    """

    name = "ifeval"
    stands_for = "IFEval"
    max_new_tokens = 1280

    def _rows(self) -> list[dict]:
        path = external.data_file("ifeval", "google/IFEval")
        return external.rows(path, ("key", "prompt", "instruction_id_list", "kwargs"))

    @property
    def fingerprint(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return external.checksum(external.data_file("ifeval", "google/IFEval"))

    def pool(self) -> list[Item]:
        return [
            Item(str(r["key"]), r["prompt"], "", None, {"instructions": r["instruction_id_list"], "kwargs": r["kwargs"]})
            for r in self._rows()
            if not set(SENTENCES) & set(r["instruction_id_list"])
        ]

    def notes(self) -> list[str]:
        left_out = len(self._rows()) - len(self.pool())
        return [f"ifeval: {left_out} items need NLTK's sentence data and were left out."] if left_out else []

    def grade(self, item: Item, completion: str) -> Grade:
        from if_verifiable import IFEvalSample, evaluate_output_for_sample

        if not completion.strip():
            return Grade(False, False)
        sample = IFEvalSample(int(item.id), item.question, item.meta["instructions"], item.meta["kwargs"])
        results, scores = evaluate_output_for_sample("ifeval", sample, completion)
        passed = f"{sum(r.strict_pass for r in results)} of {len(results)} instructions"
        return Grade(scores.binary_strict == 1.0, True, passed)
