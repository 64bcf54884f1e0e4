"""self_distillation: does training on its own completions harm a model?

Source: "Why does off-model SFT degrade capabilities?", appendix 2.
"""

from __future__ import annotations

from pydantic import Field

from offmodel.metrics.cells import find, make_cells
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams


class SelfDistillationParams(SftParams):
    """See `SftParams`; the student is its own only teacher.

    Attributes:
        self_margin: a change within ± this is no harm.
    """

    teachers: tuple[str, ...] = ("self",)
    self_margin: float = Field(default=0.05, gt=0)


class SelfDistillation(Study):
    name = "self_distillation"
    question = "Does training on its own completions harm a model?"
    params = SelfDistillationParams

    def build(self, params: SelfDistillationParams, load: Load) -> Build:
        setup = Setup(params.model_copy(update={"teachers": ("self",)}))
        base, training = setup.base_arm(), setup.train("self")
        arm = setup.tuned_arm(training, "self")
        yield [e for a in (base, arm) for e in a.evaluations.values()]
        cells = make_cells(base, [arm], load)
        tuned = [find(cells, benchmark=b, teacher="self", condition="sft") for b in params.benchmarks]
        rows = [cell_row(cell, delta=True) | {"x": cell.benchmark} for cell in tuned]
        margin = params.self_margin
        findings = [
            Finding(
                claim=f"Training on its own completions leaves {cell.benchmark} as it was",
                rule=f"supported: the interval of Δ lies within ±{margin:g}; against: it lies below −{margin:g}",
                verdict=decide(cell.delta_ci, (-margin, margin), (-1, -margin)),
                statistic={"delta": cell.delta, "ci": cell.delta_ci},
                hypothesis="H3",
                speaks="against",
            )
            for cell in tuned
        ]
        caption = "Change of accuracy after SFT on the student's own completions."
        plot = Plot("self-distillation", "bars", caption, "", "Δ accuracy", rows, page="Self-distillation")
        return StudyResult([base, arm], cells, findings, [plot], {"self": training})
