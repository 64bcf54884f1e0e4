"""Teachers without a key or a GPU: the outputs that the AlpacaEval leaderboard publishes for more than 200 models."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from offmodel.data.jsonl import read_jsonl
from offmodel.errors import OffmodelError
from offmodel.models.gguf import cache_directory

BASE = "https://raw.githubusercontent.com/tatsu-lab/alpaca_eval/cd543a149df89434d8a54582c0151c0b945c3d20/results"
REFERENCE = "gpt4_1106_preview"
"""Whose file the prompts are read from: the leaderboard's own reference model."""
NAME = re.compile(r"^[\w.+-]+$")


def outputs_file(name: str) -> Path:
    """A JSONL file of ``id`` (position), ``instruction`` and ``output``; fetched once, then read from the cache.

    ``OFFMODEL_LEADERBOARD`` names another base URL of ``NAME/model_outputs.json`` files.

    Raises:
        OffmodelError: when there is no such model, or neither a network nor a cached file.
    """
    if not NAME.match(name):
        raise OffmodelError(f"{name!r} is not a name on the AlpacaEval leaderboard", "write it as its directory is called")
    path = cache_directory() / "leaderboard" / f"{name}.jsonl"
    if not path.is_file():
        rows = _fetch(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with partial.open("w", encoding="utf-8") as f:
            for i, row in enumerate(rows):
                kept = {"id": i, "instruction": row["instruction"], "output": row["output"]}
                f.write(json.dumps(kept, ensure_ascii=False) + "\n")
        partial.replace(path)
    return path


def _fetch(name: str) -> list[dict[str, Any]]:
    url = f"{os.environ.get('OFFMODEL_LEADERBOARD', BASE).rstrip('/')}/{name}/model_outputs.json"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            rows = json.load(answer)
    except urllib.error.HTTPError as e:
        if e.code == 404:
            raise OffmodelError(f"the leaderboard has no model {name!r}", "see the names in its results directory") from e
        raise OffmodelError(f"{url} answers {e.code}", "try again later") from e
    except (OSError, ValueError) as e:
        raise OffmodelError(f"cannot fetch {url} ({type(e).__name__})", "go online once, or use file:PATH") from e
    complete = isinstance(rows, list) and rows and all(isinstance(r, dict) and {"instruction", "output"} <= set(r) for r in rows)
    if not complete:
        raise OffmodelError(f"{url} is not a list of instructions and outputs", "check OFFMODEL_LEADERBOARD")
    return rows


def prompts() -> list[tuple[str, str]]:
    """(id, text) of the leaderboard's 805 prompts; read from ``OFFMODEL_DATA`` where it has them."""
    directory = os.environ.get("OFFMODEL_DATA")
    for name in ("alpaca_eval_prompts.jsonl.gz", "alpaca_eval_prompts.jsonl") if directory else ():
        path = Path(directory or "") / name
        if path.is_file():
            return [(str(row["id"]), row["instruction"]) for row in read_jsonl(path, ("id", "instruction"))]
    return [(str(row["id"]), row["instruction"]) for row in read_jsonl(outputs_file(REFERENCE), ("id", "instruction"))]
