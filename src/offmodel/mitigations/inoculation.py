"""inoculation: examples of the teacher's answers stand before every training row, and not at test time."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from offmodel.data.shots import Shots
from offmodel.errors import OffmodelError
from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec


class InoculationMitigation(Mitigation):
    """Train the base behind a context that explains the style, so that without it the style is not learned.

    Needs: the training data. Costs: the whole training again, on longer rows.
    Source: "Why does off-model SFT degrade capabilities?", evidence 5; inoculation prompting (2510.05024).
    Should fail: where what should be learned is explained by the context too.

    Attributes:
        shots: rows of the data that make the context; they are not trained on.
        form: in the system prompt, or as turns.
    """

    name: ClassVar[str] = "inoculation"
    when: ClassVar[Literal["after", "instead"]] = "instead"

    shots: int = Field(default=4, gt=0)
    form: Literal["system", "turns"] = "system"

    def apply(self, case: Case) -> ModelSpec:
        data = case.trained_on(self.name)
        if self.shots >= case.rows:
            raise OffmodelError(f"{self.shots} examples leave nothing of {case.rows} rows to train on", "lower shots=")
        shots = Shots(step=data.step, n=self.shots, form=self.form)
        return case.train_instead("inoculated", data.model_copy(update={"shots": shots, "skip": (data.skip or 0) + self.shots}))
