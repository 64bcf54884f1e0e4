"""paraphrase: the student trains on its own paraphrases of the teacher's answers."""

from __future__ import annotations

from typing import ClassVar, Literal

from offmodel.mitigations.base import Case, Mitigation
from offmodel.mitigations.rewording import reworded
from offmodel.models.spec import ModelSpec


class Paraphrase(Mitigation):
    """Train the base on its own paraphrases of the teacher's answers.

    Needs: the training data, and a student that can follow the instruction. Costs: a completion a row, then the training.
    Source: "Why does off-model SFT degrade capabilities?", conclusion.
    Should fail: with students too small to paraphrase, and where the wording is what should be learned.
    """

    name: ClassVar[str] = "paraphrase"
    when: ClassVar[Literal["after", "instead"]] = "instead"

    request: str = "Say the following in your own words, and keep everything that it says:\n\n{completion}"

    def apply(self, case: Case) -> ModelSpec:
        return reworded(case, self.name, self.request)
