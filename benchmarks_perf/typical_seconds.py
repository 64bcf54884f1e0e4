"""What steps and studies take with organisms on this machine: the numbers `offmodel plan` reckons with.

    offmodel run battery --store STORE --out OUT      # from an empty store
    .venv/bin/python benchmarks_perf/typical_seconds.py STORE OUT/results.json [other results.json ...]

Writes ``src/offmodel/pipeline/typical.json``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from offmodel.pipeline.estimate import TYPICAL, mean_seconds
from offmodel.pipeline.store import Store


def main(store: str, *results: str) -> None:
    studies = {}
    for path in results:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if found["steps"]["cached"] > found["steps"]["run"]:
            raise SystemExit(f"{path}: most steps were cached, so its seconds say nothing; run into an empty store")
        studies[found["study"]] = {"steps": found["steps"]["run"], "seconds": round(found["seconds"])}
    seconds = {kind: round(took, 2) for kind, took in sorted(mean_seconds(Store(Path(store))).items())}
    TYPICAL.write_text(json.dumps({"cores": os.cpu_count(), "seconds": seconds, "studies": studies}, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
