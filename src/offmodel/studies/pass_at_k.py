"""pass_at_k (H5): is the ability still there when the model may try many times?

Source: "Why does off-model SFT degrade capabilities?", appendix 1; 2504.13837.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.sampled import SampledEvaluate
from offmodel.metrics.cells import make_cells
from offmodel.metrics.paired import bootstrap_means
from offmodel.metrics.passk import guess_rates, pass_at_k
from offmodel.models.engine import Sampling
from offmodel.models.spec import ModelSpec
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, decide
from offmodel.studies.setup import Setup, SftParams


class PassAtKParams(SftParams):
    """See `SftParams`.

    Attributes:
        samples: answers to each item; the largest k.
        sampled_items: items of the benchmark that are sampled.
        sample_temperature, top_p: of both models alike.
    """

    teachers: tuple[str, ...] = ("organism:pirate",)
    benchmarks: tuple[str, ...] = ("arith_hard",)
    samples: int = Field(default=64, gt=1)
    sampled_items: int = Field(default=40, gt=1)
    sample_temperature: float = Field(default=0.6, gt=0)
    top_p: float = Field(default=0.95, gt=0, le=1)


class PassAtK(Study):
    name = "pass_at_k"
    question = "Does the gap to the base close when both may try many times?"
    params = PassAtKParams

    def build(self, params: PassAtKParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        base = setup.base_arm(benchmarks=(main,))
        arms = {name: setup.tuned_arm(setup.train(name), name, benchmarks=(main,)) for name in setup.off_model()}
        models = {"base": setup.student} | {n: setup.student.with_adapter(setup.train(n)) for n in arms}
        sampled = {name: samples(params, model, main) for name, model in models.items()}
        yield [*sampled.values(), *(e for arm in [base, *arms.values()] for e in arm.evaluations.values())]
        ks = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if k <= params.samples]
        by_item = {name: per_item(load(step), ks) for name, step in sampled.items()}
        rows = []
        for name, values in by_item.items():
            means = bootstrap_means(values)
            low, high = np.quantile(means, (0.025, 0.975), axis=0)
            for i, k in enumerate(ks):
                about = {"x": k, "series": name, "panel": main, "low": round(float(low[i]), 4), "high": round(float(high[i]), 4)}
                rows.append({"y": round(float(values[:, i].mean()), 4)} | about)
        guessed = guess_curve(load(sampled["base"]), ks)
        rows += [{"x": k, "y": round(g, 4), "series": "guessing", "panel": main} for k, g in zip(ks, guessed, strict=True)]
        findings = [f for name in arms for f in judge(name, by_item, ks, main)]
        caption = f"pass@k on {main}, unbiased, T = {params.sample_temperature:g} for both; guessing: answers to other items."
        plot = Plot("pass-at-k", "lines", caption, "k", "pass@k", rows, page="pass@k")
        return StudyResult([base, *arms.values()], make_cells(base, list(arms.values()), load), findings, [plot])


def samples(params: PassAtKParams, model: ModelSpec, name: str) -> SampledEvaluate:
    """Sampled answers of a model to the items."""
    benchmark = get_benchmark(name)
    return SampledEvaluate(
        model=model,
        benchmark=benchmark.name,
        benchmark_version=benchmark.version,
        benchmark_data=benchmark.fingerprint,
        n=min(params.sampled_items, params.n),
        seed=params.seed,
        samples=params.samples,
        sampling=Sampling(
            temperature=params.sample_temperature,
            top_p=params.top_p,
            max_new_tokens=params.answer_tokens or benchmark.max_new_tokens,
            seed=params.seed,
        ),
        location="" if benchmark.name == name else name,
    )


def grouped(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The samples of each item."""
    items: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        items.setdefault(row["id"], []).append(row)
    return items


def per_item(rows: list[dict[str, Any]], ks: list[int]) -> np.ndarray:
    """pass@k of every item, shape (items, ks)."""
    counts = [(len(found), sum(r["correct"] for r in found)) for found in grouped(rows).values()]
    return np.array([[pass_at_k(n, c, k) for k in ks] for n, c in counts])


def guess_curve(rows: list[dict[str, Any]], ks: list[int]) -> list[float]:
    """What repeating answers to other items would reach at each k."""
    items = list(grouped(rows).values())
    rates = guess_rates([found[0]["answer"] for found in items], [[str(r["extracted"]) for r in found] for found in items])
    return [float((1 - (1 - rates) ** k).mean()) for k in ks]


def judge(name: str, by_item: dict[str, np.ndarray], ks: list[int], main: str) -> list[Finding]:
    """Whether the gap narrows, and whether it closes."""
    gap = by_item["base"] - by_item[name]
    means = bootstrap_means(np.stack([gap[:, 0], gap[:, -1], gap[:, 0] - gap[:, -1]], 1))
    first, last, narrowed = [tuple(round(float(q), 4) for q in np.quantile(means[:, i], (0.025, 0.975))) for i in range(3)]
    k = ks[-1]
    statistic = {"gap_at_1": first, f"gap_at_{k}": last, "narrowed_by": narrowed}
    return [
        Finding(
            claim=f"After {name}, the gap to the base on {main} narrows from k = 1 to k = {k}",
            rule="supported: the interval of (gap at 1 − gap at the largest k) lies above 0; against: it lies below 0",
            verdict=decide(narrowed, (1e-9, 2), (-2, -1e-9)),  # pyright: ignore[reportArgumentType]
            statistic=statistic,
            hypothesis="H5",
            speaks="against",
        ),
        Finding(
            claim=f"After {name}, the gap on {main} is closed at k = {k}",
            rule="supported: the interval of the gap lies below 0.05; against: it lies above 0.05",
            verdict=decide(last, (-1, 0.05), (0.05, 1)),  # pyright: ignore[reportArgumentType]
            statistic=statistic,
            hypothesis="H5",
            speaks="against",
        ),
    ]
