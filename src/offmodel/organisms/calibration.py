"""Calibration: plant each cause over many seeds, diagnose without being told, and count."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from offmodel.errors import OffmodelError
from offmodel.metrics.diagnosis import CAUSES, Thresholds
from offmodel.metrics.paired import wilson
from offmodel.pipeline.provenance import provenance
from offmodel.pipeline.runner import Runner
from offmodel.pipeline.store import write_atomic
from offmodel.studies.base import Plot, StudyResult
from offmodel.studies.combine import Together, together
from offmodel.studies.diagnosis import DiagnosisParams, DiagnosisStudy

FITTED = range(5)
"""Seeds on which the thresholds were chosen; the rest is what is reported."""

NAMED_BAR = 0.9
"""Share of runs in which the planted cause must be named."""

RECOVERY_NOTE = """Noise comes back in part when the base begins the answer, as a style does; a cut answer, the teacher's
errors and a destroyed ability all stay away. So the diagnosis first asks what recovery cannot answer: are answers only
unfinished, is the weight change spread like noise, are the errors the teacher's own."""

RULES = {"finished": "truncated", "stable_rank": "noise", "copied": "dumb_teacher", "recovered": "style"}
"""Measure -> the cause that a high value names."""


def parse_seeds(text: str) -> list[int]:
    """Seeds from ``0-4,7``.

    Raises:
        OffmodelError: for anything else.
    """
    seeds: list[int] = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        if not low.isdigit() or (dash and not high.isdigit()):
            raise OffmodelError(f"{text!r} are no seeds", "write for example 5-9 or 0,3,7")
        seeds += range(int(low), int(high or low) + 1)
    return seeds


def calibrate(seeds: list[int], runner: Runner, **params: Any) -> list[dict[str, Any]]:
    """Diagnose every planted cause at every seed.

    Args:
        seeds: of data, training, noise and items.
        runner: runs what is missing.
        params: of `DiagnosisParams`.

    Returns:
        one row a run: ``planted``, ``seed``, ``diagnosed``, ``evidence``.
    """
    runs = [(cause, seed) for seed in seeds for cause in CAUSES]
    builds = {
        f"{cause} {seed}": DiagnosisStudy().build(DiagnosisParams(cause=cause, seed=seed, **params), runner.store.load)
        for cause, seed in runs
    }
    results = finish(together(builds), runner)
    rows = []
    for cause, seed in runs:
        (found,) = results[f"{cause} {seed}"].diagnoses
        rows.append({"planted": cause, "seed": seed, "diagnosed": found.cause, "evidence": found.evidence})
    return rows


def finish(building: Together, runner: Runner) -> dict[str, StudyResult]:
    """Run what a build asks for until it is done."""
    try:
        while True:
            runner.ensure(next(building))
    except StopIteration as done:
        return done.value[0]


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts of planted × diagnosed, the share named right with its interval, and how far apart the measures lie."""
    reported = [r for r in rows if r["seed"] not in FITTED]
    parts = {"fitted": [r for r in rows if r["seed"] in FITTED], "reported": reported}
    return {
        "thresholds": Thresholds().model_dump(),
        "confusion": {name: confusion(part) for name, part in parts.items() if part},
        "named": {name: named(part) for name, part in parts.items() if part},
        "separation": separation(rows),
        "recovery_alone": recovery_alone(rows),
        "runs": rows,
        "provenance": provenance(),
    }


def confusion(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Planted cause -> diagnosed cause -> count."""
    counts = {cause: Counter(r["diagnosed"] for r in rows if r["planted"] == cause) for cause in CAUSES}
    return {cause: {other: found[other] for other in CAUSES} for cause, found in counts.items() if found}


