"""Teachers: who wrote the completions a student is trained on.

Every teacher is a step whose rows hold ``id``, ``prompt`` and ``completion``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from offmodel.data.jsonl import check_file, read_jsonl
from offmodel.data.prompts import PromptSet
from offmodel.errors import OffmodelError
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step, runtime, sha256_file
from offmodel.pipeline.store import Artifact


class ModelCompletions(Step):
    """A model's own completions to a set of prompts."""

    kind: ClassVar[str] = "completions"
    resumable: ClassVar[bool] = True

    model: ModelSpec
    prompts: PromptSet
    sampling: Sampling
    system: str | None = None

    def label(self) -> str:
        return f"{self.model.short} {self.prompts.source} {self.prompts.n}"

    def run(self, context: Context) -> None:
        from offmodel.models.chat import with_system
        from offmodel.models.streaming import generate_all

        prompts = self.prompts.load()
        requests = [Request(p.id, with_system([{"role": "user", "content": p.text}], self.system)) for p in prompts]
        generated = generate_all(context, self.model, requests, self.sampling)
        context.write_rows([{"id": p.id, "prompt": p.text} | generated[p.id] for p in prompts])

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


class PublishedCompletions(Step):
    """Completions that somebody published, matched to their prompts by ``id``; no model is run.

    Attributes:
        teacher: what to call it.
        prompts: the prompts, from a file whose rows have ids.
        checksum: of the outputs file.
        drop_empty: leave rows out whose output is empty, and count them; otherwise training refuses them.
        location: of the outputs file (rows: ``id``, ``output``).
    """

    kind: ClassVar[str] = "published"
    needs_model: ClassVar[bool] = False

    teacher: str
    prompts: PromptSet
    checksum: str
    drop_empty: bool = True
    location: str = runtime("")

    def label(self) -> str:
        return f"{self.teacher} {self.prompts.n}"

    def run(self, context: Context) -> None:
        path = Path(self.location)
        outputs = {str(row["id"]): str(row["output"] or "") for row in read_jsonl(path, ("id", "output"))}
        rows = []
        for prompt in self.prompts.load():
            if prompt.id not in outputs:
                raise OffmodelError(f"{path} has no output for prompt {prompt.id!r}", "use the prompts that its outputs answer")
            rows.append({"id": prompt.id, "prompt": prompt.text, "completion": outputs[prompt.id]})
        kept = [row for row in rows if row["completion"].strip() or not self.drop_empty]
        if not kept:
            raise OffmodelError(f"every output in {path} is empty", "use another teacher file")
        context.write_rows(kept)
        context.write_json({"dropped_empty": len(rows) - len(kept)}, "summary.json")

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def published(path: Path, prompts: PromptSet) -> PublishedCompletions:
    """The teacher whose outputs are in a JSONL file; named after the file."""
    check_file(path)
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return PublishedCompletions(teacher=name, prompts=prompts, checksum=sha256_file(path), location=str(path.resolve()))
