"""style (H4): how far has a tuned model's reasoning gone over to its teacher's voice?

Source: "Why does off-model SFT degrade capabilities?", hypothesis 4.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from offmodel.data.teachers import ModelCompletions, PublishedCompletions
from offmodel.errors import OffmodelError
from offmodel.metrics.cells import find, make_cells
from offmodel.metrics.regression import band, fit_line
from offmodel.metrics.style import APART, StyleShift, mean_features, texts
from offmodel.pipeline.step import Step
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams


class StyleParams(SftParams):
    """See `SftParams`; teachers are models or published outputs.

    Attributes:
        teachers: of which the style is measured; controls are left out.
        chat: texts of each author that the classifier is fitted on, answers to prompts that nothing was trained on.
        flipped: a shift whose interval lies above this counts as gone over (0 is the base's voice, 1 the teacher's).
    """

    benchmarks: tuple[str, ...] = ("arith",)
    chat: int = Field(default=80, ge=10)
    flipped: float = Field(default=0.5, gt=0, lt=1)


class Style(Study):
    name = "style"
    question = "Does the student's reasoning go over to its teacher's style, and is it where that happens that it fails?"
    params = StyleParams

    def build(self, params: StyleParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        names = setup.off_model()
        if not names:
            raise OffmodelError("every teacher is a control, whose style is no other's", "name a model in teachers=")
        ours, theirs = own_chat(setup), {name: teacher_chat(setup, name) for name in names}
        base = setup.base_arm(benchmarks=(main,))
        arms = {name: setup.tuned_arm(setup.train(name), name, benchmarks=(main,)) for name in names}
        voices = {name: setup.arm(model, name, "own voice", benchmarks=(main,)) for name, model in setup.models().items()}
        references = {name: voices[name].evaluations[main] if name in voices else theirs[name] for name in names}
        shifts = {
            name: StyleShift(
                ours=ours,
                theirs=theirs[name],
                before=base.evaluations[main],
                reference=references[name],
                after=arm.evaluations[main],
            )
            for name, arm in arms.items()
        }
        yield list(shifts.values())
        cells = make_cells(base, list(arms.values()), load)
        rows, findings = [], []
        for name in names:
            measured = load(shifts[name])
            cell = find(cells, benchmark=main, teacher=name, condition="sft")
            loss = {"y": -cell.delta, "low": -cell.delta_ci[1], "high": -cell.delta_ci[0]}
            rows.append(cell_row(cell) | loss | {"x": measured["shift"], "label": name, "series": name} | measured)
            findings.append(gone_over(name, main, measured, params.flipped, fell=cell.delta_ci[1] < 0))
        fit = fit_line([r["x"] for r in rows], [r["y"] for r in rows]) if len(rows) >= 3 else None
        if fit is not None:
            findings.append(goes_with_loss(fit, main))
        caption = (
            f"Loss on {main} against how far its reasoning moved from the base's voice (0) to the teacher's (1); at 0 also "
            "teachers whose chat cannot be told from the base's."
        )
        line = band([r["x"] for r in rows], [r["y"] for r in rows]) if fit else []
        scatter = Plot("style", "scatter", caption, "style shift", "loss", rows, line, page="Style")
        said = {arm.teacher if arm.condition == "sft" else "base": load(arm.evaluations[main]) for arm in [base, *arms.values()]}
        habits = habits_plot({name: texts(found) for name, found in said.items()}, main)
        return StudyResult([base, *arms.values()], cells, findings, [scatter, habits])


def own_chat(setup: Setup) -> ModelCompletions:
    """The base's replies to prompts that nothing is trained on."""
    params: Any = setup.params
    return setup.own(params.chat, skip=params.examples)


def teacher_chat(setup: Setup, name: str) -> Step:
    """A teacher's replies to the same prompts."""
    params: Any = setup.params
    step = setup.completions(setup.teachers[name])
    if isinstance(step, (ModelCompletions, PublishedCompletions)):
        return step.model_copy(update={"prompts": setup.prompts(params.chat, skip=params.examples)})
    return step


def gone_over(name: str, main: str, measured: dict[str, Any], flipped: float, fell: bool) -> Finding:
    """Whether the reasoning is in the teacher's voice; it bears on the hypothesis where the ability fell."""
    apart = measured["classifier"] >= APART
    return Finding(
        claim=f"After {name}, reasoning on {main} is in its voice rather than the student's",
        rule=f"supported: the interval of the shift lies above {flipped:g}; against: it lies below {1 - flipped:g}; neither "
        f"where the classifier tells the two apart on held-out chat with a balanced accuracy below {APART:g}",
        verdict=decide(tuple(measured["ci"]), (flipped, 1e9), (-1e9, 1 - flipped)) if apart else "inconclusive",
        statistic=measured,
        hypothesis="H4" if fell else "",
    )


def goes_with_loss(fit: Any, main: str) -> Finding:
    """Whether a larger shift goes with a larger loss over the teachers."""
    return Finding(
        claim=f"The further the style of reasoning moved, the larger the loss on {main}",
        rule="supported: the interval of Pearson's r over the teachers lies above 0; against: it lies below 0",
        verdict=decide(fit.pearson_ci, (1e-9, 1), (-1, -1e-9)),
        statistic=fit.rounded(),
        hypothesis="H4",
    )


def habits_plot(by_model: dict[str, list[str]], main: str) -> Plot:
    """The countable habits of each model's reasoning."""
    rows = [
        {"x": habit, "y": round(rate, 3), "series": name}
        for name, found in by_model.items()
        for habit, rate in mean_features(found).items()
    ]
    caption = f"Habits of reasoning on {main}: occurrences per 100 words, words a sentence, and ln of all words."
    return Plot("habits", "bars", caption, "", "rate", rows, page="Style")
