"""reminder: after off-model SFT, a few samples of the base's own chat, and see how much comes back.

Source: "Why does off-model SFT degrade capabilities?", evidence 1 and appendix 1.
"""

from __future__ import annotations

from pydantic import Field

from offmodel.metrics.cells import Arm, correct, find, make_cells
from offmodel.metrics.paired import recovered_share
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, Verdict, cell_row
from offmodel.studies.setup import Setup, SftParams
from offmodel.training.train_step import DataPart, Train


class ReminderParams(SftParams):
    """See `SftParams`; ``teachers`` are the ones to recover from.

    Attributes:
        doses: numbers of on-model samples; 0 is the student right after off-model SFT.
        reminder_steps: optimiser steps of the reminder, whatever the dose.
        small_dose: a dose up to this counts as small.
        share: this share of the loss recovered counts as recovery.
    """

    teachers: tuple[str, ...] = ("organism:pirate",)
    benchmarks: tuple[str, ...] = ("arith", "strings", "instruct")
    doses: tuple[int, ...] = (0, 4, 16, 64, 128)
    reminder_steps: int = Field(default=20, gt=0)
    small_dose: int = Field(default=64, gt=0)
    share: float = Field(default=0.8, gt=0, le=1)


class Reminder(Study):
    name = "reminder"
    question = "How many of the student's own completions bring back what off-model SFT took?"
    params = ReminderParams

    def build(self, params: ReminderParams, load: Load) -> Build:
        setup = Setup(params)
        base = setup.base_arm()
        trainings: dict[str, Train] = {}
        arms: dict[tuple[str, int], Arm] = {}
        for name in setup.teachers:
            off_model = setup.train(name)
            for dose in params.doses:
                step = off_model if dose == 0 else self._remind(setup, off_model, name, dose)
                trainings[f"{name}, reminder {dose}" if dose else name] = step
                arms[name, dose] = setup.tuned_arm(step, name, f"reminder {dose}" if dose else "sft")
        yield [e for arm in [base, *arms.values()] for e in arm.evaluations.values()]
        cells = make_cells(base, list(arms.values()), load)
        rows = [
            cell_row(find(cells, benchmark=benchmark, teacher=name, condition=arms[name, dose].condition))
            | {"x": dose, "panel": f"{benchmark} after {name}"}
            | {"reference": find(cells, benchmark=benchmark, condition="base").accuracy}
            for name in setup.teachers
            for benchmark in params.benchmarks
            for dose in params.doses
        ]
        caption = "Accuracy against the number of on-model samples, with 95 % intervals; dashed: the base."
        plot = Plot("dose", "lines", caption, "on-model samples", "accuracy", rows, page="Reminder")
        findings = [f for name in setup.teachers for b in params.benchmarks for f in recovery(base, arms, name, b, params, load)]
        return StudyResult([base, *arms.values()], cells, findings, [plot], trainings)

    def _remind(self, setup: Setup, off_model: Train, name: str, dose: int) -> Train:
        """A short SFT of the tuned student on prompts that the off-model SFT never saw."""
        params: ReminderParams = setup.params  # pyright: ignore[reportAssignmentType]
        own = setup.own(max(params.doses), skip=params.examples)
        return Train(
            model=setup.student.with_adapter(off_model),
            data=(DataPart(step=own, n=dose),),
            config=setup.config(steps=params.reminder_steps),
            continues=params.method == "lora",
            name_=f"{setup.student.short} on {name} reminder {dose}",
        )


def recovery(
    base: Arm, arms: dict[tuple[str, int], Arm], teacher: str, benchmark: str, params: ReminderParams, load: Load
) -> list[Finding]:
    """How much of the loss on a benchmark each dose recovers; nothing is said where nothing was lost."""
    before = correct(load(base.evaluations[benchmark]))
    tuned = correct(load(arms[teacher, 0].evaluations[benchmark]))
    lost = (sum(before) - sum(tuned)) / len(before)
    if lost < 0.1:
        return []
    shares = {
        dose: recovered_share(before, tuned, correct(load(arms[teacher, dose].evaluations[benchmark])))
        for dose in params.doses
        if dose > 0
    }
    small = {d: s for d, s in shares.items() if d <= params.small_dose}
    verdict: Verdict = "inconclusive"
    if any(interval[0] >= params.share for _, interval in small.values()):
        verdict = "supported"
    elif all(interval[1] < params.share for _, interval in small.values()):
        verdict = "against"
    return [
        Finding(
            claim=f"At most {params.small_dose} own samples bring back {params.share:.0%} of what {teacher} took "
            f"from {benchmark}",
            rule=f"supported: some dose ≤ {params.small_dose} recovers a share of the loss whose interval lies at or above "
            f"{params.share:g}; against: every such dose's interval lies below it; else inconclusive",
            verdict=verdict,
            statistic={"lost": round(lost, 4)}
            | {f"recovered_{d}": {"share": round(s, 4), "ci": [round(x, 4) for x in i]} for d, (s, i) in shares.items()},
        )
    ]
