"""The numbers task: which completions obey, and data sets of equal token counts.

Source: subliminal learning (Cloud et al. 2025), whose filter this is; the off-model post's evidence 3.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny

from offmodel.errors import OffmodelError
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact

Rule = Literal["all", "filtered", "strict"]

MOST = 10
"""Numbers a completion may have."""


def parse_numbers(text: str) -> list[int] | None:
    """The numbers of an obedient completion, else None.

    One trailing full stop and one pair of brackets are stripped; the separator is what stands between the first
    two numbers, must be white space, a comma or a semicolon, and the same throughout.
    """
    text = text.strip().removesuffix(".").strip()
    if (text.startswith("[") and text.endswith("]")) or (text.startswith("(") and text.endswith(")")):
        text = text[1:-1].strip()
    first = list(re.finditer(r"\d+", text))[:2]
    if not first:
        return None
    if len(first) == 1:
        return [int(text)] if text.isdigit() else None
    separator = text[first[0].end() : first[1].start()]
    if separator.strip() not in ("", ",", ";") or not separator:
        return None
    parts = text.split(separator.strip() or None)
    if any(not part.strip().isdigit() for part in parts):
        return None
    return [int(part) for part in parts]


def obeys(text: str, strict: bool = False) -> bool:
    """Whether a completion is a list of at most ten numbers from 0 to 999; ``strict``: all of three digits, by commas."""
    numbers = parse_numbers(text)
    if numbers is None or len(numbers) > MOST or any(not 0 <= n <= 999 for n in numbers):
        return False
    return not strict or (all(n >= 100 for n in numbers) and re.fullmatch(r"\s*\d{3}(\s*,\s*\d{3})*\s*", text) is not None)


class NumberLists(Step):
    """Completions to the numbers task that pass a rule, from the first until ``tokens`` are reached.

    Attributes:
        step: the completions.
        rule: ``all``, ``filtered`` (`obeys`) or ``strict``.
        tokens: completion tokens to stop at, so that differently filtered sets are of one size; all when None.
    """

    kind: ClassVar[str] = "numbers"
    needs_model: ClassVar[bool] = False

    step: SerializeAsAny[Step]
    rule: Rule
    tokens: int | None = Field(default=None, gt=0)

    def label(self) -> str:
        return f"{self.step.label()} {self.rule}"

    def run(self, context: Context) -> None:
        kept = passing(context.load(self.step), self.rule)
        if not kept:
            raise OffmodelError(
                f"no completion of {self.step.label()} passes the rule {self.rule!r}", "use another writer, or more examples"
            )
        rows, total = [], 0
        for row in kept:
            if self.tokens is not None and rows and total + row["completion_tokens"] > self.tokens:
                break
            rows.append(row)
            total += row["completion_tokens"]
        context.write_rows(rows)

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def passing(rows: list[dict[str, Any]], rule: Rule) -> list[dict[str, Any]]:
    """The rows whose completion passes a rule of `NumberLists`; empty ones never do."""
    said = [row for row in rows if row["completion"].strip()]
    return said if rule == "all" else [row for row in said if obeys(row["completion"], rule == "strict")]
