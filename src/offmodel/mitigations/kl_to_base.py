"""kl_to_base: train on the off-model data, and pay for every step away from what the base would say."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from offmodel.errors import OffmodelError
from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec


class KlToBase(Mitigation):
    """Train the base anew with the KL divergence from itself, on the trained tokens, in the loss.

    Needs: the training data, and LoRA, so that the base is at hand. Costs: the training again, at about twice the time a step.
    Source: Learning without Forgetting (1606.09282).
    Should fail: at weights so small that the style is learned, or so large that nothing is; between, both come and go together
    where the style is what the data differs in.

    Attributes:
        weight: of the divergence, in nats a token, beside the loss.
    """

    name: ClassVar[str] = "kl_to_base"
    when: ClassVar[Literal["after", "instead"]] = "instead"

    weight: float = Field(default=1.0, gt=0)

    def apply(self, case: Case) -> ModelSpec:
        if case.config.method != "lora":
            raise OffmodelError("kl_to_base needs LoRA: with all weights trained the base is no longer there", "use method=lora")
        return case.train_instead(f"kl {self.weight:g}", case.trained_on(self.name), kl_weight=self.weight)
