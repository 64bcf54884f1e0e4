"""demo: the whole story on organisms: what degrades, what does not, and how it comes back."""

from __future__ import annotations

from typing import ClassVar

from offmodel.studies.base import Build, Load, Study, StudyResult
from offmodel.studies.degradation import Degradation, DegradationParams, reasoning, worst_teacher
from offmodel.studies.reminder import Reminder, ReminderParams


class DemoParams(DegradationParams):
    """See `DegradationParams`.

    Attributes:
        doses: of the reminder that follows, for the teacher that hurts most.
        reminder_benchmarks: what the reminder is evaluated on.
    """

    doses: tuple[int, ...] = (0, 4, 16, 64, 128)
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
        worst = worst_teacher(matrix.cells, main) if main else ""
        if not worst:
            return matrix
        teacher = next(t for t in params.teachers if t.endswith(worst))
        common = {name: value for name, value in shared.items() if name in ReminderParams.model_fields}
        chosen = common | {"teachers": (teacher,), "benchmarks": params.reminder_benchmarks, "doses": params.doses}
        curve = yield from Reminder().build(ReminderParams(**chosen), load)
        seen = {(c.teacher, c.condition, c.benchmark, c.level) for c in matrix.cells}
        return StudyResult(
            arms=matrix.arms + [a for a in curve.arms if a.condition.startswith("reminder")],
            cells=matrix.cells + [c for c in curve.cells if (c.teacher, c.condition, c.benchmark, c.level) not in seen],
            findings=matrix.findings + curve.findings,
            curves=curve.curves,
            trainings=matrix.trainings | curve.trainings,
        )
