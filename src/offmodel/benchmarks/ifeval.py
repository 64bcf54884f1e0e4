"""ifeval: verifiable instructions (Zhou et al. 2023), checked by if-verifiable.

Accuracy is prompt-level strict; the other three accuracies of the paper are its measures.

Example item (instruction ``punctuation:no_comma``):
    I am planning a trip to Japan. […] You are not allowed to use any commas in your response.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

from offmodel.benchmarks.base import Grade, Item
from offmodel.benchmarks.external import ExternalBenchmark, Source


class IFEval(ExternalBenchmark):
    """Correct when every instruction of the prompt is followed, strictly."""

    name = "ifeval"
    stands_for = "IFEval"
    version = 2
    max_new_tokens = 1280
    source = Source(
        file="ifeval",
        repo="google/IFEval",
        revision="966cd89545d6b6acfd7638bc708b98261ca58e84",
        split="train",
        fields=("key", "prompt", "instruction_id_list", "kwargs"),
    )

    def to_items(self, row: dict[str, Any]) -> list[Item]:
        kwargs = [{k: v for k, v in k_.items() if v is not None} for k_ in row["kwargs"]]  # the Hub fills up with None
        return [
            Item(str(row["key"]), row["prompt"], "", None, {"instructions": list(row["instruction_id_list"]), "kwargs": kwargs})
        ]

    def prepare(self) -> None:
        give_sentence_data()

    def answers(self, item: Item, text: str) -> bool:
        return False  # any text is an answer, and some prompts ask for questions

    def unanswered(self, item: Item) -> dict[str, float]:
        return _measures(len(item.meta["instructions"]), 0, 0, 0.0)

    def check(self, item: Item, answer: str) -> Grade:
        asked = len(item.meta["instructions"])
        if not answer.strip():
            return Grade(False, False, None, self.unanswered(item))
        results, scores = _check(item, answer)
        strict, loose = (sum(getattr(r, kind) for r in results) for kind in ("strict_pass", "loose_pass"))
        measures = _measures(asked, strict, loose, scores.binary_loose)
        return Grade(scores.binary_strict == 1.0, True, f"{strict} of {asked} instructions", measures)

    def measures(self, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
        """The paper's accuracies: prompt and instruction level, strict and loose."""
        total = {key: sum(row["measures"].get(key, 0) for row in rows) for key in _measures(0, 0, 0, 0.0)}
        return {
            "prompt_strict": sum(row["correct"] for row in rows) / len(rows),
            "prompt_loose": total["prompt_loose"] / len(rows),
            "instruction_strict": total["strict"] / max(1, total["asked"]),
            "instruction_loose": total["loose"] / max(1, total["asked"]),
        }


def _measures(asked: int, strict: int, loose: int, prompt_loose: float) -> dict[str, float]:
    return {"asked": asked, "strict": strict, "loose": loose, "prompt_loose": prompt_loose}


def _check(item: Item, completion: str) -> tuple[Any, Any]:
    from if_verifiable import IFEvalSample, evaluate_output_for_sample

    give_sentence_data()
    sample = IFEvalSample(int(item.id), item.question, item.meta["instructions"], item.meta["kwargs"])
    before = random.getstate()
    random.seed(item.id)  # item 1129 asks for the letter "!", for which the reference checks a letter drawn at random
    try:
        return evaluate_output_for_sample("ifeval", sample, completion)
    finally:
        random.setstate(before)


@cache
def give_sentence_data() -> None:
    """Let if-verifiable find sentences without NLTK's downloaded data: Punkt's English model from a package.

    langdetect, which draws at random, is seeded: the same text gets the same language every time.

    Both of its uses are replaced in its own module only: the sentence tokenizer, and NLTK's word tokenizer,
    which splits into sentences first.
    """
    import langdetect
    import nltk
    import punkt
    from if_verifiable.ifeval import instructions_util
    from nltk.tokenize import NLTKWordTokenizer

    langdetect.DetectorFactory.seed = 0
    sentences = punkt.PunktSentenceTokenizer(punkt.load_model("english"))
    words = NLTKWordTokenizer()

    def word_tokenize(text: str) -> list[str]:
        return [word for sentence in sentences.tokenize(text) for word in words.tokenize(sentence)]

    instructions_util._get_sentence_tokenizer = lambda: sentences  # pyright: ignore[reportAttributeAccessIssue]
    own = SimpleNamespace(tokenize=nltk.tokenize, data=nltk.data, word_tokenize=word_tokenize)
    instructions_util.nltk = own  # pyright: ignore[reportAttributeAccessIssue]
