"""The process that compares mathematical answers: a JSON request a line in, a JSON verdict a line out.

math-verify works on symbolic expressions, and some comparisons never end; in a process of its own
one can be killed without harm. Started and spoken to by `math_grader`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

from offmodel.benchmarks.grading import last_boxed

ANSWER = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
SAID = re.compile(r"(?:answer|result)(?:\s+is|\s*[:=])\**\s*", re.IGNORECASE)


def grade(gold: str, completion: str, tolerance: float | None) -> dict[str, Any]:
    r"""Compare a completion's answer with the gold answer.

    The answer is the last ``\boxed{…}``, else what follows the last "answer is", else what math-verify
    finds in the text. It is right when it is the same text up to spacing and LaTeX dress, when the
    expressions are equal, or, given a ``tolerance``, when both are numbers no further apart.

    Returns:
        ``correct``, ``parsed`` (an answer was found) and ``extracted`` (its text).
    """
    said = last_boxed(completion)
    found = _parse(f"\\boxed{{{said}}}") if said is not None else []
    if said is None and len(parts := SAID.split(completion)) > 1 and (tail := parts[-1].strip()):
        said = tail.splitlines()[0].rstrip(".*! ")
        found = _parse(said)
    if said is not None and same_text(gold, said):
        return {"correct": True, "parsed": True, "extracted": said}
    if said is None:
        found = _parse(completion)
        if not found:
            return {"correct": False, "parsed": False, "extracted": None}
        said = str(found[-1])
    target = _parse(f"\\boxed{{{gold}}}")
    right = bool(target) and bool(found) and (verify(target, found, timeout_seconds=None) or _close(target, found, tolerance))
    return {"correct": bool(right), "parsed": True, "extracted": said}


def _parse(text: str) -> list[Any]:
    return parse(text, ANSWER, parsing_timeout=None)  # pyright: ignore[reportArgumentType]


def _close(target: list[Any], found: list[Any], tolerance: float | None) -> bool:
    if tolerance is None:
        return False
    try:
        return abs(float(target[0]) - float(found[0])) <= tolerance
    except (TypeError, ValueError):
        return False


DRESS = re.compile(r"\\(?:text|textbf|mathrm|mathbf|left|right|displaystyle|[,;:! ])|[\s${}]|\\\\$|\.$")


def same_text(gold: str, answer: str) -> bool:
    """Whether two answers are one text once spacing and LaTeX dress are off."""
    plain_gold, plain = (DRESS.sub("", t.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")) for t in (gold, answer))
    return plain != "" and plain == plain_gold


def main() -> None:
    """Answer requests until the input ends."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own timeouts are off; ours is outside
    for line in sys.stdin:
        request = json.loads(line)
        try:
            verdict = grade(request["gold"], request["completion"], request["tolerance"])
        except Exception as e:  # whatever a text makes the parsers raise, it is a wrong answer, named
            verdict = {"correct": False, "parsed": False, "extracted": f"({type(e).__name__} in the grader)"}
        print(json.dumps(verdict), flush=True)


if __name__ == "__main__":
    main()
