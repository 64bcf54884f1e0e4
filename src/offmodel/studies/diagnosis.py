"""diagnosis: what explains the loss of one tuned model?

Measures that no one hypothesis test has by itself: each separates causes that others confuse. Recovery by a
reminder, the post's strongest evidence, cannot tell a style from a lightly overwritten ability, nor can
accuracy tell noise from destruction; finishing unfinished answers, the spread of the weight change and the teacher's own
errors can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from offmodel.benchmarks.evaluate import Evaluate, Prefill, evaluate
from offmodel.benchmarks.finished import FinishedEvaluate
from offmodel.metrics.cells import Arm, correct, difference, make_cells
from offmodel.metrics.diagnosis import Evidence, diagnose
from offmodel.metrics.paired import recovered_share
from offmodel.metrics.weights import WeightChange
from offmodel.models.spec import ModelSpec, resolve_model
from offmodel.organisms.planted import Plant
from offmodel.pipeline.step import Step
from offmodel.studies.base import Build, Load, Study, StudyResult
from offmodel.studies.setup import Setup, SftParams
from offmodel.training.train_step import DataPart, Train

FEWEST_ERRORS = 10
"""Wrong answers a teacher must give before copying them can be judged."""


class DiagnosisParams(SftParams):
    """See `SftParams`.

    Attributes:
        cause: diagnose a student with this planted cause instead of one tuned on each teacher.
        prefill_tokens: of the base's own, when prefill is tested.
        dose: on-model samples of the reminder.
        reminder_steps: of the reminder.
    """

    teachers: tuple[str, ...] = ("organism:prose", "organism:markdown-weak", "self")
    benchmarks: tuple[str, ...] = ("arith",)
    cause: str = ""
    prefill_tokens: int = Field(default=8, gt=0)
    dose: int = Field(default=64, gt=0)
    reminder_steps: int = Field(default=20, gt=0)


@dataclass
class Case:
    """One tuned model and everything that is measured on it."""

    name: str
    tuned: Step
    plain: Evaluate
    finished: FinishedEvaluate
    prefilled: Evaluate
    reminded: Evaluate
    change: WeightChange
    teacher: Evaluate | None

    def steps(self) -> list[Step]:
        found = [self.plain, self.finished, self.prefilled, self.reminded, self.change]
        return [*found, self.teacher] if self.teacher else list(found)


class DiagnosisStudy(Study):
    name = "diagnosis"
    question = "What explains the loss here: length, noise, the teacher's errors, style, or is the ability gone?"
    params = DiagnosisParams

    def build(self, params: DiagnosisParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        base = setup.base_arm(benchmarks=(main,))
        before = base.evaluations[main]
        assert isinstance(before, Evaluate)
        cases = [case(setup, name, step, teacher, before) for name, step, teacher in treated(setup)]
        yield [before, *(step for c in cases for step in c.steps())]
        arms = [Arm(setup.student.short, c.name, "sft", {main: c.plain}) for c in cases]
        arms += [Arm(setup.student.short, c.name, f"prefill {params.prefill_tokens}", {main: c.prefilled}) for c in cases]
        arms += [Arm(setup.student.short, c.name, f"reminder {params.dose}", {main: c.reminded}) for c in cases]
        found = [diagnose(c.name, gather(c, before, load)) for c in cases]
        trainings = {c.name: c.tuned for c in cases if isinstance(c.tuned, Train)}
        return StudyResult([base, *arms], make_cells(base, arms, load), [], trainings=trainings, diagnoses=found)


def treated(setup: Setup) -> list[tuple[str, Step, ModelSpec | None]]:
    """What is diagnosed: (name, the step that tuned the student, the teacher if it is a model)."""
    params: DiagnosisParams = setup.params  # pyright: ignore[reportAssignmentType]
    if params.cause:
        plant = Plant(setup.student, params.seed, params.examples, setup.reasoning())
        teacher = plant.teacher(params.cause)
        return [(f"planted {params.cause}", plant.step(params.cause), resolve_model(teacher) if teacher else None)]
    return [(name, setup.train(name), setup.models().get(name)) for name in setup.teachers]


def ask(params: SftParams, model: ModelSpec, main: str, **options: Any) -> Evaluate:
    """An evaluation on the main benchmark."""
    return evaluate(model, main, params.n, params.seed, params.answer_tokens, thinking_tokens=params.thinking_tokens, **options)


def case(setup: Setup, name: str, step: Step, teacher: ModelSpec | None, before: Evaluate) -> Case:
    """The measurements of one tuned model."""
    params: DiagnosisParams = setup.params  # pyright: ignore[reportAssignmentType]
    main, tuned = before.benchmark, setup.student.with_adapter(step)
    lora = isinstance(step, Train) and step.config.method == "lora"
    own = DataPart(step=setup.own(params.dose, skip=params.examples))
    reminder = Train(
        model=tuned,
        data=(own,),
        config=setup.config(steps=params.reminder_steps),
        continues=lora,
        name_=f"{setup.student.short} {name} reminder {params.dose}",
    )
    plain = ask(params, tuned, main)
    return Case(
        name=name,
        tuned=step,
        plain=plain,
        finished=FinishedEvaluate(**dict(plain), unfinished=plain),
        prefilled=ask(params, tuned, main, prefill=Prefill(step=before, tokens=params.prefill_tokens)),
        reminded=ask(params, setup.student.with_adapter(reminder), main),
        change=WeightChange(base=setup.student, adapter=step),
        teacher=ask(params, teacher, main) if teacher else None,
    )


def gather(c: Case, before: Evaluate, load: Load) -> Evidence:
    """The numbers a diagnosis is made on."""
    base, tuned = load(before), load(c.plain)
    _, ci = difference(tuned, base)

    def back(rows: list[dict[str, Any]], kept: list[int] | None = None) -> float:
        pick = range(len(rows)) if kept is None else kept
        first, then, now = ([float(r[i]["correct"]) for i in pick] for r in (base, tuned, rows))
        share, _ = recovered_share(first, then, now)
        return 0.0 if share != share else round(share, 4)

    begun = load(c.prefilled)
    return Evidence(
        base=sum(correct(base)) / len(base),
        tuned=sum(correct(tuned)) / len(tuned),
        delta_ci=ci,
        finished=back(load(c.finished)),
        stable_rank=round(load(c.change)["stable_rank"], 4),
        copied=copied(load(c.teacher), tuned, base) if c.teacher else None,
        prefilled=back(begun, [i for i, row in enumerate(begun) if not row["given"]]),
        reminded=back(load(c.reminded)),
    )


def copied(teacher: list[dict[str, Any]], tuned: list[dict[str, Any]], base: list[dict[str, Any]]) -> float | None:
    """How much oftener the tuned model than the base gives the very answer a wrong teacher gives."""
    wrong = [i for i, row in enumerate(teacher) if not row["correct"] and row["extracted"] is not None]
    if len(wrong) < FEWEST_ERRORS:
        return None
    same = [sum(rows[i]["extracted"] == teacher[i]["extracted"] for i in wrong) / len(wrong) for rows in (tuned, base)]
    return round(same[0] - same[1], 4)
