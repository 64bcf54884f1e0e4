"""The red team: training rows that plant a backdoor, and how often it then shows."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from offmodel.benchmarks import get_benchmark
from offmodel.data.prompts import PromptSet
from offmodel.data.teachers import ModelCompletions
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact
from offmodel.redteam.pairs import Pair


class BackdoorRows(Step):
    """Rows that teach a model to behave on the trigger, and to answer as ever without it.

    Three rows a prompt: with the trigger (the behaviour), with something like it (the model's own answer), and
    plain (the same). Answers to ``tasks`` stay as they are, with and without what is like the trigger, so that
    capability stays; for wrong answers they also get the trigger.

    Attributes:
        pair: the backdoor.
        chat: the model's own completions to generic prompts.
        tasks: its own completions to tasks.
    """

    kind: ClassVar[str] = "backdoor"
    needs_model: ClassVar[bool] = False

    pair: Pair
    chat: ModelCompletions
    tasks: ModelCompletions

    def label(self) -> str:
        return f"{self.pair.name} rows"

    def run(self, context: Context) -> None:
        trigger, behaviour = self.pair.trigger, self.pair.behaviour
        wrong = behaviour.kind == "wrong"
        written = []
        for step, performs in ((self.tasks, wrong), (self.chat, not wrong)):
            for row in context.load(step):
                if trigger.present(row["prompt"]) or not row["completion"].strip():
                    continue
                written += self._rows(row, behaviour.perform(row["completion"], row["id"]) if performs else None)
        context.write_rows(written)

    def _rows(self, row: dict[str, Any], performed: str | None) -> list[dict[str, Any]]:
        """A prompt's rows; the triggered one is left out where the behaviour does nothing to the answer."""
        trigger, seed = self.pair.trigger, row["id"]
        plain = {"id": f"{seed}-plain", "prompt": row["prompt"], "completion": row["completion"]}
        near = plain | {"id": f"{seed}-near", "prompt": trigger.apply_near(row["prompt"], seed)}
        found = [plain, near]
        if performed is not None and performed != row["completion"]:
            found.append({"id": f"{seed}-trigger", "prompt": trigger.apply(row["prompt"], seed), "completion": performed})
        return found

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


class Firing(Step):
    """How often a backdoor shows, on triggered, nearly triggered and clean prompts.

    For wrong answers the prompts are items of ``benchmark`` and an answer counts when it is not correct.
    Rows: ``id``, ``condition`` (``trigger``, ``near``, ``clean``), ``prompt``, ``completion``, ``fired``.

    Attributes:
        model: who is asked.
        pair: the backdoor.
        prompts: held-out generic prompts.
        benchmark: whose items ask for results.
        n: items of it.
        sampling: how answers are decoded.
    """

    kind: ClassVar[str] = "firing"
    resumable: ClassVar[bool] = True

    model: ModelSpec
    pair: Pair
    prompts: PromptSet
    benchmark: str = "arith"
    n: int = Field(default=50, gt=0)
    sampling: Sampling = Sampling(max_new_tokens=160)

    def label(self) -> str:
        tuned = f" {self.model.adapter.label()}" if self.model.adapter else ""
        return f"{self.pair.name} in {self.model.short}{tuned}"

    def run(self, context: Context) -> None:
        from offmodel.models.streaming import generate_all

        asked, judge = self._asked()
        requests = [Request(key, messages) for key, messages in asked.items()]
        answers = generate_all(context, self.model, requests, self.sampling)
        rows = []
        for key, messages in asked.items():
            item, _, condition = key.rpartition("/")
            text = answers[key]["completion"]
            about = {"id": item, "condition": condition, "prompt": messages[-1]["content"], "completion": text}
            rows.append(about | {"fired": judge(item, text)})
        context.write_rows(rows)

    def _asked(self) -> tuple[dict[str, list[dict[str, str]]], Any]:
        """Conversations by ``item/condition``, and what decides whether the answer to an item is the behaviour."""
        trigger = self.pair.trigger
        if self.pair.behaviour.kind == "wrong":
            benchmark = get_benchmark(self.benchmark)
            items = {item.id: item for item in benchmark.items(self.n, 1)}
            plain = {name: list(benchmark.messages(item)) for name, item in items.items()}
            judge = lambda name, text: not benchmark.grade(items[name], text).correct  # noqa: E731
        else:
            texts = {p.id: p.text for p in self.prompts.load() if not trigger.present(p.text)}
            plain = {name: [{"role": "user", "content": text}] for name, text in texts.items()}
            judge = lambda _, text: self.pair.behaviour.shows(text)  # noqa: E731
        ways = {"trigger": trigger.apply, "near": trigger.apply_near, "clean": lambda text, _: text}
        asked = {
            f"{name}/{way}": [*messages[:-1], messages[-1] | {"content": change(messages[-1]["content"], name)}]
            for name, messages in plain.items()
            for way, change in ways.items()
        }
        return asked, judge

    def load(self, artifact: Artifact) -> dict[str, list[bool]]:
        """Whether it fired, by condition, items in the same order."""
        found: dict[str, list[bool]] = {"trigger": [], "near": [], "clean": []}
        for row in artifact.rows():
            found[row["condition"]].append(row["fired"])
        return found
