"""What the store can lose: artifacts that no report and no kept study refers to."""

from __future__ import annotations

import json
from pathlib import Path

from offmodel.pipeline.store import Artifact, Store


def unreferenced(store: Store, runs: Path, keep: list[str]) -> list[Artifact]:
    """Artifacts that are neither named by a ``results.json`` under ``runs`` nor cached steps of the studies in
    ``keep``, nor inputs of such.

    Args:
        store: where they live.
        runs: a directory of reports, searched to any depth.
        keep: names of studies, taken with their default parameters.
    """
    from offmodel.studies.run import plan_study

    def key(name: str) -> tuple[str, str]:
        return name.split("/")[0], name[-8:]  # kind and hash: labels may have changed

    wanted: set[str] = set()
    for path in runs.rglob("results.json") if runs.is_dir() else []:
        wanted |= {cell["artifact"] for cell in json.loads(path.read_text(encoding="utf-8")).get("cells", [])}
    for name in keep:
        wanted |= {step.name() for step in plan_study(name, [], "organism", store).cached.values()}
    known = {key(a.name): a for a in store.artifacts()}
    pending = [key(name) for name in wanted]
    kept: set[tuple[str, str]] = set()
    while pending:
        found = pending.pop()
        if found in known and found not in kept:
            kept.add(found)
            pending += [key(name) for name in known[found].record["inputs"]]
    return [a for found, a in known.items() if found not in kept]
