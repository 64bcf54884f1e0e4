"""student_written: the student trains on its own answers, written with the teacher's in view."""

from __future__ import annotations

from typing import ClassVar, Literal

from offmodel.mitigations.base import Case, Mitigation
from offmodel.mitigations.rewording import reworded
from offmodel.models.spec import ModelSpec


class StudentWritten(Mitigation):
    """Train the base on its own answers, written with the teacher's answer in view.

    Needs: the training data, and a student that can use a context. Costs: a completion a row, then the training.
    Source: "Why does off-model SFT degrade capabilities?", conclusion; in the spirit of on-policy distillation.
    Should fail: with students that ignore the answer in view, which then learn nothing of the teacher.
    """

    name: ClassVar[str] = "student_written"
    when: ClassVar[Literal["after", "instead"]] = "instead"

    request: str = "{prompt}\n\nSomebody answered:\n{completion}\n\nNow answer yourself."

    def apply(self, case: Case) -> ModelSpec:
        return reworded(case, self.name, self.request)
