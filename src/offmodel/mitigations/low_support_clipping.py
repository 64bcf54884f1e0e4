"""low_support_clipping: the tokens that the base finds least likely are not trained on."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny

from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact


class LowSupport(Step):
    """Which tokens of each completion have the least probability under a model.

    Rows: ``id`` and ``ignored``, positions among the completion's tokens (its end of turn included) as training counts them.

    Attributes:
        model: under which.
        data: its rows have ``prompt`` and ``completion``.
        share: of all completion tokens together.
        max_length: of a row, as in training.
    """

    kind: ClassVar[str] = "support"

    model: ModelSpec
    data: SerializeAsAny[Step]
    share: float = Field(gt=0, lt=1)
    max_length: int = 1024

    def label(self) -> str:
        return f"{self.data.label()} under {self.model.short}"

    def run(self, context: Context) -> None:
        import numpy as np

        from offmodel.metrics.perplexity import completion_logprobs

        scored = completion_logprobs(context, self.model, context.load(self.data), self.max_length)
        least = np.quantile(np.concatenate([logp for _, logp in scored]), self.share)
        # the last token ends the turn and is always trained
        rows = [{"id": row_id, "ignored": np.flatnonzero(np.asarray(logp[:-1]) < least).tolist()} for row_id, logp in scored]
        context.write_rows(rows)

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


class LowSupportClipping(Mitigation):
    """Train the base anew without the tokens that it finds least likely, which are where another's style is.

    Needs: the training data. Costs: a pass over it, and the training again.
    Source: a single-run report, which left out the lowest tenth.
    Should fail: where what should be learned is exactly what the base finds unlikely.

    Attributes:
        share: of completion tokens that is left out.
    """

    name: ClassVar[str] = "low_support_clipping"
    when: ClassVar[Literal["after", "instead"]] = "instead"

    share: float = Field(default=0.1, gt=0, lt=1)

    def apply(self, case: Case) -> ModelSpec:
        data = case.trained_on(self.name)
        support = LowSupport(model=case.base, data=data.step, share=self.share, max_length=case.config.max_length)
        return case.train_instead(f"clipped {self.share:g}", data.model_copy(update={"support": support}))
