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

    wanted: set[str] = set()
    for path in runs.rglob("results.json") if runs.is_dir() else []:
        wanted |= {cell["artifact"] for cell in json.loads(path.read_text(encoding="utf-8")).get("cells", [])}
    for name in keep:
        wanted |= set(plan_study(name, [], "organism", store).cached)
    known = {a.name: a for a in store.artifacts()}
    pending = [name for name in wanted if name in known]
    kept: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in kept:
            kept.add(name)
            pending += [i for i in known[name].record["inputs"] if i in known]
    return [a for name, a in known.items() if name not in kept]
