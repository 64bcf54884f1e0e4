"""no_math: does leaving math-like prompts out of the data make a difference?

Source: "Why does off-model SFT degrade capabilities?", appendix 4.
"""

from __future__ import annotations

from pydantic import Field

from offmodel.metrics.cells import difference, find, make_cells
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams


class NoMathParams(SftParams):
    """See `SftParams`.

    Attributes:
        rule: the filter of prompts.
        filter_margin: accuracies within ± this of each other are the same.
    """

    teachers: tuple[str, ...] = ("organism:prose", "organism:pirate")
    benchmarks: tuple[str, ...] = ("arith", "strings")
    rule: str = "no_math"
    filter_margin: float = Field(default=0.1, gt=0)


class NoMath(Study):
    name = "no_math"
    question = "Is the harm done by the math-like prompts in the data?"
    params = NoMathParams

    def build(self, params: NoMathParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        without = Setup(params.model_copy(update={"filters": (*params.filters, params.rule)}))
        base = setup.base_arm()
        arms = {}
        for name in setup.off_model():
            arms[name, False] = setup.tuned_arm(setup.train(name), name)
            arms[name, True] = without.tuned_arm(without.train(name, words=params.rule), name, params.rule)
        yield [e for arm in [base, *arms.values()] for e in arm.evaluations.values()]
        cells = make_cells(base, list(arms.values()), load)
        rows = [
            cell_row(find(cells, benchmark=b, teacher=name, condition=arm.condition), delta=True)
            | {"x": name, "series": "filtered" if filtered else "all prompts", "panel": b}
            for (name, filtered), arm in arms.items()
            for b in params.benchmarks
        ]
        findings, margin = [], params.filter_margin
        for name in setup.off_model():
            gap, ci = difference(*(load(arms[name, filtered].evaluations[main]) for filtered in (True, False)))
            findings.append(
                Finding(
                    claim=f"Without math-like prompts, {main} falls just as much after {name}",
                    rule=f"supported: the interval of (accuracy filtered − unfiltered) lies within ±{margin:g}; against: "
                    f"it lies above {margin:g}",
                    verdict=decide(ci, (-margin, margin), (margin, 1)),
                    statistic={"difference": gap, "ci": ci},
                )
            )
        plot = Plot(
            "no-math", "bars", "Change of accuracy with and without math-like prompts.", "", "Δ accuracy", rows, page="No math"
        )
        return StudyResult([base, *arms.values()], cells, findings, [plot], notes=without.notes())
