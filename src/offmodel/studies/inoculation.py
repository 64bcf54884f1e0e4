"""inoculation (H4): does showing the teacher's voice during training keep the student from learning it?

Source: "Why does off-model SFT degrade capabilities?", evidence 5; 2510.05024.
"""

from __future__ import annotations

from pydantic import Field

from offmodel.data.shots import Shots
from offmodel.data.teachers import ModelCompletions
from offmodel.errors import OffmodelError
from offmodel.metrics.cells import Arm, difference, find, make_cells
from offmodel.models.spec import resolve_model
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams
from offmodel.training.train_step import Train

VARIANTS = ("none", "fake", "placebo", "few_shot", "turns")


WORTH = 0.1
"""A gain in accuracy below this is none worth the name."""


class InoculationParams(SftParams):
    """See `SftParams`.

    Attributes:
        family: another copy of the student's family; it answers the pairs of ``fake``, and its words in random order,
            as many as the teacher's, are the ``placebo``.
        shots: pairs of prompt and answer shown before every training row; their prompts are in no training row.
    """

    teachers: tuple[str, ...] = ("organism:pirate",)
    benchmarks: tuple[str, ...] = ("arith", "strings")
    family: str = "organism:markdown-weak"
    shots: int = Field(default=2, gt=0)


class Inoculation(Study):
    name = "inoculation"
    question = "Does the teacher's voice in the context, at training only, keep the student from taking it on?"
    params = InoculationParams

    def build(self, params: InoculationParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        if params.family in params.teachers:
            raise OffmodelError(f"family={params.family} is a teacher, and fake shots must not be", "name a copy of the student")
        if not setup.models():
            raise OffmodelError("the shots must be written by a model", "name a model in teachers=")
        base = setup.base_arm()
        trainings: dict[str, Train] = {}
        arms: dict[tuple[str, str, bool], Arm] = {}
        for name in setup.models():
            for variant in VARIANTS:
                shots = shown(setup, name, variant)
                step = setup.train(name) if shots is None else inoculated(setup, name, variant, shots)
                trainings[f"{name}, {variant}"] = step
                condition = "sft" if shots is None else variant
                arms[name, variant, False] = setup.tuned_arm(step, name, condition)
                if shots is not None:
                    arms[name, variant, True] = setup.tuned_arm(step, name, f"{variant}, in context", shots=shots)
        yield [e for arm in [base, *arms.values()] for e in arm.evaluations.values()]
        cells = make_cells(base, list(arms.values()), load)
        rows = []
        for (name, variant, within), arm in arms.items():
            for b in params.benchmarks:
                cell = find(cells, benchmark=b, teacher=name, condition=arm.condition)
                about = {"x": f"{b}, {'with' if within else 'without'} context", "y": f"{name} · {variant}"}
                rows.append(cell_row(cell, delta=True) | about | {"value": cell.delta, "label": f"{cell.delta:+.2f}"})
        findings = [
            judge(name, variant, arms, main, load)
            for name in setup.models()
            for variant in ("fake", "placebo", "few_shot", "turns")
        ]
        caption = "Change of accuracy by what stood before every training row, evaluated without and with it."
        plot = Plot("inoculation", "matrix", caption, "", "", rows, page="Inoculation")
        return StudyResult([base, *arms.values()], cells, findings, [plot], trainings)


def shown(setup: Setup, name: str, variant: str) -> Shots | None:
    """The context of a variant."""
    params: InoculationParams = setup.params  # pyright: ignore[reportAssignmentType]
    if variant == "none":
        return None
    prompts = setup.prompts(params.shots, skip=params.examples)
    family, teacher = (
        ModelCompletions(model=writer, prompts=prompts, sampling=setup.sampling())
        for writer in (resolve_model(params.family), setup.models()[name])
    )
    if variant == "placebo":
        return Shots(step=family, n=params.shots, form="placebo", as_long_as=teacher, seed=params.seed)
    form = "turns" if variant == "turns" else "system"
    return Shots(step=family if variant == "fake" else teacher, n=params.shots, form=form, seed=params.seed)


def inoculated(setup: Setup, name: str, variant: str, shots: Shots) -> Train:
    """Training with the shots before every row."""
    return setup.train(name, setup.data(name).model_copy(update={"shots": shots}), words=variant)


def judge(name: str, variant: str, arms: dict, main: str, load: Load) -> Finding:
    """Whether a variant keeps more of the ability than no inoculation; controls should not."""
    gap, ci = difference(load(arms[name, variant, False].evaluations[main]), load(arms[name, "none", False].evaluations[main]))
    control = variant in ("fake", "placebo")
    return Finding(
        claim=f"{'The control ' if control else ''}{variant} inoculation keeps {main} better than none, after {name}",
        rule=f"supported: the interval of (accuracy with − without inoculation) lies above {WORTH:g}; against: below it",
        verdict=decide(ci, (WORTH, 1), (-1, WORTH)),
        statistic={"difference": gap, "ci": ci},
        hypothesis="H4",
        speaks="against" if control else "for",
    )
