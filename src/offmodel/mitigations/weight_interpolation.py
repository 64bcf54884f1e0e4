"""weight_interpolation: weights between the student before and after."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from offmodel.errors import OffmodelError
from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact


class Interpolated(Step):
    """The weights ``(1 - weight) · base + weight · tuned``; the artifact holds them whole.

    Attributes:
        model: the tuned model; the base is the model below its adapter.
        weight: 0 is the base, 1 the tuned model.
    """

    kind: ClassVar[str] = "adapter"

    model: ModelSpec
    weight: float = Field(ge=0, le=1)

    @property
    def below(self) -> ModelSpec:
        """The model whose weights the artifact replaces."""
        return self.model.adapter.below  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]

    def label(self) -> str:
        assert self.model.adapter is not None
        return f"{self.model.adapter.label()} at {self.weight:g}"

    def run(self, context: Context) -> None:
        import torch
        from safetensors.torch import save_model

        from offmodel.models.spec import load_model

        base: Any = load_model(self.below, context.store).model
        tuned: Any = load_model(self.model, context.store).model
        before = dict(base.named_parameters())
        with torch.no_grad():
            for name, parameter in tuned.named_parameters():
                parameter.lerp_(before[name], 1 - self.weight)
        save_model(tuned, str(context.directory / "model.safetensors"))

    def load(self, artifact: Artifact) -> dict[str, Any]:
        return {}


class WeightInterpolation(Mitigation):
    """Go back part of the way from the tuned weights to the base's.

    Needs: both models' weights. Costs: nothing but disk.
    Source: WiSE-FT (2109.01903), there between a zero-shot and a fine-tuned model.
    Should fail: where ability and trained behaviour come back and go at the same weight, as when both are the style.

    Attributes:
        weight: of the tuned model.
    """

    name: ClassVar[str] = "weight_interpolation"
    when: ClassVar[Literal["after", "instead"]] = "after"

    weight: float = Field(default=0.5, ge=0, le=1)

    def apply(self, case: Case) -> ModelSpec:
        if case.tuned.adapter is None:
            raise OffmodelError("the tuned student is no training of the base", "name an adapter of it as TUNED")
        return case.base.with_adapter(Interpolated(model=case.tuned, weight=self.weight))
