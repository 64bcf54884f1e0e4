"""teacher_reminder: a few completions of the model that once taught the student, after the off-model SFT."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from offmodel.errors import OffmodelError
from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec, resolve_model


class TeacherReminder(Mitigation):
    """Train on with completions of the student's original teacher, whose style the student was raised in.

    Needs: that model, not the base. Costs: ``dose`` completions of it and ``steps`` steps.
    Source: "Why does off-model SFT degrade capabilities?", conclusion.
    Should fail: where the original teacher's style is not the student's after all.
    """

    name: ClassVar[str] = "teacher_reminder"
    when: ClassVar[Literal["after", "instead"]] = "after"

    original: str = "organism:markdown-weak"
    dose: int = Field(default=16, gt=0)
    steps: int = Field(default=20, gt=0)

    def apply(self, case: Case) -> ModelSpec:
        original = resolve_model(self.original)
        if original.revision == case.base.revision:
            raise OffmodelError("the original teacher is the student itself", "use the reminder, or name another in original=")
        rows = case.own_rows(self.dose, original)
        return case.train_after(f"teacher reminder {self.dose}", rows, steps=self.steps)