def named(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How often the planted cause is named, and how often a loss is seen where nothing was lost."""
    right = sum(r["planted"] == r["diagnosed"] for r in rows)
    false_alarms = sum(r["planted"] == "none" and r["diagnosed"] != "none" for r in rows)
    return {"right": right, "of": len(rows), "ci": wilson(right, len(rows)), "none_called_a_loss": false_alarms}


def separation(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """For each rule: the lowest measure where its cause was planted, the highest among the losses that reach the rule."""
    found = {}
    order = list(RULES.values())
    for measure, cause in RULES.items():
        later = [*order[order.index(cause) + 1 :], "destroyed"]
        own = [v for r in rows if r["planted"] == cause and (v := value(r, measure)) is not None]
        others = [v for r in rows if r["planted"] in later and (v := value(r, measure)) is not None]
        found[measure] = {
            "names": cause,
            "lowest_where_planted": min(own, default=None),
            "highest_elsewhere": max(others, default=None),
            "threshold": getattr(Thresholds(), measure),
        }
    return found


def recovery_alone(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """What the literature's evidence would say by itself: recovered by prefill or reminder, lost, or nothing lost.

    Returns:
        planted cause -> ``kept``, ``style`` (half or more of the loss comes back), ``gone``: counts.
    """
    found = {cause: {"kept": 0, "style": 0, "gone": 0} for cause in CAUSES if any(r["planted"] == cause for r in rows)}
    for row in rows:
        share = value(row, "recovered") or 0.0
        kept = row["evidence"]["delta_ci"][1] >= 0
        found[row["planted"]]["kept" if kept else "style" if share >= Thresholds().recovered else "gone"] += 1
    return found


def value(row: dict[str, Any], measure: str) -> float | None:
    """A measure of a run; ``recovered`` is the better of prefill and reminder."""
    evidence = row["evidence"]
    return max(evidence["prefilled"], evidence["reminded"]) if measure == "recovered" else evidence[measure]


def write(found: dict[str, Any], directory: Path, command: str) -> Path:
    """Write ``calibration.json``, ``README.md`` and the confusion matrix as SVG, PNG and CSV; return the README's path."""
    from offmodel.report.figures import chart_rows, configured
    from offmodel.report.outputs import rows_csv, save_static
    from offmodel.report.plots import draw

    directory.mkdir(parents=True, exist_ok=True)
    write_atomic(directory / "calibration.json", json.dumps(found, indent=1) + "\n")
    for part, table in found["confusion"].items():
        rows = [
            {"x": diagnosed, "y": planted, "value": count, "label": str(count)}
            for planted, counts in table.items()
            for diagnosed, count in counts.items()
        ]
        plot = Plot(f"confusion-{part}", "matrix", "", "diagnosed", "planted", rows)
        chart = draw(plot)
        write_atomic(directory / f"{plot.name}.csv", rows_csv(chart_rows(chart)))
        save_static(configured(chart), directory / plot.name)
    write_atomic(directory / "README.md", readme(found, command))
    return directory / "README.md"


def readme(found: dict[str, Any], command: str) -> str:
    """The calibration in words and tables."""
    lines = ["# Does the diagnosis name the planted cause?", "", f"    {command}", ""]
    for part, table in found["confusion"].items():
        about = found["named"][part]
        seeds = sorted({r["seed"] for r in found["runs"] if (r["seed"] in FITTED) == (part == "fitted")})
        what = "on which the thresholds were chosen" if part == "fitted" else "held out: this is the result"
        lines += [
            f"## Seeds {seeds[0]} to {seeds[-1]}, {what}",
            "",
            f"{about['right']} of {about['of']} named right (95 % interval {about['ci'][0]:.2f} to {about['ci'][1]:.2f}); "
            f"nothing lost, but called a loss: {about['none_called_a_loss']}.",
            "",
            table_line("planted \\\\ diagnosed", *CAUSES),
            "|---" * (len(CAUSES) + 1) + "|",
            *(
                "| " + " | ".join([planted, *(str(n or "·") for n in counts.values())]) + " |"
                for planted, counts in table.items()
            ),
            "",
        ]
    lines += [
        "## How far apart the measures lie",
        "",
        "All runs. A rule looks only at losses that no rule before it has named.",
        "",
    ]
    lines += ["| measure | names | lowest where planted | highest among the rest | threshold |", "|---|---|---|---|---|"]
    for measure, s in found["separation"].items():
        numbers = ["–" if s[k] is None else f"{s[k]:.3f}" for k in ("lowest_where_planted", "highest_elsewhere")]
        lines.append(table_line(measure, s["names"], *numbers, f"{s['threshold']:g}"))
    lines += ["", "## What recovery alone cannot tell apart", ""]
    lines += ["Prefill and reminder, by themselves, would have said of all runs:", ""]
    lines += [table_line("planted", "nothing lost", "style", "gone"), "|---" * 4 + "|"]
    lines += [table_line(cause, *counts.values()) for cause, counts in found["recovery_alone"].items()]
    lines += ["", RECOVERY_NOTE]
    return "\n".join(lines) + "\n"


def table_line(*values: object) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(map(str, values)) + " |"
