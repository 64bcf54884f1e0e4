"""multi_style: the student first learns to reason in several styles, and then meets the off-model data."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from offmodel.data.prompts import prompt_set
from offmodel.errors import OffmodelError
from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec, resolve_model
from offmodel.training.train_step import DataPart, Train


class MultiStyle(Mitigation):
    """Train the base on reasoning in other styles than its own, then on the off-model data.

    Needs: the training data, models that reason well in other styles, and tasks of the kind that should survive.
    Costs: ``examples`` completions of each of them, ``steps`` steps, and the training again.
    Source: "Why does off-model SFT degrade capabilities?", conclusion.
    Should fail: where the off-model style is none of those that were taught.

    Attributes:
        styles: models that write the reasoning.
        tasks: prompts that need reasoning, as ``prompts=``; none of a benchmark's items.
        examples: completions of each.
        steps: of teaching the styles.
    """

    name: ClassVar[str] = "multi_style"
    when: ClassVar[Literal["after", "instead"]] = "instead"

    styles: tuple[str, ...] = ("organism:prose", "organism:terse")
    tasks: str = "tasks"
    examples: int = Field(default=100, gt=0)
    steps: int = Field(default=60, gt=0)

    def apply(self, case: Case) -> ModelSpec:
        if not self.styles:
            raise OffmodelError("no style is taught", "name models in styles=")
        data, prompts = case.trained_on(self.name), prompt_set(self.tasks, self.examples, case.own.prompts.seed)
        writers = [resolve_model(style) for style in self.styles]
        parts = [DataPart(step=case.own.model_copy(update={"model": writer, "prompts": prompts})) for writer in writers]
        taught = case.train_instead("taught styles", *parts, steps=self.steps)
        continues = case.config.method == "lora"
        label = f"{case.words} after other styles"
        return case.base.with_adapter(Train(model=taught, data=(data,), config=case.config, continues=continues, name_=label))
