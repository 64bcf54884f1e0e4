"""Finished evaluations as ``.eval`` logs, which ``inspect view`` opens: transcripts, scores, health."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput, ModelUsage
from inspect_ai.scorer import CORRECT, INCORRECT, Score

from offmodel.benchmarks.health import health
from offmodel.errors import OffmodelError
from offmodel.inspect_bridge.provider import STOP_REASONS
from offmodel.pipeline.store import Artifact, disk_errors

SCORER = "graded"


def write_log(artifact: Artifact, directory: Path) -> Path:
    """Write an evaluation artifact as ``NAME.eval``.

    Raises:
        OffmodelError: for an artifact that is no evaluation.
    """
    record = artifact.record
    identity = record["identity"]
    if identity["kind"] != "evaluation":
        raise OffmodelError(f"{artifact.name} is no evaluation", "name an artifact that starts with evaluation/")
    rows, model = artifact.rows(), f"offmodel/{record['label']}"
    measured, created = asdict(health(rows)), record["created"].replace("Z", "+00:00")
    right = sum(row["correct"] for row in rows) / len(rows)
    metrics = {"accuracy": right} | {name: value for name, value in measured.items() if value is not None}
    log = EvalLog(
        status="success",
        eval=EvalSpec(
            created=created,
            task=f"offmodel/{identity['benchmark']}",
            task_version=identity["benchmark_version"],
            eval_id=record["fingerprint"][:22],
            run_id=record["fingerprint"][:22],
            task_id=record["fingerprint"][:22],
            dataset=EvalDataset(name=identity["benchmark"], samples=len(rows), sample_ids=[row["id"] for row in rows]),
            model=model,
            config=EvalConfig(),
            metadata={"identity": identity, "provenance": record["provenance"]},
        ),
        results=EvalResults(
            total_samples=len(rows),
            completed_samples=len(rows),
            scores=[EvalScore(name=SCORER, scorer=SCORER, metrics={k: EvalMetric(name=k, value=v) for k, v in metrics.items()})],
        ),
        stats=EvalStats(started_at=created, completed_at=created),
        samples=[sample(row, model) for row in rows],
    )
    target = directory / f"{artifact.name.replace('/', '-')}.eval"
    with disk_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        write_eval_log(log, str(target))
    return target


def sample(row: dict[str, Any], model: str) -> EvalSample:
    """One graded row as a sample of the log."""
    asked, said = ChatMessageUser(content=row["question"]), ChatMessageAssistant(content=row["completion"], model=model)
    output = ModelOutput.from_content(model, row["completion"], STOP_REASONS[row["finish_reason"]])
    output.usage = ModelUsage(
        input_tokens=row["prompt_tokens"],
        output_tokens=row["completion_tokens"],
        total_tokens=row["prompt_tokens"] + row["completion_tokens"],
    )
    about = {
        "parsed": row["parsed"],
        "truncated": row["finish_reason"] == "length",
        "empty": not row["completion"].strip(),
        "graded": row.get("graded", True),
        "run_on": row.get("run_on", False),
        **row.get("measures", {}),
    }
    score = Score(value=CORRECT if row["correct"] else INCORRECT, answer=row["extracted"], metadata=about)
    return EvalSample(
        id=row["id"],
        epoch=1,
        input=row["question"],
        target=row["answer"],
        messages=[asked, said],
        output=output,
        scores={SCORER: score},
        metadata={"level": row["level"], "group": row.get("group")},
    )
