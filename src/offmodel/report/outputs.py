"""The output contract: ``report.html``, ``results.json``, ``cells.csv``, ``figures/*.svg`` and ``*.png``."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from offmodel import __version__
from offmodel.metrics.cells import Cell
from offmodel.pipeline.provenance import provenance
from offmodel.pipeline.store import disk_errors, write_atomic
from offmodel.studies.run import Outcome

SCHEMA = Path(__file__).parent / "results.schema.json"


def results(outcome: Outcome) -> dict[str, Any]:
    """The content of ``results.json``; ``results.schema.json`` describes it."""
    arms = outcome.result.arms
    dtype = next((e.model.dtype for arm in arms for e in arm.evaluations.values()), "")
    return {
        "study": outcome.study.name,
        "version": f"{__version__}/{outcome.study.version}",
        "parameters": outcome.params.model_dump(mode="json"),
        "seed": outcome.params.seed,
        "provenance": provenance() | {"device": device_name(), "dtype": dtype},
        "cells": [c.model_dump(mode="json") for c in outcome.result.cells],
        "findings": [f.model_dump(mode="json") for f in outcome.result.findings],
        "diagnoses": [d.model_dump(mode="json") for d in outcome.result.diagnoses],
        "notes": outcome.result.notes,
        "steps": {"run": outcome.counts.run, "cached": outcome.counts.cached},
        "seconds": round(outcome.seconds, 2),
    }


def device_name() -> str:
    """``cuda`` when a GPU is there, else ``cpu``; without importing torch."""
    return "cuda" if Path("/proc/driver/nvidia/version").exists() else "cpu"


def write_outputs(outcome: Outcome, directory: Path, command: str) -> Path:
    """Write everything a study leaves behind and return the report's path.

    Raises:
        OffmodelError: when the disk is full or the directory cannot be written.
    """
    data = results(outcome)
    report, mark = directory / "report.html", f"<!-- {content_hash(data, command)} -->"
    with disk_errors(directory):
        (directory / "figures").mkdir(parents=True, exist_ok=True)
        write_atomic(directory / "results.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        write_atomic(directory / "cells.csv", cells_csv(outcome.result.cells))
        if report.is_file() and report.read_text(encoding="utf-8").endswith(mark):
            return report
        from offmodel.report.figures import all_figures
        from offmodel.report.html import render_report

        figures = all_figures(outcome)
        for name, figure in figures.items():
            save_static(figure.chart, directory / "figures" / name)
            write_atomic(directory / "figures" / f"{name}.csv", rows_csv(figure.rows))
        write_atomic(report, render_report(outcome, data, figures, command) + mark)
    return report


def content_hash(data: dict[str, Any], command: str) -> str:
    """Identity of a report: all it shows but how long this run took, and the code that draws it.

    A report whose last line carries it need not be drawn again.
    """
    shown = {k: v for k, v in data.items() if k not in ("steps", "seconds")} | {"command": command}
    digest = hashlib.sha256(json.dumps(shown, sort_keys=True).encode())
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".jinja"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def cells_csv(cells: list[Cell]) -> str:
    """Cells as CSV: intervals in two columns each, flags joined by spaces."""
    out = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for cell in cells:
        row = cell.model_dump()
        row["ci_low"], row["ci_high"] = row.pop("ci")
        row["delta_ci_low"], row["delta_ci_high"] = row.pop("delta_ci")
        row["flags"] = " ".join(row["flags"])
        row["measures"] = " ".join(f"{name}={value}" for name, value in row["measures"].items())
        if writer is None:
            writer = csv.DictWriter(out, list(row))
            writer.writeheader()
        writer.writerow(row)
    return out.getvalue()


def rows_csv(rows: list[dict[str, Any]]) -> str:
    """The rows behind a figure; a column for every key that any row has."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def save_static(chart: Any, stem: Path) -> None:
    """The chart as SVG and PNG on white."""
    import vl_convert

    spec = chart.to_dict() | {"background": "white"}
    stem.with_suffix(".svg").write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    stem.with_suffix(".png").write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
