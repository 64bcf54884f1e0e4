"""Figures: one chart definition each, drawn interactively in the report and as SVG and PNG beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from offmodel.metrics.cells import Cell, arm_title
from offmodel.report.plots import GAIN, LOSS, PALETTE, draw
from offmodel.report.plots import REFERENCE as BASE
from offmodel.studies.run import Outcome


def whole(cells: Sequence[Cell]) -> list[Cell]:
    return [c for c in cells if c.whole]


def row_title(cell: Cell) -> str:
    """How a cell's model is called on an axis."""
    if cell.condition == "base":
        return "base"
    return arm_title(cell.teacher, cell.condition)


def row_titles(cells: Sequence[Cell]) -> list[str]:
    """The title of each cell, with the student where there are several."""
    several = len({c.student for c in cells}) > 1
    return [f"{c.student}: {row_title(c)}" if several else row_title(c) for c in cells]


MANY = 24
"""Models that a matrix shows; of more, only base and plain SFT where there is any: the others have figures of their own."""


def matrix_rows(cells: Sequence[Cell]) -> dict[str, dict[str, Cell]]:
    """Row -> benchmark -> cell of the matrix; rows name the student where there are several."""
    rows: dict[str, dict[str, Cell]] = {}
    for name, c in zip(row_titles(cells), cells, strict=True):
        if c.whole:
            rows.setdefault(name, {})[c.benchmark] = c
    if len(rows) <= MANY:
        return rows
    plain = {name: row for name, row in rows.items() if next(iter(row.values())).condition in ("base", "sft")}
    return plain if len(plain) > 1 else dict(list(rows.items())[:MANY])


def file_name(text: str) -> str:
    """A benchmark's name as part of a file name."""
    return re.sub(r"[^a-zA-Z0-9_-]+", "-", text).strip("-")


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")


def heatmap(cells: Sequence[Cell]) -> Any:
    """Δ accuracy against the base, models × benchmarks; † marks a health flag."""
    shown = [(name, c) for name, row in matrix_rows(cells).items() for c in row.values() if c.condition != "base"]
    rows = [
        {
            "row": name,
            "student": c.student,
            "model": row_title(c),
            "benchmark": c.benchmark,
            "delta": c.delta,
            "text": signed(c.delta) + (" †" if c.flags else ""),
            "accuracy": f"{c.accuracy:.3f}",
            "interval": f"{signed(c.delta_ci[0])} to {signed(c.delta_ci[1])}",
            "p (Holm)": f"{c.p_holm:.2g}",
            "flags": ", ".join(c.flags) or "none",
        }
        for name, c in shown
    ]
    models = list(dict.fromkeys(r["row"] for r in rows))
    names = list(dict.fromkeys(r["benchmark"] for r in rows))
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("benchmark:N", sort=names, title=None, axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False)),
        y=alt.Y("row:N", sort=models, title=None, axis=alt.Axis(domain=False, ticks=False, labelLimit=220)),
    )
    colour = alt.Scale(domain=[-1, 0, 1], range=[LOSS, "#f4f1ea", GAIN])
    cells_layer = base.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color("delta:Q", scale=colour, legend=None),
        tooltip=["row:N", "benchmark:N", "accuracy:N", "text:N", "interval:N", "p (Holm):N", "flags:N"],
    )
    ink = alt.condition("datum.delta < -0.7 || datum.delta > 0.7", alt.value("white"), alt.value("#222"))
    text = base.mark_text(fontSize=12, dy=-6).encode(text="text:N", color=ink)
    interval = base.mark_text(fontSize=9, dy=8).encode(text="interval:N", color=ink)
    return (cells_layer + text + interval).properties(width=104 * len(names), height=38 * len(models))


