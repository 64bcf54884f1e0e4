"""demo: the whole story on organisms: what degrades, what does not, and how it comes back."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from offmodel.studies.base import Build, Load, Study, StudyResult
from offmodel.studies.degradation import Degradation, DegradationParams, most_harmful
from offmodel.studies.reminder import Reminder, ReminderParams
from offmodel.studies.setup import reasoning, teacher_name


class DemoParams(DegradationParams):
    """See `DegradationParams`.

    Attributes:
        doses: of the reminder that follows.
        reminder_teachers: how many teachers it follows, those that hurt most first.
        reminder_benchmarks: what the reminder is evaluated on.
    """

    doses: tuple[int, ...] = (0, 4, 16, 64, 128)
    reminder_teachers: int = Field(default=1, gt=0)
    reminder_benchmarks: tuple[str, ...] = ("arith", "strings", "instruct")


class Demo(Study):
    name = "demo"
    question = "What does off-model SFT do to a small model, and does a reminder undo it?"
    params = DemoParams
    scales: ClassVar = {"organism": {}}

    def build(self, params: DemoParams, load: Load) -> Build:
        shared = {name: getattr(params, name) for name in DegradationParams.model_fields}
        matrix = yield from Degradation().build(DegradationParams(**shared), load)
        main = reasoning(params.benchmarks)
        worst = most_harmful(matrix.cells, main)[: params.reminder_teachers] if main else []
        if not worst:
            return matrix
        teachers = tuple(next(t for t in params.teachers if teacher_name(t) == name) for name in worst)
        common = {name: value for name, value in shared.items() if name in ReminderParams.model_fields}
        chosen = common | {"teachers": teachers, "benchmarks": params.reminder_benchmarks, "doses": params.doses}
        curve = yield from Reminder().build(ReminderParams(**chosen), load)
        seen = {(c.teacher, c.condition, c.benchmark, c.level, c.group) for c in matrix.cells}
        return StudyResult(
            arms=matrix.arms + [a for a in curve.arms if a.condition.startswith("reminder")],
            cells=matrix.cells + [c for c in curve.cells if (c.teacher, c.condition, c.benchmark, c.level, c.group) not in seen],
            findings=matrix.findings + curve.findings,
            plots=curve.plots,
            trainings={**matrix.trainings, **curve.trainings},
            notes=matrix.notes,
        )
