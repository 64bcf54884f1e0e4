"""Tuned students with a planted cause of loss, for finding out whether a diagnosis names it.

Each is the student after some work; what that work was, we know, because we did it.
"""

from __future__ import annotations

import random
import re
from typing import Any, ClassVar

from pydantic import Field, SerializeAsAny

from offmodel.data.prompts import PromptSet
from offmodel.data.teachers import ModelCompletions
from offmodel.errors import OffmodelError, unknown
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import ModelSpec, resolve_model
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact
from offmodel.training.train_step import DataPart, Train, TrainingConfig

RESULT = re.compile(r"(?<== )\d+|(?<=boxed\{)\d+")
BOX = re.compile(r"boxed\{([^}]*)\}")
LETTERS = re.compile(r"(?<== `)[a-z](?: [a-z])*|(?<=boxed\{)[a-z](?: [a-z])*")


class NoisedWeights(Step):
    """The model with Gaussian noise on every weight matrix, scaled until its accuracy is near ``target``.

    Noise is relative to each matrix's own standard deviation; the scale is found by bisection.

    Attributes:
        model: what is noised.
        benchmark: on which the accuracy is measured.
        target: accuracy to come near to.
        n: items for the search.
        seed: of the noise and the items.
    """

    kind: ClassVar[str] = "planted"

    model: ModelSpec
    benchmark: str
    target: float = Field(ge=0, le=1)
    n: int = 64
    seed: int = 0

    @property
    def below(self) -> ModelSpec:
        return self.model

    def label(self) -> str:
        return f"{self.model.short} noised"

    def run(self, context: Context) -> None:
        import torch
        from safetensors.torch import save_model

        from offmodel.models.spec import load_model

        loaded = load_model(self.model, context.store)
        network: Any = loaded.model
        generator = torch.Generator().manual_seed(self.seed)
        clean = {name: p.detach().clone() for name, p in network.named_parameters() if p.ndim == 2}
        noise = {name: torch.randn(p.shape, generator=generator) * p.std().cpu() for name, p in clean.items()}

        def set_scale(scale: float) -> float:
            with torch.no_grad():
                for name, p in network.named_parameters():
                    if name in clean:
                        p.copy_(clean[name] + scale * noise[name].to(p))
            return self._accuracy(loaded)

        low, high = 0.0, 1.0
        for round_ in range(9):
            middle = (low + high) / 2
            found = set_scale(middle)
            low, high = (middle, high) if found > self.target else (low, middle)
            context.progress(round_ + 1, 9, "scales")
        accuracy = set_scale(high)
        save_model(network, str(context.directory / "model.safetensors"))
        context.write_json({"scale": high, "accuracy": accuracy}, "summary.json")

    def _accuracy(self, loaded: Any) -> float:
        from offmodel.benchmarks import get_benchmark
        from offmodel.models.transformers_engine import TransformersEngine

        benchmark = get_benchmark(self.benchmark)
        items = benchmark.items(self.n, self.seed)
        asked = [Request(item.id, benchmark.messages(item)) for item in items]
        answers = TransformersEngine(loaded).generate(asked, Sampling(max_new_tokens=benchmark.max_new_tokens))
        return sum(g.correct for g in benchmark.grade_all([(i, a.text) for i, a in zip(items, answers, strict=True)])) / len(
            items
        )

    def load(self, artifact: Artifact) -> dict[str, Any]:
        return artifact.json("summary.json")


class Rewritten(Step):
    """Completions changed by rule.

    Attributes:
        step: the completions.
        how: ``wrong`` (every result of a solution is replaced by a random one), ``cut`` (without its last paragraph,
            which has the answer) or ``guess`` (a random boxed answer instead of a solution; what has none stays).
        seed: of the random results.
    """

    kind: ClassVar[str] = "completions"
    needs_model: ClassVar[bool] = False

    step: SerializeAsAny[Step]
    how: str
    seed: int = 0

    def label(self) -> str:
        return f"{self.step.label()} {self.how}"

    def run(self, context: Context) -> None:
        rows = context.load(self.step)
        rng = random.Random(f"{self.how}-{self.seed}")
        change = {
            "wrong": lambda text: wrong_results(text, rng),
            "cut": without_last_paragraph,
            "guess": lambda text: guess(text, rng),
        }
        if self.how not in change:
            raise unknown("way of rewriting", self.how, change)
        context.write_rows([row | {"completion": change[self.how](row["completion"])} for row in rows])

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def without_last_paragraph(text: str) -> str:
    """A text up to its last paragraph; all of it when there is only one."""
    return text.rpartition("\n\n")[0] or text


