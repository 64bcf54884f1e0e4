"""perplexity (H2): is it the most surprising data that does the damage?

Source: "Why does off-model SFT degrade capabilities?", hypothesis 2.
"""

from __future__ import annotations

import math

from pydantic import Field

from offmodel.errors import OffmodelError
from offmodel.metrics.cells import difference, find, make_cells
from offmodel.metrics.perplexity import CompletionNLL, mean_nll
from offmodel.metrics.regression import Fit, band, fit_line
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import CONTROLS, Setup, SftParams


class PerplexityParams(SftParams):
    """See `SftParams`.

    Attributes:
        weak: a correlation that lies below this is weak.
    """

    benchmarks: tuple[str, ...] = ("arith",)
    weak: float = Field(default=0.5, gt=0, lt=1)


class Perplexity(Study):
    name = "perplexity"
    question = "Does the data that surprises the student most degrade it most?"
    params = PerplexityParams

    def build(self, params: PerplexityParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        if len(setup.teachers) < 3:
            raise OffmodelError(f"{len(setup.teachers)} teachers are too few for a correlation", "name at least three teachers=")
        scores = {
            name: CompletionNLL(model=setup.student, data=setup.completions(t), max_length=params.max_length)
            for name, t in setup.teachers.items()
        }
        base = setup.base_arm(benchmarks=(main,))
        arms = {name: setup.tuned_arm(setup.train(name), name, benchmarks=(main,)) for name in setup.teachers}
        yield [*scores.values(), *(e for arm in [base, *arms.values()] for e in arm.evaluations.values())]
        cells = make_cells(base, list(arms.values()), load)
        nll = {name: mean_nll(load(step)) for name, step in scores.items()}
        rows = []
        for name in setup.teachers:
            cell = find(cells, benchmark=main, teacher=name, condition="sft")
            kind = "control" if name in CONTROLS else "off-model"
            about = {"x": round(nll[name], 4), "perplexity": round(math.exp(nll[name]), 3), "label": name, "series": kind}
            rows.append(cell_row(cell) | about | {"y": -cell.delta, "low": -cell.delta_ci[1], "high": -cell.delta_ci[0]})
        fit = fit_line([r["x"] for r in rows], [r["y"] for r in rows])
        findings = [correlated(fit, main, params.weak)]
        if "numbers" in arms and setup.off_model():
            worst = min(setup.off_model(), key=lambda n: find(cells, benchmark=main, teacher=n, condition="sft").delta)
            rows_of = {n: load(arms[n].evaluations[main]) for n in ("numbers", worst)}
            findings.append(numbers_harm_less(worst, nll, difference(rows_of["numbers"], rows_of[worst]), main))
        caption = (
            f"Loss on {main} against the mean NLL of the training completions under the base; dashed: least squares with its "
            "95 % interval."
        )
        line = band([r["x"] for r in rows], [r["y"] for r in rows])
        plot = Plot("perplexity", "scatter", caption, "NLL, nats a token", "loss", rows, line, page="Perplexity")
        return StudyResult([base, *arms.values()], cells, findings, [plot])


def correlated(fit: Fit, main: str, weak: float) -> Finding:
    """Whether surprise goes with loss over the teachers."""
    return Finding(
        claim=f"The more surprising the data, the larger the loss on {main}",
        rule=f"supported: the interval of Pearson's r lies above 0 and r is at least {weak:g}; against: r is below {weak:g} "
        "and the interval reaches 0; else inconclusive",
        verdict="supported"
        if fit.pearson_ci[0] > 0 and fit.pearson >= weak
        else "against"
        if fit.pearson < weak and fit.pearson_ci[0] <= 0
        else "inconclusive",
        statistic=fit.rounded(),
        hypothesis="H2",
    )


def numbers_harm_less(worst: str, nll: dict[str, float], gap: tuple[float, tuple[float, float]], main: str) -> Finding:
    """More surprising and less harmful: number lists against the worst teacher's chat."""
    more = nll["numbers"] > nll[worst]
    return Finding(
        claim=f"Number lists surprise the student more than {worst}'s chat and harm {main} less",
        rule="supported: their NLL is higher and the interval of the difference in accuracy lies above 0; against: that interval "
        "lies below 0; else inconclusive",
        verdict="inconclusive" if not more else decide(gap[1], (1e-9, 1), (-1, -1e-9)),
        statistic={"nll_numbers": round(nll["numbers"], 4), f"nll_{worst}": round(nll[worst], 4)}
        | {"difference": gap[0], "ci": gap[1]},
        hypothesis="H2",
        speaks="against",
    )
