"""repair: bring back what fine-tuning took from one given model, and say honestly whether that worked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from offmodel.data.teachers import published
from offmodel.errors import OffmodelError
from offmodel.metrics.cells import Arm, correct, make_cells
from offmodel.metrics.paired import recovered_share
from offmodel.mitigations import get_mitigation, mend
from offmodel.mitigations.base import Case
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.step import Step
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.mitigations import WORTH_REPAIR
from offmodel.studies.setup import Setup, SftParams
from offmodel.training.train_step import DataPart, Tuning

AUTO = ("reminder", "weight_interpolation")
"""What ``auto`` tries: nothing here needs the training data or a second model, and all of it is cheap."""


class RepairParams(SftParams):
    """See `SftParams`; ``student`` is the base, ``teachers`` and ``examples`` are not used.

    Attributes:
        tuned: the model to repair: a directory with an adapter or full weights of the base, a whole model, ``planted:CAUSE``.
        mitigation: its name, a chain such as ``mixing+reminder``, or ``auto``: try the cheap ones, choose by accuracy on every
            other item of the first benchmark that needs reasoning, and report on the items between.
        settings: ``key=value`` of the mitigation.
        data: file of the completions that the tuned model was trained on (``id``, ``output``), for what trains anew.
        own: completions of the base that repairs may use.
        worth: share of the loss that a repair should bring back.
    """

    teachers: tuple[str, ...] = ()
    benchmarks: tuple[str, ...] = ("arith", "facts")
    tuned: str = ""
    mitigation: str = "auto"
    settings: tuple[str, ...] = ()
    data: str = ""
    own: int = Field(default=64, gt=0)
    worth: float = Field(default=0.5, gt=0, le=1)


class Repair(Study):
    name = "repair"
    question = "Can what fine-tuning took from this model be brought back cheaply?"
    params = RepairParams

    def build(self, params: RepairParams, load: Load) -> Build:
        if not params.tuned:
            raise OffmodelError("no model to repair is named", "write offmodel repair BASE TUNED, or tuned=")
        setup = Setup(params)
        main, case = setup.reasoning(), case_of(setup)
        models = candidates(case, params)
        base, tuned = setup.base_arm(), setup.arm(case.tuned, "tuned", "before repair")
        arms = {name: setup.arm(model, "tuned", name) for name, model in models.items()}
        yield [e for arm in (base, tuned, *arms.values()) for e in arm.evaluations.values()]
        choosing = Half(load, 0) if params.mitigation == "auto" else load
        best = max(arms, key=lambda name: sum(correct(choosing(arms[name].evaluations[main]))))
        reading = Half(load, 1) if params.mitigation == "auto" else load
        cells = make_cells(base, [tuned, *arms.values()], reading)
        finding = judge(best, main, [base, tuned, arms[best]], reading, params)
        rows = [cell_row(c) | {"x": c.benchmark, "series": c.condition} for c in cells if c.whole]
        plot = Plot("repair", "bars", "Accuracy before and after, with 95 % intervals.", "", "accuracy", rows, page="Repair")
        adapter = models[best].adapter
        trainings = {best: adapter} if isinstance(adapter, Tuning) else {}
        notes = [f"chosen: {best}, {adapter.name()}" if adapter else f"chosen: {best}"]
        if finding.verdict == "against":
            notes.append(
                f"{' and '.join(models)} do not bring it back; train anew from the base, or ask `offmodel run diagnosis`"
            )
        others = [arm for name, arm in arms.items() if name != best]
        return StudyResult([base, tuned, arms[best], *others], cells, [finding], [plot], trainings, notes)


def repaired(result: StudyResult) -> Step | None:
    """The adapter of the repaired model, which is the arm after base and tuned."""
    return next(iter(result.arms[2].evaluations.values())).model.adapter


class Half:
    """A ``load`` that gives every other row of an evaluation, from ``first`` on."""

    def __init__(self, load: Load, first: int) -> None:
        self.load, self.first = load, first

    def __call__(self, step: Step) -> list[dict[str, Any]]:
        return self.load(step)[self.first :: 2]


def case_of(setup: Setup) -> Case:
    """The given base and tuned model, with prompts set aside for the repair."""
    from offmodel.mitigations.imported import tuned_model

    params: Any = setup.params
    data = published(Path(params.data), setup.prompts(params.examples)) if params.data else None
    return Case(
        base=setup.student,
        tuned=tuned_model(setup.student, params.tuned),
        config=setup.config(),
        own=setup.own(params.own, skip=params.examples),
        data=DataPart(step=data) if data else None,
        rows=params.examples if data else 0,
        words=f"{setup.student.short} tuned",
    )


def candidates(case: Case, params: RepairParams) -> dict[str, ModelSpec]:
    """The repaired models by method.

    Raises:
        OffmodelError: for a method that cannot work on this case; ``auto`` leaves it out.
    """
    if "+" in params.mitigation and not params.settings:
        return {params.mitigation: mend(params.mitigation, case)}
    if params.mitigation != "auto":
        settings = dict(pair.split("=", 1) for pair in params.settings)
        return {params.mitigation: get_mitigation(params.mitigation, **settings).apply(case)}
    found = {}
    for name in AUTO:
        try:
            found[name] = get_mitigation(name).apply(case)
        except OffmodelError:
            continue
    return found


def judge(best: str, main: str, arms: list[Arm], load: Load, params: RepairParams) -> Finding:
    """Whether enough of the loss came back."""
    base, tuned, repaired = (correct(load(arm.evaluations[main])) for arm in arms)
    share, ci = recovered_share(base, tuned, repaired)
    lost = (sum(base) - sum(tuned)) / len(base)
    known = lost >= WORTH_REPAIR
    recovered = {"share": round(share, 4), "ci": [round(x, 4) for x in ci]} if known else {}
    verdict = decide(ci, (params.worth, float("inf")), (float("-inf"), params.worth - 1e-9))
    return Finding(
        claim=f"{best} brings back {params.worth:.0%} of what was lost on {main}",
        rule=f"supported: the interval of the share lies at or above {params.worth:g}; against: it lies below, so what is lost "
        f"is not to be had cheaply; neither where less than {WORTH_REPAIR:g} was lost. Items that a method was chosen by do "
        "not count",
        verdict=verdict if known else "inconclusive",
        statistic={"lost": round(lost, 4), "n": len(base)} | recovered,
    )
