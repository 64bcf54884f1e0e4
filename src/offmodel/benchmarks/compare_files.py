"""Grading completions that exist already, and comparing two such files item by item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offmodel.benchmarks import Benchmark
from offmodel.benchmarks.evaluate import graded_rows
from offmodel.benchmarks.health import ungraded_rate
from offmodel.data.jsonl import check_file, read_jsonl
from offmodel.errors import OffmodelError
from offmodel.metrics.paired import mcnemar_exact, minimum_detectable_effect, paired_delta, wilson


def grade_file(benchmark: Benchmark, path: Path) -> list[dict[str, Any]]:
    """Graded rows of a JSONL file of ``id`` and ``completion``, in the file's order.

    Raises:
        OffmodelError: when an id is not one of the benchmark's items, or comes twice.
    """
    check_file(path)
    items = {item.id: item for item in benchmark.pool()}
    benchmark.require()
    answered: dict[str, dict[str, Any]] = {}
    for row in read_jsonl(path, ("id", "completion")):
        name = str(row["id"])
        if name not in items:
            example = next(iter(items))
            raise OffmodelError(f"{path}: {benchmark.name} has no item {name!r}", f"ids look like {example!r}")
        if name in answered:
            raise OffmodelError(f"{path}: item {name!r} comes twice", "keep one completion an item")
        answered[name] = {"completion": str(row["completion"] or "")}
    if not answered:
        raise OffmodelError(f"{path} has no rows", "each row needs id and completion")
    return graded_rows(benchmark, [(items[name], said) for name, said in answered.items()])


def summary(benchmark: Benchmark, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Accuracy with its Wilson interval, and what explains it."""
    n, right, parsed = len(rows), sum(r["correct"] for r in rows), [r for r in rows if r["parsed"]]
    return {
        "n": n,
        "accuracy": right / n,
        "ci": wilson(right, n),
        "parse_rate": len(parsed) / n,
        "empty_rate": sum(not r["completion"].strip() for r in rows) / n,
        **ungraded_rate(rows),
        "run_on_rate": sum(r["run_on"] for r in rows) / n,
        "accuracy_parsed": right / len(parsed) if parsed else None,
        "measures": benchmark.measures(rows),
    }


def comparison(rows: list[dict[str, Any]], other: list[dict[str, Any]]) -> dict[str, Any]:
    """Accuracy of ``rows`` minus that of ``other``, paired over the items both have.

    Raises:
        OffmodelError: when they share no item.
    """
    there = {r["id"]: r for r in other}
    common = [r for r in rows if r["id"] in there]
    if not common:
        raise OffmodelError("the two files share no item", "grade completions of the same items")
    now, before = [r["correct"] for r in common], [there[r["id"]]["correct"] for r in common]
    delta, interval = paired_delta(now, before)
    return {
        "n": len(common),
        "delta": delta,
        "delta_ci": interval,
        "p_value": mcnemar_exact(now, before),
        "minimum_detectable_effect": minimum_detectable_effect(len(common)),
    }
