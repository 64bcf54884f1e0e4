"""steps (H4): when, in the course of training, does the ability fall, and when does the style flip?"""

from __future__ import annotations

from pydantic import Field

from offmodel.errors import OffmodelError
from offmodel.metrics.cells import find, make_cells
from offmodel.metrics.regression import fit_line
from offmodel.metrics.style import StyleShift
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams
from offmodel.studies.style import own_chat, teacher_chat


class StepsParams(SftParams):
    """See `SftParams`; ``steps`` and ``learning_rate`` are not used.

    Attributes:
        at: optimiser steps, a training each.
        rates: learning rates.
        chat: texts of each author that the style classifier is fitted on.
    """

    teachers: tuple[str, ...] = ("organism:pirate",)
    benchmarks: tuple[str, ...] = ("arith",)
    at: tuple[int, ...] = (5, 10, 20, 40, 60)
    rates: tuple[float, ...] = (3e-4, 1e-3)
    chat: int = Field(default=80, ge=10)


class Steps(Study):
    name = "steps"
    question = "Over training steps and learning rates, do ability and style go together?"
    params = StepsParams

    def build(self, params: StepsParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        if len(params.at) * len(params.rates) < 3:
            raise OffmodelError("fewer than three trainings make no curve", "name more at= or rates=")
        base = setup.base_arm(benchmarks=(main,))
        names, ours = setup.off_model(), own_chat(setup)
        theirs = {name: teacher_chat(setup, name) for name in names}
        voices = {name: setup.arm(model, name, "own voice", benchmarks=(main,)) for name, model in setup.models().items()}
        arms = {
            (name, rate, at): setup.tuned_arm(
                setup.train(name, words=f"{at} steps at {rate:g}", steps=at, learning_rate=rate),
                name,
                f"{at} steps at {rate:g}",
                benchmarks=(main,),
            )
            for name in names
            for rate in params.rates
            for at in params.at
        }
        references = {name: voices[name].evaluations[main] if name in voices else theirs[name] for name in names}
        shifts = {
            key: StyleShift(
                ours=ours,
                theirs=theirs[key[0]],
                before=base.evaluations[main],
                reference=references[key[0]],
                after=arm.evaluations[main],
            )
            for key, arm in arms.items()
        }
        yield list(shifts.values())
        cells, rows = make_cells(base, list(arms.values()), load), []
        for (name, rate, at), arm in arms.items():
            found = load(shifts[name, rate, at])
            cell = find(cells, benchmark=main, teacher=name, condition=arm.condition)
            series = {"series": f"{name}, rate {rate:g}", "x": at}
            rows.append(cell_row(cell) | series | {"panel": f"accuracy on {main}", "loss": -cell.delta, "shift": found["shift"]})
            low, high = found["ci"]
            rows.append({"y": found["shift"], "low": low, "high": high, "panel": "style shift", "model": arm.title} | series)
        points = [r for r in rows if "shift" in r]
        fit = fit_line([r["shift"] for r in points], [r["loss"] for r in points])
        finding = Finding(
            claim=f"Over training, {main} is lost where the style flips",
            rule="supported: the interval of Pearson's r between style shift and loss over the trainings lies above 0.5; "
            "against: it lies below 0.5",
            verdict=decide(fit.pearson_ci, (0.5, 1), (-1, 0.5)),
            statistic=fit.rounded(),
            hypothesis="H4",
        )
        caption = f"Accuracy on {main} and style shift (0: the base's voice, 1: the teacher's) against optimiser steps."
        return StudyResult(
            [base, *arms.values()], cells, [finding], [Plot("steps", "lines", caption, "steps", "", rows, page="Training steps")]
        )
