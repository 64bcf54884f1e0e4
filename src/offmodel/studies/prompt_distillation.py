"""prompt_distillation: the student's own words in another voice, asked for by a system prompt that training leaves out.

Source: "Why does off-model SFT degrade capabilities?", appendix 2: off-policy, but on-model.
"""

from __future__ import annotations

from pydantic import Field

from offmodel.metrics.cells import find, make_cells
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams
from offmodel.training.train_step import DataPart


class PromptDistillationParams(SftParams):
    """See `SftParams`; the student is its own only teacher.

    Attributes:
        system: what the student is told when it writes the data.
        prompt_margin: a change within ± this is no harm.
    """

    teachers: tuple[str, ...] = ("self",)
    system: str = "Talk like a pirate."
    prompt_margin: float = Field(default=0.1, gt=0)


class PromptDistillation(Study):
    name = "prompt_distillation"
    question = "Does SFT on the student's own completions in a prompted voice harm it?"
    params = PromptDistillationParams

    def build(self, params: PromptDistillationParams, load: Load) -> Build:
        setup = Setup(params.model_copy(update={"teachers": ("self",)}))
        own = setup.own(params.examples).model_copy(update={"system": params.system})
        base, training = setup.base_arm(), setup.train("self", DataPart(step=own), words="prompted")
        arm = setup.tuned_arm(training, "self", "prompted")
        yield [e for a in (base, arm) for e in a.evaluations.values()]
        cells = make_cells(base, [arm], load)
        tuned = [find(cells, benchmark=b, teacher="self", condition="prompted") for b in params.benchmarks]
        rows = [cell_row(cell, delta=True) | {"x": cell.benchmark} for cell in tuned]
        margin = params.prompt_margin
        findings = [
            Finding(
                claim=f"Its own words in a prompted voice leave {cell.benchmark} as it was",
                rule=f"supported: the interval of Δ lies within ±{margin:g}; against: it lies below −{margin:g}",
                verdict=decide(cell.delta_ci, (-margin, margin), (-1, -margin)),
                statistic={"delta": cell.delta, "ci": cell.delta_ci},
            )
            for cell in tuned
        ]
        caption = f"Change of accuracy after SFT on what the student writes when told: {params.system}"
        plot = Plot("prompt-distillation", "bars", caption, "", "Δ accuracy", rows, page="Prompt distillation")
        return StudyResult([base, arm], cells, findings, [plot], {"self, prompted": training})
