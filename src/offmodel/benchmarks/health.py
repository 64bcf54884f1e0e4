"""Health beside every accuracy: can a drop be explained by how answers look rather than by what they say?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

WORSE_BY = 0.05
"""A rate that moved by more than this against the base is flagged."""


@dataclass(frozen=True)
class Health:
    """Rates over the items of a cell.

    Attributes:
        parse_rate: an answer was found.
        truncation_rate: the completion used up its budget.
        empty_rate: the completion has no visible character.
        missing_eos_rate: the model did not end its turn by itself.
        mean_tokens: of completions.
        accuracy_parsed: accuracy among parsed completions; None when none was parsed.
        run_on_rate: the model went on after its answer, with a question or turn that it invented.
    """

    parse_rate: float
    truncation_rate: float
    empty_rate: float
    missing_eos_rate: float
    mean_tokens: float
    accuracy_parsed: float | None
    run_on_rate: float


def health(rows: Sequence[dict[str, Any]]) -> Health:
    """The health of graded rows (see `Evaluate`)."""
    n = len(rows)
    parsed = [row for row in rows if row["parsed"]]
    return Health(
        parse_rate=len(parsed) / n,
        truncation_rate=sum(row["finish_reason"] == "length" for row in rows) / n,
        empty_rate=sum(not row["completion"].strip() for row in rows) / n,
        missing_eos_rate=sum(row["finish_reason"] != "stop" for row in rows) / n,
        mean_tokens=sum(row["completion_tokens"] for row in rows) / n,
        accuracy_parsed=sum(row["correct"] for row in parsed) / len(parsed) if parsed else None,
        run_on_rate=sum(row.get("run_on", False) for row in rows) / n,
    )


def flags(tuned: Sequence[dict[str, Any]], base: Sequence[dict[str, Any]], now: Health | None = None) -> list[str]:
    """What could explain a drop other than lost capability; ``now`` is the health of ``tuned``, where it is known.

    ``truncated``, ``unparsed``, ``empty``, ``run_on``: the rate rose by more than `WORSE_BY` against the base.
    ``ungraded``: some items have no verdict, in either; they count as wrong.
    ``unsafe_code``: programs ran without a wall, and may have done anything.
    ``overflow``: some prompts did not fit into the model's context; their items count as wrong.
    ``health_explains``: counting every newly truncated or unparsed item as the base answered it would
    undo at least half of the drop.
    """
    now, before = (now or health(tuned)), health(base)
    found = []
    if now.truncation_rate - before.truncation_rate > WORSE_BY:
        found.append("truncated")
    if before.parse_rate - now.parse_rate > WORSE_BY:
        found.append("unparsed")
    if now.empty_rate - before.empty_rate > WORSE_BY:
        found.append("empty")
    if now.run_on_rate - before.run_on_rate > WORSE_BY:
        found.append("run_on")
    if ungraded_rate(tuned) or ungraded_rate(base):
        found.append("ungraded")
    if any(row.get("unsafe") for row in tuned):
        found.append("unsafe_code")
    if overflow_rate(tuned):
        found.append("overflow")
    lost = [(t, b) for t, b in zip(tuned, base, strict=True) if b["correct"] and not t["correct"]]
    gained = sum(t["correct"] and not b["correct"] for t, b in zip(tuned, base, strict=True))
    drop = len(lost) - gained
    excused = sum(not t["parsed"] or not t.get("graded", True) or t["finish_reason"] == "length" for t, _ in lost)
    if found and drop > WORSE_BY * len(tuned) and excused >= drop / 2:
        found.append("health_explains")
    return found


def as_columns(measured: Health) -> dict[str, float | None]:
    """The health columns of a cell, rounded."""
    return {k: v if v is None else round(v, 4) for k, v in asdict(measured).items()}


def overflow_rate(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How often the prompt did not fit into the model's context; nothing where all did."""
    over = sum(row["finish_reason"] == "overflow" for row in rows)
    return {"overflow_rate": over / len(rows)} if over else {}


def ungraded_rate(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How often there is no verdict; nothing where all have one."""
    without = sum(not row.get("graded", True) for row in rows)
    return {"ungraded_rate": without / len(rows)} if without else {}


TRACES = ("valid", "empty", "missing", "truncated")


def trace_rates(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How often each kind of thinking trace came, and the accuracy after a valid one; nothing for rows without thinking.

    ``valid``: closed, with something in it; ``empty``: closed at once; ``missing``: the turn ended without closing
    it; ``truncated``: its budget ran out, and it was closed for the model.
    """
    traces = [row["trace"] for row in rows if "trace" in row]
    if not traces:
        return {}
    rates = {f"trace_{kind}": traces.count(kind) / len(traces) for kind in TRACES}
    valid = [row["correct"] for row in rows if row.get("trace") == "valid"]
    return rates | ({"accuracy_valid_trace": sum(valid) / len(valid)} if valid else {})
