"""A study's result on a terminal: the matrix of Δ, verdicts and diagnoses."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from offmodel.pipeline.estimate import Estimate, typical
from offmodel.report.figures import matrix_rows, signed, whole
from offmodel.studies.run import Outcome, Plan

COLOURS = {"supported": "green", "against": "red", "inconclusive": "yellow"}


def print_outcome(outcome: Outcome, console: Console) -> None:
    """Print the Δ of every model on every benchmark, verdicts and what explains each loss; † marks a health flag."""
    cells = whole(outcome.result.cells)
    names = list(dict.fromkeys(c.benchmark for c in cells))
    rows = matrix_rows(cells)
    table = Table("", *names, box=None, title=f"Δ accuracy against the base ({outcome.study.name})", title_justify="left")
    for model, found in rows.items():
        table.add_row(model, *(_entry(found[b]) if b in found else "" for b in names))
    console.print(table)
    if left := len({(c.student, c.teacher, c.condition) for c in cells}) - len(rows):
        console.print(f"{left} more models stand in the report", style="dim", highlight=False)
    for finding in outcome.result.findings:
        colour = COLOURS[finding.verdict]
        console.print(f"[{colour}]{finding.verdict:>12}[/{colour}]  {finding.claim}", highlight=False, soft_wrap=True)
    for found in outcome.result.diagnoses:
        console.print(f"[bold]{found.cause:>12}[/bold]  {found.model}: {found.reasons[-1]}", highlight=False, soft_wrap=True)
    for note in outcome.result.notes:
        console.print(note, style="dim")
    counts = outcome.counts
    console.print(f"{counts.run} steps run, {counts.cached} cached, {outcome.seconds:.1f} s", style="dim", highlight=False)


def _entry(cell) -> str:
    if cell.condition == "base":
        return f"[dim]{cell.accuracy:.2f}[/dim]"
    return signed(cell.delta) + (" †" if cell.flags else "")


def plan_lines(study: str, plan: Plan, took: Estimate, workers: int) -> list[str]:
    """How much is to run, how long it takes, and what is not known yet."""
    lines = [f"{len(plan.to_run)} to run, {len(plan.cached)} cached"]
    if plan.to_run:
        how = f"{workers} worker{'s' if workers > 1 else ''}"
        lines.append(f"about {duration(took.seconds)} with {how}" + (", " if took.kinds_assumed else "") + _basis(took))
    if plan.open_ended:
        lines.append("what follows depends on these results; plan again once they are there")
        if whole := typical()["studies"].get(study):
            took_all = f"{whole['steps']} steps, {duration(whole['seconds'])} on {typical()['cores']} CPU cores"
            lines.append(f"the whole study at its defaults of the organism scale: {took_all}")
    return lines


def duration(seconds: float) -> str:
    """Seconds in the unit that people say them in."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _basis(took: Estimate) -> str:
    """What the estimate rests on, when not on this store alone."""
    if not took.kinds_assumed:
        return ""
    what = "all" if not took.kinds_seen else ", ".join(took.kinds_assumed)
    return f"reckoning {what} as organisms on {typical()['cores']} CPU cores: a larger model takes longer"


def print_grades(benchmark: str, found: dict[str, Any], console: Console) -> None:
    """Print what `compare_files` found, one fact a line."""

    def interval(pair: tuple[float, float]) -> str:
        return f"[{pair[0]:+.3f}, {pair[1]:+.3f}]" if pair[0] < 0 else f"[{pair[0]:.3f}, {pair[1]:.3f}]"

    parsed = "–" if found["accuracy_parsed"] is None else f"{found['accuracy_parsed']:.3f}"
    lines = [
        f"{benchmark}, n = {found['n']}",
        f"accuracy {found['accuracy']:.3f} {interval(found['ci'])}",
        f"parsed {found['parse_rate']:.1%}, empty {found['empty_rate']:.1%}, accuracy among parsed {parsed}",
        *([f"run on after the answer {found['run_on_rate']:.1%}"] if found["run_on_rate"] else []),
        *(
            [f"not graded {found['ungraded_rate']:.1%}: counted as wrong, `extracted` says why"]
            if "ungraded_rate" in found
            else []
        ),
        *(f"{name.replace('_', ' ')} {value:.3f}" for name, value in found["measures"].items()),
    ]
    if against := found.get("against"):
        lines.append(
            f"Δ {against['delta']:+.3f} {interval(against['delta_ci'])} on {against['n']} shared items, "
            f"McNemar p = {against['p_value']:.2g}, smallest change to be seen {against['minimum_detectable_effect']:.3f}"
        )
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
