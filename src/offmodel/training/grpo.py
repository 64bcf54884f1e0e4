"""Reinforcement learning from verifiable rewards, over TRL's GRPO, with the grader that evaluates."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from offmodel.pipeline.execute import Context
from offmodel.training.train_step import Tuning

KEPT = {
    "reward": "reward",
    "reward_std": "reward_std",
    "frac_reward_zero_std": "constant_groups",
    "completions/mean_length": "mean_tokens",
    "kl": "kl",
}
"""What TRL logs at each step, and what it is called in the artifact."""


class Grpo(Tuning):
    """GRPO on items of a benchmark: 1 for a correct answer, and a little for one that can be read at all.

    The summary's ``loss`` rows also have ``reward``, ``reward_std``, ``mean_tokens`` and ``constant_groups``, the share of
    groups whose answers all got the same reward and that therefore taught nothing.

    Source: DeepSeekMath (2402.03300).

    Attributes:
        benchmark, benchmark_version, benchmark_data: what is rewarded, see `Evaluate`.
        n: items trained on.
        skip: items left out before the first, so that an evaluation of as many with the same ``seed`` is held out.
        seed: of the items.
        group: answers an item that are compared with each other.
        temperature: at which they are sampled.
        max_new_tokens: of an answer.
        format_reward: for an answer that the grader can read, right or wrong.
        beta: weight of the KL divergence from the student before.
    """

    benchmark: str
    benchmark_version: int
    benchmark_data: str
    n: int = Field(gt=0)
    skip: int = Field(default=0, ge=0)
    seed: int = 0
    group: int = Field(default=8, gt=1)
    temperature: float = Field(default=1.0, gt=0)
    max_new_tokens: int = Field(default=160, gt=0)
    format_reward: float = Field(default=0.1, ge=0)
    beta: float = Field(default=0.0, ge=0)

    def run(self, context: Context) -> None:
        import torch
        from datasets import Dataset, disable_progress_bars
        from trl import GRPOConfig, GRPOTrainer  # pyright: ignore[reportPrivateImportUsage]

        from offmodel.benchmarks import get_benchmark
        from offmodel.benchmarks.graders.answers import USUAL, Thinking
        from offmodel.models.chat import thinking_marks
        from offmodel.models.engine import Request
        from offmodel.training.sft import Watch, train_and_save, trainable_network, trainer_fields

        disable_progress_bars()
        torch.manual_seed(self.config.seed)
        network, loaded = trainable_network(self, context)
        benchmark = get_benchmark(self.benchmark)
        benchmark.require()
        items = benchmark.items(self.skip + self.n, self.seed)[self.skip :]
        data = Dataset.from_list([{"prompt": list(benchmark.messages(item)), "item": i} for i, item in enumerate(items)])
        marks, opened = thinking_marks(loaded.tokenizer, Request("probe", benchmark.messages(items[0])))
        thinking = Thinking(tuple(dict.fromkeys((*marks, *USUAL.tags))), opened)
        seen: list[float] = []

        def reward(completions: list[Any], item: list[int], **_: Any) -> list[float]:
            said = [(items[i], c[0]["content"]) for i, c in zip(item, completions, strict=True)]
            grades = benchmark.grade_all(said, thinking)
            found = [float(g.correct) + self.format_reward * (g.parsed and g.graded) for g in grades]
            seen.extend(found)
            return found

        arguments = GRPOConfig(
            **trainer_fields(self.config, context.directory, network.num_parameters()),
            num_generations=self.group,
            max_completion_length=self.max_new_tokens,
            temperature=self.temperature,
            beta=self.beta,
        )
        arguments._n_gpu = min(1, arguments.n_gpu)
        watch = Watch(context.progress, KEPT)
        trainer = GRPOTrainer(
            network,
            reward_funcs=reward,  # pyright: ignore[reportArgumentType]
            args=arguments,
            train_dataset=data,
            processing_class=loaded.tokenizer,
            callbacks=[watch],
        )
        probe = loaded.tokenizer(benchmark.messages(items[0])[-1]["content"])["input_ids"]
        about = train_and_save(trainer, self, loaded, probe, context, watch.rewarded)
        counts = {"rows": len(items), "answers": len(seen), "trained_tokens": 0}
        context.write_json({"loss": watch.curve} | counts | about, "training.json")
