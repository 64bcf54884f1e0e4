"""Drawing a study's `Plot`: lines, bars, scatter and matrix, each with intervals and one panel a facet."""

from __future__ import annotations

from typing import Any

import altair as alt

from offmodel.studies.base import Plot

REFERENCE, LOSS, GAIN = "#8a8f98", "#c4432b", "#2f6fb0"
PALETTE = [
    "#2f6fb0",
    "#c4432b",
    "#d99a2b",
    "#3f8f5f",
    "#7a5aa8",
    "#7d7f85",
    "#b0527f",
    "#4a9aa5",
    "#8a5a34",
    "#1f2d5c",
    "#a8b545",
    "#e08fb0",
]

LABELLED = 10
"""Marks of a scatter that are labelled; of more, the labels would cover each other and hovering names the mark."""

LABEL_PIXELS = 6
"""Width of a character of a mark's label."""


def draw(plot: Plot) -> Any:
    """The chart of a plot."""
    drawers = {"lines": _lines, "bars": _bars, "scatter": _scatter, "matrix": _matrix}
    return drawers[plot.kind](plot)


def _order(plot: Plot, key: str) -> list[Any]:
    return list(dict.fromkeys(row[key] for row in plot.rows if key in row))


def _tooltip(plot: Plot) -> list[alt.Tooltip]:
    """Everything a row holds."""
    example = {key: value for row in plot.rows for key, value in row.items()}
    kinds = {key: "quantitative" if isinstance(value, (int, float)) else "nominal" for key, value in example.items()}
    return [alt.Tooltip(field=key, type=kind) for key, kind in kinds.items()]  # pyright: ignore[reportArgumentType]


def _colour(plot: Plot) -> Any:
    series = _order(plot, "series")
    if not series:
        return alt.value(GAIN)
    legend = alt.Legend(title=None, orient="top", columns=4, labelLimit=240) if len(series) > 1 else None
    return alt.Color("series:N", sort=series, scale=alt.Scale(domain=series, range=PALETTE), legend=legend)


def _scale(plot: Plot) -> Any:
    """From 0 to 1 when every value lies there, so that accuracies are drawn alike everywhere."""
    values = [v for row in plot.rows for v in (row["y"], row.get("low"), row.get("high")) if v is not None]
    return alt.Scale(domain=[0, 1]) if values and min(values) >= 0 and max(values) <= 1 else alt.Scale(zero=True)


def _panels(plot: Plot, layers: list[Any], width: int, height: int, columns: int) -> Any:
    """The layers once a panel, or alone when there are none."""
    layered = alt.layer(*layers, data=alt.Data(values=plot.rows)).properties(width=width, height=height)
    panels = _order(plot, "panel")
    if not panels:
        return layered
    return layered.facet(facet=alt.Facet("panel:N", sort=panels, title=None), columns=columns)


def _lines(plot: Plot) -> Any:
    x = alt.X("x:O", sort=_order(plot, "x"), title=plot.x, axis=alt.Axis(labelAngle=0))
    chart = alt.Chart().encode(x=x)
    layers = []
    if _order(plot, "reference"):
        layers.append(chart.mark_line(color=REFERENCE, strokeDash=[5, 4]).encode(y="reference:Q"))
    if _order(plot, "low"):
        layers.append(chart.mark_rule(strokeWidth=2, opacity=0.45).encode(y="low:Q", y2="high:Q", color=_colour(plot)))
    y = alt.Y("y:Q", title=plot.y, scale=_scale(plot))
    layers.append(chart.mark_line(point=True).encode(y=y, color=_colour(plot), tooltip=_tooltip(plot)))
    return _panels(plot, layers, 230, 160, 3)


def _bars(plot: Plot) -> Any:
    columns, series = _order(plot, "x"), _order(plot, "series")
    x = alt.X("x:N", sort=columns, title=plot.x or None, axis=alt.Axis(labelAngle=-25 if len(columns) > 3 else 0, labelLimit=160))
    chart = alt.Chart().encode(x=x)
    if len(series) > 1:
        chart = chart.encode(xOffset=alt.XOffset("series:N", sort=series))
    layers = [chart.mark_bar().encode(y=alt.Y("y:Q", title=plot.y), color=_colour(plot), tooltip=_tooltip(plot))]
    if _order(plot, "low"):
        layers.append(chart.mark_rule(strokeWidth=1.5, color="#222").encode(y="low:Q", y2="high:Q"))
    return _panels(plot, layers, min(640, 60 + 26 * len(columns) * max(1, len(series))), 200, 2)


def _scatter(plot: Plot) -> Any:
    labels = [str(row["label"]) for row in plot.rows if "label" in row] if len(plot.rows) <= LABELLED else []
    room = max([24, *(len(label) * LABEL_PIXELS // 2 for label in labels)])
    panels = bool(_order(plot, "panel"))
    chart = alt.Chart() if panels else alt.Chart(alt.Data(values=plot.rows))  # a panel's marks take the rows of their facet
    chart = chart.encode(x=alt.X("x:Q", title=plot.x, scale=alt.Scale(zero=False, padding=room)))
    y = alt.Y("y:Q", title=plot.y)
    layers = [chart.mark_circle(size=90, opacity=0.9).encode(y=y, color=_colour(plot), tooltip=_tooltip(plot))]
    if _order(plot, "low"):
        layers.insert(0, chart.mark_rule(opacity=0.35).encode(y="low:Q", y2="high:Q", color=_colour(plot)))
    if labels:
        layers.append(chart.transform_filter("isDefined(datum.label)").mark_text(dy=-10, fontSize=10).encode(y=y, text="label:N"))
    if plot.line:
        fitted = alt.Chart(alt.Data(values=plot.line)).encode(x="x:Q")
        layers.append(fitted.mark_area(color=REFERENCE, opacity=0.15).encode(y="low:Q", y2="high:Q"))
        layers.append(fitted.mark_line(color=REFERENCE, strokeDash=[5, 4]).encode(y="y:Q"))
    if panels:
        return _panels(plot, layers, 190, 170, 3)
    return alt.layer(*layers).properties(width=460, height=280)


def _matrix(plot: Plot) -> Any:
    columns, lines = _order(plot, "x"), _order(plot, "y")
    top = alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False, labelLimit=150)
    chart = alt.Chart(alt.Data(values=plot.rows)).encode(
        x=alt.X("x:N", sort=columns, title=plot.x or None, axis=top),
        y=alt.Y("y:N", sort=lines, title=plot.y or None, axis=alt.Axis(domain=False, ticks=False, labelLimit=240)),
    )
    low, high = min(0, *(r["value"] for r in plot.rows)), max(0, *(r["value"] for r in plot.rows))
    reach = max(-low, high, 1e-9)
    colour = alt.Scale(domain=[-reach, 0, reach], range=[LOSS, "#f4f1ea", GAIN])
    boxes = chart.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color("value:Q", scale=colour, legend=None), tooltip=_tooltip(plot)
    )
    ink = alt.condition(f"abs(datum.value) > {0.7 * reach}", alt.value("white"), alt.value("#222"))
    text = chart.mark_text(fontSize=12).encode(text="label:N", color=ink)
    return (boxes + text).properties(width=112 * len(columns), height=34 * len(lines))
