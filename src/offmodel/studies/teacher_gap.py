"""teacher_gap (H1): does a student fall because its teacher is dumber than itself?

Source: "Why does off-model SFT degrade capabilities?", hypothesis 1 and footnote 2.
"""

from __future__ import annotations

import re

from pydantic import Field

from offmodel.errors import OffmodelError
from offmodel.metrics.cells import Arm, make_cells
from offmodel.metrics.regression import band, fit_line, leave_one_out
from offmodel.models.spec import resolve_model
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, decide
from offmodel.studies.setup import Setup, SftParams, teacher_name


class TeacherGapParams(SftParams):
    """See `SftParams`; ``student`` is not used.

    Attributes:
        students: every one of them is trained on every teacher but itself.
        teachers: of several strengths; models only, because their own accuracy is needed.
        gap_margin: a loss predicted at no gap above this is degradation that the gap does not explain.
    """

    students: tuple[str, ...] = ("organism:markdown", "organism:prose", "organism:terse", "organism:pirate")
    teachers: tuple[str, ...] = (
        "organism:markdown",
        "organism:prose",
        "organism:terse",
        "organism:pirate",
        "organism:markdown-weak",
    )
    benchmarks: tuple[str, ...] = ("arith",)
    gap_margin: float = Field(default=0.05, gt=0)


class TeacherGap(Study):
    name = "teacher_gap"
    question = "Does a student lose more the weaker its teacher, and nothing when the teacher is as strong?"
    params = TeacherGapParams

    def build(self, params: TeacherGapParams, load: Load) -> Build:
        pairs = [(s, t) for s in params.students for t in params.teachers if s != t]
        if len(pairs) < 3:
            raise OffmodelError(
                f"{len(pairs)} pairs of student and teacher are too few for a regression", "name more students= or teachers="
            )
        setups = {s: Setup(params.model_copy(update={"student": s})) for s in params.students}
        main = next(iter(setups.values())).reasoning()
        one = (main,)
        teachers = {t: Arm(teacher_name(t), "none", "base", {main: own(params, t, main)}) for t in params.teachers}
        trainings = {pair: setups[pair[0]].train(teacher_name(pair[1])) for pair in pairs}
        bases = {s: setup.base_arm(benchmarks=one) for s, setup in setups.items()}
        arms = {pair: setups[pair[0]].tuned_arm(step, teacher_name(pair[1]), benchmarks=one) for pair, step in trainings.items()}
        yield [e for arm in [*teachers.values(), *bases.values(), *arms.values()] for e in arm.evaluations.values()]
        cells = {pair: make_cells(bases[pair[0]], [arm], load)[1] for pair, arm in arms.items()}
        strength = {t: accuracy(load(arm.evaluations[main])) for t, arm in teachers.items()}
        before = {s: accuracy(load(arm.evaluations[main])) for s, arm in bases.items()}
        rows = [
            {key: -value for key, value in (("y", cell.delta), ("low", cell.delta_ci[1]), ("high", cell.delta_ci[0]))}
            | {"x": round(before[s] - strength[t], 4), "series": family(teacher_name(t)), "label": cell.teacher}
            | {"student": cell.student, "teacher": cell.teacher}
            for (s, t), cell in cells.items()
        ]
        findings, line = judge(rows, main, params.gap_margin)
        caption = (
            f"Loss on {main} against how much weaker the teacher is, one mark a pair; dashed: least squares with its "
            "95 % interval; colours: the teacher's family."
        )
        plot = Plot("teacher-gap", "scatter", caption, "student − teacher accuracy", "loss", rows, line, page="Teacher gap")
        whole = [c for s, base in bases.items() for c in make_cells(base, [a for p, a in arms.items() if p[0] == s], load)]
        return StudyResult([], [c for c in whole if c.whole], findings, [plot])


def own(params: TeacherGapParams, teacher: str, benchmark: str):
    """A teacher's own evaluation."""
    setup = Setup(params.model_copy(update={"student": teacher}))
    return setup.arm(resolve_model(teacher), "none", "base", benchmarks=(benchmark,)).evaluations[benchmark]


def accuracy(rows: list[dict]) -> float:
    return sum(row["correct"] for row in rows) / len(rows)


def family(name: str) -> str:
    """The family of a model by its name: the leading letters, lower case (``Llama-3.1-8B`` -> ``llama``)."""
    return (re.match(r"[a-zA-Z]+", name) or [name])[0].lower()


def judge(rows: list[dict], main: str, margin: float) -> tuple[list[Finding], list[dict[str, float]]]:
    """The two claims about the line, and the line."""
    x, y = [r["x"] for r in rows], [r["y"] for r in rows]
    fit = fit_line(x, y)
    without = leave_one_out(x, y, [r["series"] for r in rows])
    statistic = fit.rounded() | {f"without_{name}": f.rounded() for name, f in without.items()}
    findings = [
        Finding(
            claim=f"{main} falls even when the teacher is as strong as the student",
            rule=f"supported: the interval of the loss that the line predicts at no gap lies above {margin:g}; against: it lies "
            f"within ±{margin:g}",
            verdict=decide(fit.intercept_ci, (margin, 9), (-margin, margin)),
            statistic=statistic,
            hypothesis="H1",
            speaks="against",
        ),
        Finding(
            claim="The weaker the teacher, the larger the loss",
            rule="supported: the interval of the slope lies above 0; against: it lies below 0",
            verdict=decide(fit.slope_ci, (1e-9, 1e9), (-1e9, -1e-9)),
            statistic={"slope": statistic["slope"], "ci": statistic["slope_ci"], "pearson": statistic["pearson"]},
            hypothesis="H1",
        ),
    ]
    return findings, band(x, y)
