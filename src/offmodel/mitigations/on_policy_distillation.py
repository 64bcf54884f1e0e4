"""on_policy_distillation: the tuned student writes, and the base says how each token should have been."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec
from offmodel.training.distil import Distil


class OnPolicyDistillation(Mitigation):
    """Train the tuned student on its own completions towards the base's next-token distribution.

    Needs: the base in memory beside the student. Costs: a completion and two forward passes a row; no data.
    Source: Generalized Knowledge Distillation (2306.13649); "Why does off-model SFT degrade capabilities?", conclusion.
    Should fail: where the trained behaviour is to stay, since the base does not have it.

    Attributes:
        steps: of training.
        beta: which divergence, see `Distil`.
    """

    name: ClassVar[str] = "on_policy_distillation"
    when: ClassVar[Literal["after", "instead"]] = "after"

    steps: int = Field(default=20, gt=0)
    beta: float = Field(default=0.0, ge=0, le=1)

    def apply(self, case: Case) -> ModelSpec:
        case.check_trainable()
        step = Distil(
            model=case.tuned,
            teacher=case.base,
            prompts=case.own.prompts,
            config=case.config.model_copy(update={"steps": self.steps}),
            continues=case.continues,
            beta=self.beta,
            max_new_tokens=case.own.sampling.max_new_tokens,
            name_=f"{case.words} distilled",
        )
        return case.tuned.with_adapter(step)
