"""Rows of an artifact as a data set directory: Parquet, the chat format trainers read, and a card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from offmodel.errors import OffmodelError
from offmodel.pipeline.quiet import quiet_libraries
from offmodel.pipeline.store import Artifact, check_new, disk_errors

CARD = """---
configs:
- config_name: default
  data_files: data.parquet
---

# {name}

{count} rows with {fields}. Written by offmodel; `record.json` holds the identity and provenance.
"""


def export_rows(artifact: Artifact, target: Path) -> Path:
    """Write an artifact's rows for ``datasets.load_dataset``.

    Rows with ``prompt`` and ``completion`` get ``messages`` too, the chat format of supervised fine-tuning.

    Raises:
        OffmodelError: for an artifact without rows, or a target that holds files.
    """
    if "rows.jsonl" not in artifact.record["files"]:
        raise OffmodelError(f"{artifact.name} holds no rows", "name completions or an evaluation")
    check_new(target)
    from datasets import Dataset

    quiet_libraries()
    rows = [row | _messages(row) for row in artifact.rows()]
    with disk_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        Dataset.from_list(rows).to_parquet(str(target / "data.parquet"))
        (target / "record.json").write_text(json.dumps(artifact.record, indent=1), encoding="utf-8")
        card = CARD.format(name=artifact.name, count=len(rows), fields=", ".join(f"`{key}`" for key in rows[0]))
        (target / "README.md").write_text(card, encoding="utf-8")
    return target


def _messages(row: dict[str, Any]) -> dict[str, Any]:
    if not {"prompt", "completion"} <= set(row):
        return {}
    turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
    return {"messages": turns}
