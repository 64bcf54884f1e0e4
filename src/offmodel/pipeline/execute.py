"""Running one step: lock, partial directory, commit; and what a step sees while it runs."""

from __future__ import annotations

import json
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offmodel.pipeline.provenance import provenance
from offmodel.pipeline.step import Step, canonical_json
from offmodel.pipeline.store import Artifact, Store, disk_errors

if TYPE_CHECKING:
    from offmodel.models.spec import LoadedModel, ModelSpec

Progress = Callable[[int, int, str], None]
"""Called with (done, total, unit)."""


class ModelCache:
    """The most recently used models, so that ten evaluations of one model load it once."""

    def __init__(self, size: int = 2) -> None:
        self.size = size
        self._kept: OrderedDict[str, LoadedModel] = OrderedDict()

    def get(self, spec: ModelSpec, store: Store) -> LoadedModel:
        from offmodel.models.spec import load_model

        key = canonical_json(spec)
        if key not in self._kept:
            while len(self._kept) >= self.size:
                self._kept.popitem(last=False)
            self._kept[key] = load_model(spec, store)
        self._kept.move_to_end(key)
        return self._kept[key]


@dataclass
class Context:
    """What a running step may use.

    Attributes:
        store: where its inputs are.
        directory: where it writes its payload; holds what a killed run left when the step is resumable.
        progress: tell people how far it is.
        models: models in memory.
    """

    store: Store
    directory: Path
    progress: Progress = lambda *_: None
    models: ModelCache = field(default_factory=ModelCache)

    def load(self, step: Step) -> Any:
        """The finished result of an input step."""
        return self.store.load(step)

    def model(self, spec: ModelSpec) -> LoadedModel:
        """A model ready to generate; shared, so do not train it."""
        return self.models.get(spec, self.store)

    def tokenizer(self, spec: ModelSpec) -> Any:
        """The model's tokenizer, without its weights where another program than this one holds them."""
        from offmodel.models.spec import load_tokenizer

        return load_tokenizer(spec) if spec.engine == "vllm" else self.model(spec).tokenizer

    def write_rows(self, rows: list[dict[str, Any]], file: str = "rows.jsonl") -> None:
        """Write a JSON-lines payload."""
        with (self.directory / file).open("w", encoding="utf-8") as f:
            f.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def write_json(self, value: Any, file: str) -> None:
        (self.directory / file).write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def execute(step: Step, store: Store, models: ModelCache, progress: Progress = lambda *_: None) -> Artifact:
    """Make a step's artifact, or return it when another process made it meanwhile.

    A kill at any instant leaves either the whole artifact or, under ``.partial``, work that the next
    run continues (resumable steps) or discards.

    Raises:
        OffmodelError: for a full disk and for whatever the step itself finds wrong.
    """
    with disk_errors(store.root), store.lock(step):
        finished = store.get(step)
        if finished is not None:
            return finished
        partial = store.partial(step)
        if partial.exists() and not step.resumable:
            shutil.rmtree(partial)
        partial.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        step.run(Context(store, partial, progress, models))
        artifact = store.commit(step, partial, time.monotonic() - start, provenance())
        return artifact
