"""The shipped organisms: their recorded evaluation, and building and evaluating them from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from offmodel.benchmarks.evaluate import evaluate
from offmodel.errors import OffmodelError, unknown
from offmodel.models.spec import WEIGHTS, organism_names, resolve_model
from offmodel.pipeline.runner import Runner

RECORD = WEIGHTS / "evaluation.json"
BENCHMARKS = ("arith", "arith_hard", "facts", "instruct", "strings")


def recorded() -> dict[str, Any]:
    """The evaluation kept with the weights: ``n``, and per organism its description and accuracies."""
    if not RECORD.is_file():
        raise OffmodelError("the organisms have no recorded evaluation", "run `offmodel organisms evaluate --record`")
    return json.loads(RECORD.read_text())


def evaluate_all(n: int, runner: Runner, record: bool) -> dict[str, Any]:
    """Evaluate every shipped organism greedily on ``n`` items of each benchmark; optionally keep the result."""
    steps = {name: {b: evaluate(resolve_model(f"organism:{name}"), b, n) for b in BENCHMARKS} for name in organism_names()}
    runner.ensure([step for by_benchmark in steps.values() for step in by_benchmark.values()])
    found: dict[str, Any] = {"n": n, "organisms": {}}
    for name, by_benchmark in steps.items():
        about = json.loads((WEIGHTS / name / "organism.json").read_text())
        about["weights"] = resolve_model(f"organism:{name}").revision
        accuracy = {b: sum(row["correct"] for row in runner.store.load(step)) / n for b, step in by_benchmark.items()}
        found["organisms"][name] = about | {"accuracy": accuracy}
    if record:
        RECORD.write_text(json.dumps(found, indent=1) + "\n")
    return found


def build_with_progress(out: Path, size: str, seed: int, names: list[str] | None, console: Console) -> None:
    """Build organisms, saying how far it is.

    Raises:
        OffmodelError: for an unknown size or organism.
    """
    from offmodel.organisms.build import FAMILY, SIZES, build_family

    if size not in SIZES:
        raise unknown("size", size, SIZES)
    for name in names or []:
        if name not in FAMILY:
            raise unknown("organism", name, FAMILY)

    def progress(stage: str, step: int, steps: int, loss: float) -> None:
        console.print(f"{stage}: {step}/{steps}" + (f", loss {loss:.3f}" if loss else ""), highlight=False)

    build_family(out, size, seed, names, progress=progress)
