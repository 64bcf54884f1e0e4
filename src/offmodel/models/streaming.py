"""Generation inside a step: finished rows go to disk at once, so a killed run continues where it was."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from offmodel.models.engine import Completion, Request, Sampling
from offmodel.models.engines import engine_for
from offmodel.models.spec import ModelSpec
from offmodel.models.thinking import THOUGHTS, think_and_answer
from offmodel.pipeline.execute import Context

FINISHED = "finished.jsonl"


def generate_rows(
    context: Context, model: ModelSpec, requests: list[Request], sampling: Sampling, file: str = FINISHED
) -> dict[str, dict[str, Any]]:
    """Complete the requests that a killed run has not, and return all rows by request id.

    Each row has ``completion``, ``finish_reason``, ``prompt_tokens`` and ``completion_tokens``, and ``stopped_by``
    where a stop string ended it. Rows are in ``file`` until the caller removes it.
    """
    path = context.directory / file
    rows = read_finished(path)
    left = [r for r in requests if r.id not in rows]
    if left:
        engine = engine_for(model, context.store, context.model)
        with path.open("a", encoding="utf-8") as f:

            def keep(completion: Completion) -> None:
                rows[completion.id] = row = as_row(completion)
                f.write(json.dumps({"id": completion.id} | row, ensure_ascii=False) + "\n")
                f.flush()
                context.progress(len(rows), len(requests), "rows")

            engine.generate(left, sampling, keep)
    return rows


def generate_all(
    context: Context, model: ModelSpec, requests: list[Request], sampling: Sampling, thinking_tokens: int | None = None
) -> dict[str, dict[str, Any]]:
    """What a step keeps of each request, by id; with ``thinking_tokens`` the model thinks first, see `thinking`."""
    if thinking_tokens is None:
        rows = generate_rows(context, model, requests, sampling)
    else:
        rows = think_and_answer(partial(generate_rows, context, model), requests, sampling, thinking_tokens)
    for file in (FINISHED, THOUGHTS):
        (context.directory / file).unlink(missing_ok=True)
    return rows


def as_row(completion: Completion) -> dict[str, Any]:
    stopped = {"stopped_by": completion.stopped_by} if completion.stopped_by else {}
    return stopped | {
        "completion": completion.text,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
    }


def read_finished(path: Path) -> dict[str, dict[str, Any]]:
    """Rows of a partial file by id; a last line cut short by a kill is dropped from the file."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    rows = {}
    for line in whole.split("\n")[:-1]:  # not splitlines: completions may hold U+2028 and its kin
        row = json.loads(line)
        rows[row.pop("id")] = row
    return rows
