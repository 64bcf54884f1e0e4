"""grpo: reinforcement learning on a benchmark's items, rewarded by its grader."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from offmodel.benchmarks import get_benchmark
from offmodel.errors import OffmodelError
from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec
from offmodel.training.grpo import Grpo

HELD_OUT = 400
"""Items of a benchmark that are left to evaluations."""


class GrpoMitigation(Mitigation):
    """Train the tuned student by GRPO on items that no evaluation of up to ``skip`` items has.

    Needs: a benchmark whose grader can reward, and a student that solves some of its items some of the time.
    Costs: ``group`` answers an item, much the most of all methods.
    Source: DeepSeekMath (2402.03300); "Why does off-model SFT degrade capabilities?", where it helped inconsistently.
    Should fail: on items that the student never solves, whose groups all get the same reward; the count is in the artifact.

    Attributes:
        benchmark: that rewards.
        items: trained on.
        steps: of training.
        rows: answers a step.
        group: answers an item.
        skip: items left to evaluations.
    """

    name: ClassVar[str] = "grpo"
    when: ClassVar[Literal["after", "instead"]] = "after"

    benchmark: str = "arith"
    items: int = Field(default=200, gt=0)
    steps: int = Field(default=24, gt=0)
    rows: int = Field(default=32, gt=1)
    group: int = Field(default=8, gt=1)
    skip: int = Field(default=HELD_OUT, ge=0)

    def apply(self, case: Case) -> ModelSpec:
        case.check_trainable()
        benchmark = get_benchmark(self.benchmark)
        benchmark.check_size(self.skip + self.items)
        benchmark.require()
        if not benchmark.reasoning:
            raise OffmodelError(f"grpo has no reward function that a chain of reasoning earns on {self.benchmark}", "use arith")
        if self.rows % self.group:
            raise OffmodelError(f"{self.rows} answers are no whole groups of {self.group}", "make rows a multiple of group")
        step = Grpo(
            model=case.tuned,
            config=case.config.model_copy(update={"steps": self.steps, "batch_size": self.rows}),
            continues=case.continues,
            benchmark=benchmark.name,
            benchmark_version=benchmark.version,
            benchmark_data=benchmark.fingerprint,
            n=self.items,
            skip=self.skip,
            seed=case.config.seed,
            group=self.group,
            max_new_tokens=benchmark.max_new_tokens,
            name_=f"{case.words} grpo on {self.benchmark}",
        )
        return case.tuned.with_adapter(step)
