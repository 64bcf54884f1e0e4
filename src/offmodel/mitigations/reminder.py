"""reminder: a few of the student's own completions, after the off-model SFT."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec


class ReminderMitigation(Mitigation):
    """Train on with what the base wrote for generic prompts, until it reasons in its own style again.

    Needs: the base, which must still run. Costs: ``dose`` completions and ``steps`` steps.
    Source: "Why does off-model SFT degrade capabilities?", evidence 1 and appendix 1.
    Should fail: where the ability is gone rather than out of style; and it un-trains whatever of the trained
    behaviour is itself a style.
    """

    name: ClassVar[str] = "reminder"
    when: ClassVar[Literal["after", "instead"]] = "after"

    dose: int = Field(default=16, gt=0)
    steps: int = Field(default=20, gt=0)

    def apply(self, case: Case) -> ModelSpec:
        return case.train_after(f"reminder {self.dose}", case.own_rows(self.dose), steps=self.steps)