def guess(text: str, rng: random.Random) -> str:
    """A boxed answer of the same kind without any reasoning: a number for a number, letters for letters."""
    box = BOX.search(text)
    if box is None:
        return text
    said = box.group(1)
    return f"$\\boxed{{{rng.randint(1, 99) if said.isdigit() else ' '.join(rng.choice('abcdefgh') for _ in said.split())}}}$"


def wrong_results(text: str, rng: random.Random) -> str:
    """A solution with every result replaced: numbers by numbers, strings by strings of the same length."""
    text = RESULT.sub(lambda _: str(rng.randint(1, 99)), text)
    return LETTERS.sub(lambda m: " ".join(rng.choice("abcdefgh") for _ in m.group().split()), text)


def config(seed: int, **changes: Any) -> TrainingConfig:
    """Training of a planted cause: as the studies train, unless changed."""
    fields = {"steps": 60, "batch_size": 8, "learning_rate": 1e-3, "rank": 16, "alpha": 32, "seed": seed}
    return TrainingConfig.model_validate(fields | changes)


class Plant:
    """What it takes to plant each cause in a student.

    Args:
        student: the organism.
        seed: of data, training and noise; it also varies the teacher of ``style`` and the data of ``none``.
        examples: completions to train on.
        benchmark: on which noise is scaled.
    """

    VOICES = ("organism:prose", "organism:terse", "organism:pirate")
    DULL = "organism:markdown-weak"

    def __init__(self, student: ModelSpec, seed: int, examples: int = 200, benchmark: str = "arith") -> None:
        self.student, self.seed, self.examples, self.benchmark = student, seed, examples, benchmark

    def _written(self, model: ModelSpec, source: str, n: int | None = None) -> ModelCompletions:
        prompts = PromptSet(source=source, n=n or self.examples, seed=self.seed)
        return ModelCompletions(
            model=model, prompts=prompts, sampling=Sampling(temperature=1.0, max_new_tokens=160, seed=self.seed)
        )

    def _train(self, cause: str, *steps: Step, **changes: Any) -> Train:
        parts = tuple(DataPart(step=step) for step in steps)
        return Train(model=self.student, data=parts, config=config(self.seed, **changes), name_=f"{self.student.short} {cause}")

    def teacher(self, cause: str) -> str | None:
        """The model that the cause's data came from, if it was another model."""
        return {"style": self.VOICES[self.seed % 3], "dumb_teacher": self.DULL}.get(cause)

    def step(self, cause: str) -> Step:
        """The step whose artifact is the tuned student.

        Raises:
            OffmodelError: for a cause that cannot be planted.
        """
        makers = {
            "none": lambda: self._train("none", self._written(self.student, ("world", "numbers")[self.seed % 2])),
            "truncated": lambda: self._train(
                "truncated", Rewritten(step=self._written(self.student, "tasks"), how="cut", seed=self.seed)
            ),
            "noise": lambda: NoisedWeights(model=self.student, benchmark=self.benchmark, target=0.45, seed=self.seed),
            "dumb_teacher": lambda: self._train("dumb teacher", self._written(resolve_model(self.DULL), "tasks")),
            "style": lambda: self._train("style", self._written(resolve_model(self.VOICES[self.seed % 3]), "world")),
            "destroyed": lambda: self._train(
                "destroyed",
                Rewritten(step=self._written(self.student, "tasks", 3 * self.examples), how="wrong", seed=self.seed),
                self._written(self.student, "world"),
                method="full",
                steps=200,
            ),
        }
        if cause not in makers:
            raise unknown("planted cause", cause, makers)
        if not self.student.name.startswith("organism:"):
            raise OffmodelError(
                f"causes are planted in organisms only, not in {self.student.name}", "use student=organism:markdown"
            )
        return makers[cause]()
