"""mixing: the student's own completions among the off-model data."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec


class Mixing(Mitigation):
    """Train the base on the off-model data and its own completions together, as many more steps as there are more rows.

    Needs: the training data and the base. Costs: the whole training again, ``ratio`` longer.
    Source: "Why does off-model SFT degrade capabilities?", conclusion.
    Should fail: at ratios so small that the style flips on the off-model prompts and takes the others along.

    Attributes:
        ratio: own rows per off-model row.
    """

    name: ClassVar[str] = "mixing"
    when: ClassVar[Literal["after", "instead"]] = "instead"

    ratio: float = Field(default=0.25, gt=0)

    def apply(self, case: Case) -> ModelSpec:
        data, own = case.trained_on(self.name), max(1, round(self.ratio * case.rows))
        steps = None if case.config.steps is None else round(case.config.steps * (1 + self.ratio))
        return case.train_instead(f"mixed {self.ratio:g}", data, case.own_rows(own), steps=steps)
