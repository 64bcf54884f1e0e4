"""What a mitigation is: from the student before and after off-model SFT to a repaired student."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from offmodel.data.teachers import ModelCompletions
from offmodel.errors import OffmodelError
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.step import Step
from offmodel.training.train_step import DataPart, Train, TrainingConfig, Tuning


@dataclass(frozen=True)
class Case:
    """A student that off-model SFT changed, and what there is to repair it with.

    Attributes:
        base: the student before.
        tuned: the student after.
        config: of the off-model SFT; repairs train likewise, for fewer steps.
        own: the base's completions to generic prompts that neither the SFT nor the evaluation uses.
        data: what the SFT trained on; None when that is not known.
        rows: how many rows that is.
        words: what the tuned student is called in labels.
    """

    base: ModelSpec
    tuned: ModelSpec
    config: TrainingConfig
    own: ModelCompletions
    data: DataPart | None = None
    rows: int = 0
    words: str = ""

    @property
    def continues(self) -> bool:
        """Whether a repair trains on in the tuned student's own adapter."""
        return self.config.method == "lora" and is_lora(self.tuned.adapter)

    def train_after(self, name: str, *parts: DataPart, steps: int) -> ModelSpec:
        """The tuned student trained on, in its own LoRA adapter where it has one.

        Raises:
            OffmodelError: when it is no single network.
        """
        self.check_trainable()
        config = self.config.model_copy(update={"steps": steps})
        label = f"{self.words} {name}"
        return self.tuned.with_adapter(Train(model=self.tuned, data=parts, config=config, continues=self.continues, name_=label))

    def check_trainable(self) -> None:
        """Refuse a student that only decoding puts together.

        Raises:
            OffmodelError: names what it is.
        """
        if not getattr(self.tuned.adapter, "trainable", True):
            label = self.tuned.adapter.label() if self.tuned.adapter else ""
            raise OffmodelError(f"{label} is put together while decoding and cannot be trained on", "put it last in the chain")

    def train_instead(self, name: str, *parts: DataPart, **changes: Any) -> ModelSpec:
        """The base trained in another way than it was."""
        config = self.config.model_copy(update=changes)
        return self.base.with_adapter(Train(model=self.base, data=parts, config=config, name_=f"{self.words} {name}"))

    def own_rows(self, n: int, model: ModelSpec | None = None) -> DataPart:
        """The first ``n`` completions of the base, or of ``model``, to the prompts set aside for repairs.

        Raises:
            OffmodelError: when fewer prompts are set aside.
        """
        if n > self.own.prompts.n:
            raise OffmodelError(f"{n} completions are asked for and {self.own.prompts.n} prompts set aside", "raise own=")
        return DataPart(step=self.own if model is None else self.own.model_copy(update={"model": model}), n=n)

    def trained_on(self, name: str) -> DataPart:
        """The data of the off-model SFT.

        Raises:
            OffmodelError: when it is not known.
        """
        if self.data is None:
            raise OffmodelError(f"{name} trains anew and needs the training data", "name it with data=FILE")
        return self.data


def is_lora(adapter: Step | None) -> bool:
    """Whether training can go on in an adapter."""
    return adapter.config.method == "lora" if isinstance(adapter, Tuning) else getattr(adapter, "lora", False)


class Mitigation(BaseModel, ABC):
    """One way to keep or bring back what off-model SFT takes. Its fields are its parameters.

    Docstrings say what it needs, what it costs, its source, and when it should fail.

    Attributes:
        name: on the command line.
        when: ``after`` repairs the tuned student; ``instead`` trains the base in another way and needs the data.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    when: ClassVar[Literal["after", "instead"]]

    @abstractmethod
    def apply(self, case: Case) -> ModelSpec:
        """The repaired student; nothing runs before its steps are asked for.

        Raises:
            OffmodelError: for a case that it cannot work on.
        """
