"""A model's own wording of another's answers: what `paraphrase` and `student_written` train on."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import SerializeAsAny

from offmodel.mitigations.base import Case
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact


class Reworded(Step):
    """A model's own wording of another's answers; rows as in `ModelCompletions`.

    Attributes:
        model: who words them.
        source: its rows have ``id``, ``prompt`` and ``completion``.
        request: what the model is asked, with ``{prompt}`` and ``{completion}``.
    """

    kind: ClassVar[str] = "completions"
    resumable: ClassVar[bool] = True

    model: ModelSpec
    source: SerializeAsAny[Step]
    request: str
    sampling: Sampling

    def label(self) -> str:
        return f"{self.model.short} rewords {self.source.label()}"

    def run(self, context: Context) -> None:
        from offmodel.models.streaming import generate_all

        rows = [row | {"id": row.get("id", str(i))} for i, row in enumerate(context.load(self.source))]
        asked = [Request(r["id"], [{"role": "user", "content": filled(self.request, r)}]) for r in rows]
        written = generate_all(context, self.model, asked, self.sampling)
        kept = [r for r in rows if written[r["id"]]["completion"].strip()]
        context.write_rows([{"id": r["id"], "prompt": r["prompt"]} | written[r["id"]] for r in kept])

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def filled(request: str, row: dict[str, Any]) -> str:
    """The request with a row's texts in it; braces within the texts stay as they are."""
    return request.replace("{prompt}", row["prompt"]).replace("{completion}", row["completion"])


def reworded(case: Case, name: str, request: str) -> ModelSpec:
    """The base trained on what it makes of the data's answers, asked with ``request``."""
    data = case.trained_on(name)
    step = Reworded(model=case.base, source=data.step, request=request, sampling=case.own.sampling)
    return case.train_instead(name, data.model_copy(update={"step": step}))
