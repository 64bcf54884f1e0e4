"""How a change of weights is spread: training changes a few directions, noise all of them alike."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import SerializeAsAny

from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact


class WeightChange(Step):
    """The spread of the change from a base to a tuned model, over its weight matrices.

    Result: ``stable_rank``, the median over changed matrices of ‖Δ‖²_F / ‖Δ‖²₂ divided by what Gaussian noise of
    that shape has, about mn / (√m + √n)²; ``relative_norm``, the norm of the whole change over that of the weights.
    """

    kind: ClassVar[str] = "weights"

    base: ModelSpec
    adapter: SerializeAsAny[Step]

    def label(self) -> str:
        return f"change {self.adapter.label()}"

    def run(self, context: Context) -> None:
        import torch

        from offmodel.models.spec import load_model

        base: Any = load_model(self.base, context.store).model
        tuned: Any = load_model(self.base.with_adapter(self.adapter), context.store).model
        after = dict(tuned.named_parameters())
        ranks, changed, whole = [], 0.0, 0.0
        for name, p in base.named_parameters():
            delta = (after[name].detach() - p.detach()).float()
            changed, whole = changed + float(delta.pow(2).sum()), whole + float(p.detach().float().pow(2).sum())
            if p.ndim == 2 and "embed" not in name and float(delta.abs().max()) > 0:
                ranks.append(float(delta.pow(2).sum() / torch.linalg.matrix_norm(delta, 2) ** 2) / noise_rank(*p.shape))
        ranks.sort()
        found = {"stable_rank": ranks[len(ranks) // 2] if ranks else 0.0, "relative_norm": math.sqrt(changed / whole)}
        context.write_json(found, "summary.json")

    def load(self, artifact: Artifact) -> dict[str, float]:
        return artifact.json("summary.json")


def noise_rank(rows: int, columns: int) -> float:
    """The stable rank of Gaussian noise: its largest singular value is about √m + √n (Bai and Yin 1993)."""
    return rows * columns / (math.sqrt(rows) + math.sqrt(columns)) ** 2
