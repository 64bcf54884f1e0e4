"""Every benchmark as an Inspect task: the same items, prompts and grades, from the same definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio import to_thread
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState, generate

from offmodel.benchmarks import BENCHMARKS, Benchmark, Item, get_benchmark


def as_messages(benchmark: Benchmark, item: Item) -> list[ChatMessage]:
    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser}
    return [kinds[m["role"]](content=m["content"]) for m in benchmark.messages(item)]


def benchmark_task(name: str, n: int, seed: int) -> Task:
    """The task of a benchmark's items.

    Args:
        name: as `get_benchmark` takes it, so files of your own too.
        n: how many items; the same ones that a study with this seed asks.
        seed: chooses them.
    """
    benchmark = get_benchmark(name)
    samples = [
        Sample(id=i.id, input=as_messages(benchmark, i), target=i.answer, metadata={"level": i.level, "group": i.group})
        for i in benchmark.items(n, seed)
    ]
    settings = GenerateConfig(temperature=0.0, max_tokens=benchmark.max_new_tokens)
    return Task(dataset=MemoryDataset(samples, name=benchmark.name), solver=generate(), scorer=graded(name), config=settings)


@scorer(metrics=[accuracy(), stderr()])
def graded(benchmark: str) -> Scorer:
    """The benchmark's own grade; metadata tells whether an answer was found and whether the budget ran out."""
    chosen = get_benchmark(benchmark)
    chosen.require()
    items = {item.id: item for item in chosen.pool()}

    async def score(state: TaskState, target: Target) -> Score:
        completion = state.output.completion
        grade = await to_thread.run_sync(chosen.grade, items[str(state.sample_id)], completion)
        about: dict[str, Any] = {"parsed": grade.parsed, "truncated": state.output.stop_reason == "max_tokens", **grade.measures}
        return Score(
            value=CORRECT if grade.correct else INCORRECT,
            answer=grade.extracted,
            metadata=about | {"empty": not completion.strip(), "graded": grade.graded, "run_on": grade.run_on},
        )

    return score


def _define(name: str) -> Callable[..., Task]:
    def define(n: int = 200, seed: int = 0) -> Task:
        return benchmark_task(name, n, seed)

    define.__name__ = name
    define.__doc__ = BENCHMARKS[name].__doc__
    return task(name=name)(define)


TASKS = {name: _define(name) for name in BENCHMARKS}


@task
def file(path: str, n: int = 200, seed: int = 0) -> Task:
    """A benchmark file of your own; ``path`` may carry options, see `offmodel.benchmarks.custom`."""
    return benchmark_task(f"file:{path}", n, seed)