def by_part(cells: Sequence[Cell], benchmark: str, part: str) -> alt.FacetChart:
    """Accuracy by ``level`` or ``group``, one panel a teacher of the first student, the base in grey."""
    levels = [c for c in cells if getattr(c, part) is not None and c.benchmark == benchmark and c.student == cells[0].student]
    base = [c for c in levels if c.condition == "base"]
    teachers = list(dict.fromkeys(c.teacher for c in levels if c.condition == "sft"))
    rows: list[dict[str, Any]] = []
    for teacher in teachers:
        for c in base + [c for c in levels if c.teacher == teacher and c.condition == "sft"]:
            who = "base" if c.condition == "base" else "after SFT"
            rows.append(
                {
                    "teacher": teacher,
                    "who": who,
                    part: getattr(c, part),
                    "accuracy": c.accuracy,
                    "low": c.ci[0],
                    "high": c.ci[1],
                    "n": c.n,
                }
            )
    colour = alt.Color(
        "who:N", scale=alt.Scale(domain=["base", "after SFT"], range=[BASE, LOSS]), legend=alt.Legend(title=None, orient="top")
    )
    x = alt.X(f"{part}:O", title=part, axis=alt.Axis(labelAngle=0 if part == "level" else -40))
    chart = alt.Chart().encode(x=x, color=colour)
    bars = chart.mark_rule(strokeWidth=2, opacity=0.45).encode(y="low:Q", y2="high:Q")
    line = chart.mark_line(point=True).encode(
        y=alt.Y("accuracy:Q", scale=alt.Scale(domain=[0, 1]), title="accuracy"),
        tooltip=["teacher:N", "who:N", f"{part}:O", "accuracy:Q", "low:Q", "high:Q", "n:Q"],
    )
    panel = alt.layer(bars, line, data=alt.Data(values=rows)).properties(width=150, height=120)
    return panel.facet(facet=alt.Facet("teacher:N", sort=teachers, title=None), columns=3)


def training_loss(losses: dict[str, list[dict[str, float]]]) -> alt.Chart:
    """Training loss of every run against the optimiser step."""
    rows = [{"run": name, "step": p["step"], "loss": p["loss"]} for name, curve in losses.items() for p in curve]
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("loss:Q", title="training loss", scale=alt.Scale(zero=True)),
            color=alt.Color(
                "run:N", sort=list(losses), scale=alt.Scale(range=PALETTE), legend=alt.Legend(title=None, labelLimit=220)
            ),
            tooltip=["run:N", "step:Q", "loss:Q"],
        )
        .properties(width=430, height=200)
    )


@dataclass(frozen=True)
class Figure:
    """A chart under the heading of its page, with the rows it shows."""

    page: str
    caption: str
    chart: Any
    rows: list[dict[str, Any]]


def all_figures(outcome: Outcome) -> dict[str, Figure]:
    """File name -> figure for everything the result has data for, in reading order."""
    result = outcome.result
    figures: dict[str, Figure] = {}

    def add(name: str, page: str, caption: str, chart: Any) -> None:
        figures[name] = Figure(page, caption, configured(chart), chart_rows(chart))

    if any(c.condition != "base" for c in whole(result.cells)):
        caption = "Change of accuracy against the base, same items; below it the 95 % interval; † marks a health flag."
        add("delta", "Matrix", caption, heatmap(result.cells))
    for part in ("level", "group"):
        tuned = [c for c in result.cells if getattr(c, part) is not None and c.condition == "sft"]
        for name in dict.fromkeys(c.benchmark for c in tuned):
            caption = f"{name} by {part}, with 95 % Wilson intervals."
            add(f"{part}s-{file_name(name)}", f"By {part}", caption, by_part(result.cells, name, part))
    for plot in result.plots:
        add(plot.name, plot.page or "Result", plot.caption, draw(plot))
    if result.trainings:
        losses = {name: outcome.store.load(step)["loss"] for name, step in result.trainings.items()}
        add("loss", "Training", "Training loss.", training_loss(losses))
    return figures


def chart_rows(chart: Any) -> list[dict[str, Any]]:
    """The rows of a chart's main data set: those of its file of comma-separated values."""
    found = chart.data if chart.data is not alt.Undefined else chart.layer[0].data
    return list(found.values)


def configured(chart: Any) -> Any:
    """House style: quiet axes, one font, transparent ground."""
    return (
        chart.configure_view(stroke=None)
        .configure_axis(gridColor="#8884", labelFontSize=11, titleFontSize=11, titleFontWeight="normal")
        .configure_header(labelFontSize=12, labelFontWeight="bold")
        .configure(font="system-ui, sans-serif", background="transparent")
    )
