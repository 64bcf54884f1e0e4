"""proxy_tuning: the base, steered while it decodes by what training changed in an expert."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from offmodel.errors import OffmodelError
from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec, load_tokenizer
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact


class Proxy(Step):
    """Logits of ``model`` plus ``alpha`` times (expert - anti-expert), at every step of decoding.

    With the anti-expert equal to the expert it is the model; with the model equal to the anti-expert and ``alpha`` 1, the expert.

    Attributes:
        model: what is steered.
        expert: after its training.
        anti: the expert before it.
        alpha: how far.
    """

    kind: ClassVar[str] = "adapter"
    needs_model: ClassVar[bool] = False
    trainable: ClassVar[bool] = False

    model: ModelSpec
    expert: ModelSpec
    anti: ModelSpec
    alpha: float = Field(default=1.0)

    @property
    def below(self) -> ModelSpec:
        """The model that is steered."""
        return self.model

    def label(self) -> str:
        return f"{self.model.short} proxy {self.alpha:g}"

    def run(self, context: Context) -> None:
        context.write_json({"alpha": self.alpha}, "proxy.json")

    def load(self, artifact: Artifact) -> dict[str, Any]:
        return artifact.json("proxy.json")


class ProxyTuning(Mitigation):
    """Decode from the base, with the tuned student as expert and ``anti``, by default the base itself, as anti-expert.

    Needs: all models at decoding, with one tokenizer. Costs: nothing beforehand, up to three forward passes a token after.
    Source: Tuning Language Models by Proxy (2401.08565).
    Should fail: where ability and behaviour are in the same tokens; with the base as anti-expert it goes between them.

    Attributes:
        alpha: 0 is the base; 1, with the base as anti-expert, the tuned student.
        expert, anti: other models of the base's tokenizer, such as a small pair; tuned student and base when not given.
    """

    name: ClassVar[str] = "proxy_tuning"
    when: ClassVar[Literal["after", "instead"]] = "after"

    alpha: float = Field(default=0.5)
    expert: str = ""
    anti: str = ""

    def apply(self, case: Case) -> ModelSpec:
        from offmodel.models.spec import resolve_model

        expert = resolve_model(self.expert) if self.expert else case.tuned
        anti = resolve_model(self.anti) if self.anti else case.base
        words = load_tokenizer(case.base).get_vocab()
        for spec in (expert, anti):
            if load_tokenizer(spec).get_vocab() != words:
                raise OffmodelError(
                    f"{spec.name} and {case.base.name} have different tokenizers: their logits cannot be added",
                    "take an expert of the same family",
                )
        return case.base.with_adapter(Proxy(model=case.base, expert=expert, anti=anti, alpha=self.alpha))
