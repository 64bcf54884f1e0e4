"""Figures of studies: what a panel shows."""

from offmodel.report.plots import draw
from offmodel.studies.base import Plot

ROWS = [{"x": 0.1 * i, "y": 0.5, "series": "s", "panel": f"p{i % 2}"} for i in range(4)]


def test_a_panel_of_a_scatter_shows_its_own_rows_only():
    """Marks with data of their own would show every row in every panel."""
    chart = draw(Plot("p", "scatter", "", "x", "y", ROWS)).to_dict()
    assert chart["facet"]["field"] == "panel"
    layers = chart["spec"]["layer"]
    assert layers
    assert not any("data" in layer for layer in layers)
    alone = draw(Plot("p", "scatter", "", "x", "y", [{k: v for k, v in r.items() if k != "panel"} for r in ROWS])).to_dict()
    assert "facet" not in alone


def test_only_marks_with_a_label_are_labelled():
    def texts(rows):
        chart = draw(Plot("p", "scatter", "", "x", "y", rows)).to_dict()
        return [layer for layer in chart["spec"]["layer"] if layer["mark"]["type"] == "text"]

    assert texts(ROWS) == []
    assert texts([ROWS[0] | {"label": "a"}, *ROWS[1:]])[0]["transform"] == [{"filter": "isDefined(datum.label)"}]
