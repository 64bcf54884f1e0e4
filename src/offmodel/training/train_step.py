"""The step that fine-tunes: what model, on which rows, how."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, field_validator

from offmodel.data.shots import Shots
from offmodel.models.engine import Message
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Spec, Step
from offmodel.pipeline.store import Artifact

CHECKPOINTING_PARAMETERS = 1_000_000_000
"""Above this many parameters activations are recomputed to save memory; it changes no number."""


class TrainingConfig(Spec):
    """Every number of a fine-tuning run.

    Attributes:
        method: ``lora`` or ``full`` (all weights).
        rank, alpha, targets, dropout: of LoRA; ``all-linear`` is every linear layer but the output head.
        learning_rate: peak.
        steps: optimiser steps; or None to count in epochs.
        epochs: passes over the data when ``steps`` is None.
        batch_size: rows an optimiser step.
        max_length: tokens a row, cut from the right.
        schedule: decay after warm-up.
        warmup_ratio: share of steps with rising learning rate.
        weight_decay, max_grad_norm: of AdamW and clipping.
        seed: order of rows and initial adapter.
        kl_weight: of the divergence from the base in the loss, see `training.kl`; none when not given.
    """

    method: Literal["lora", "full"] = "lora"
    rank: int = Field(default=16, gt=0)
    alpha: int = Field(default=32, gt=0)
    targets: str = "all-linear"
    dropout: float = Field(default=0.0, ge=0, lt=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    steps: int | None = Field(default=100, gt=0)
    epochs: float = Field(default=1.0, gt=0)
    batch_size: int = Field(default=16, gt=0)
    max_length: int = Field(default=1024, gt=1)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup_ratio: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    seed: int = 0
    kl_weight: float | None = Field(default=None, gt=0)


class DataPart(Spec):
    """Rows of a step that holds completions.

    Attributes:
        step: its rows have ``prompt`` and ``completion``.
        n: how many, from the first; all when None.
        skip: rows left out before the first.
        system: a system prompt put before every row.
        shots: example exchanges put before every row.
        support: its rows say by ``id`` which tokens of a completion are ``ignored`` by the loss.
    """

    step: SerializeAsAny[Step]
    n: int | None = None
    skip: int | None = None
    system: str | None = None
    shots: Shots | None = None
    support: SerializeAsAny[Step] | None = None

    def rows(self, context: Context) -> list[dict[str, Any]]:
        """The rows, each with ``source``, ``before`` (messages that go before it) and, with ``support``, ``ignored``."""
        start = self.skip or 0
        end = None if self.n is None else start + self.n
        found = context.load(self.step)[start:end]
        before: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        if self.shots is not None:
            before += self.shots.messages(context.load)
        ignored = {r["id"]: r["ignored"] for r in context.load(self.support)} if self.support else {}
        about = {"source": self.step.name(), "before": before}
        return [row | about | ({"ignored": ignored[row["id"]]} if row.get("id") in ignored else {}) for row in found]


class Tuning(Step):
    """Any training of a model; the artifact is an adapter (or full weights) and its curves.

    Attributes:
        model: what is trained.
        config: how.
        continues: train on in the model's own LoRA adapter instead of merging it and starting a new one;
            the artifact then holds both trainings.
    """

    kind: ClassVar[str] = "adapter"

    model: ModelSpec
    config: TrainingConfig
    continues: bool = False
    name_: str = Field(default="", exclude=True)
    """Words for the label; not identity."""

    @field_validator("model")
    @classmethod
    def _engine_trains_nothing(cls, model: ModelSpec) -> ModelSpec:
        """One training serves whatever generates with it afterwards."""
        return model if model.engine == "api" else model.model_copy(update={"engine": "transformers"})

    def label(self) -> str:
        return self.name_ or f"{self.model.short} {type(self).__name__.lower()}"

    @property
    def below(self) -> ModelSpec:
        """The model that the artifact's adapter goes on top of."""
        return self.model.adapter.below if self.continues else self.model  # pyright: ignore

    def load(self, artifact: Artifact) -> dict[str, Any]:
        """The training summary: ``loss`` (a list of {step, loss, learning_rate}), ``rows``, ``trained_tokens``,
        ``probe`` (token ``ids`` of a row's start, their log-probabilities ``before`` and ``after``).
        """
        return artifact.json("training.json")


class Train(Tuning):
    """Supervised fine-tuning on completions.

    Attributes:
        data: on what, in this order.
    """

    data: tuple[DataPart, ...]

    def label(self) -> str:
        return self.name_ or f"{self.model.short} sft"

    def run(self, context: Context) -> None:
        from offmodel.training.sft import sft

        sft(self, [row for part in self.data for row in part.rows(context)], context)
