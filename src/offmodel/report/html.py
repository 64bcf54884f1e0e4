"""The report: one HTML file with its data, styles and scripts inside, so it opens without a network."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from offmodel.metrics.cells import Arm
from offmodel.report.figures import Figure, row_titles, signed
from offmodel.studies.base import HYPOTHESES, Finding
from offmodel.studies.run import Outcome

TRANSCRIPTS = 12
"""Items shown per model and benchmark; those the base got right and the tuned model wrong come first."""


@cache
def chart_scripts() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that defines ``vegaEmbed``."""
    import vl_convert

    return vl_convert.javascript_bundle(None)  # pyright: ignore[reportArgumentType]


def transcripts(outcome: Outcome) -> list[dict[str, Any]]:
    """For each tuned model and benchmark, the same items before and after; students are named where there are several."""
    bases = {a.student: a for a in outcome.result.arms if a.condition == "base"}
    tuned = [a for a in outcome.result.arms if a.condition != "base" and a.student in bases]
    return [
        {"label": arm.title if len(bases) == 1 else f"{arm.student}: {arm.title}"}
        | _compared(outcome, bases[arm.student], arm, name)
        for arm in tuned
        for name in arm.evaluations
        if name in bases[arm.student].evaluations
    ]


def _compared(outcome: Outcome, base: Arm, arm: Arm, benchmark: str) -> dict[str, Any]:
    before = outcome.store.load(base.evaluations[benchmark])
    after = outcome.store.load(arm.evaluations[benchmark])
    pairs = sorted(zip(before, after, strict=True), key=lambda p: (p[1]["correct"] - p[0]["correct"], p[0]["id"]))
    items = [
        {
            "question": b["question"],
            "answer": b["answer"],
            "before": {"text": b["completion"], "correct": b["correct"]},
            "after": {"text": a["completion"], "correct": a["correct"]},
        }
        for b, a in pairs[:TRANSCRIPTS]
    ]
    return {"student": arm.student, "model": arm.title, "benchmark": benchmark, "items": items}


def render_report(outcome: Outcome, data: dict[str, Any], figures: dict[str, Figure], command: str) -> str:
    """The report as text.

    Args:
        outcome: the study that ran.
        data: the content of ``results.json``.
        figures: file name -> figure.
        command: the exact command line that made it.
    """
    pages = dict.fromkeys(figure.page for figure in figures.values())
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"signed": signed, "percent": lambda x: "–" if x is None else f"{100 * x:.0f} %"}
    cells = [c | {"title": title} for c, title in zip(data["cells"], row_titles(outcome.result.cells), strict=True)]
    return environment.get_template("report.html.jinja").render(
        question=outcome.study.question,
        data=data,
        whole=[c for c, model in zip(cells, outcome.result.cells, strict=True) if model.whole],
        pages={page: {n: f.caption for n, f in figures.items() if f.page == page} for page in pages},
        evidence=evidence_table(outcome.result.findings),
        hypotheses=HYPOTHESES,
        specs=embedded({name: figure.chart.to_dict() for name, figure in figures.items()}),
        transcripts=embedded(transcripts(outcome)),
        scripts=chart_scripts().replace("</script", "<\\/script"),
        command=command,
        trainings={name: step.name() for name, step in outcome.result.trainings.items()},
    )


def evidence_table(findings: list[Finding]) -> dict[str, list[Finding]]:
    """The findings that bear on each hypothesis, in the hypotheses' order."""
    found = {key: [f for f in findings if f.hypothesis == key] for key in HYPOTHESES}
    return {key: bearing for key, bearing in found.items() if bearing}


def embedded(value: Any) -> str:
    """JSON that is safe inside a script element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
