"""A tuned student that was trained elsewhere, or earlier into this store, taken up as a step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

from offmodel.errors import OffmodelError
from offmodel.models.spec import ModelSpec, resolve_model
from offmodel.organisms.planted import Plant
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step, runtime, sha256_file
from offmodel.pipeline.store import Artifact

WEIGHTS, CONFIG = ("adapter_model.safetensors", "model.safetensors"), "adapter_config.json"


class ImportedAdapter(Step):
    """A copy of a LoRA adapter, or of full weights, that goes on top of ``model``.

    Attributes:
        model: the base.
        checksum: SHA-256 of the weights.
        location: of the directory they are in.
    """

    kind: ClassVar[str] = "adapter"
    needs_model: ClassVar[bool] = False

    model: ModelSpec
    checksum: str
    location: str = runtime("")

    @property
    def below(self) -> ModelSpec:
        """The base."""
        return self.model

    @property
    def lora(self) -> bool:
        """Whether it is a LoRA adapter, which training can continue."""
        return (Path(self.location) / WEIGHTS[0]).is_file()

    def label(self) -> str:
        return f"{self.model.short} with {Path(self.location).name}"

    def run(self, context: Context) -> None:
        for name in (*WEIGHTS, CONFIG):
            if (path := Path(self.location) / name).is_file():
                shutil.copy(path, context.directory)

    def load(self, artifact: Artifact) -> dict[str, Any]:
        return {}


def tuned_model(base: ModelSpec, text: str) -> ModelSpec:
    """The tuned student that a person named.

    Args:
        base: what it was before.
        text: a directory with an adapter or full weights of the base, a whole model, or ``planted:CAUSE[@SEED]`` (an organism
            with a known cause of loss, see `organisms.planted`).

    Raises:
        OffmodelError: when it is none of these, an adapter of another base, or one that needs a further adapter below it.
    """
    if text.startswith("planted:"):
        cause, _, seed = text.removeprefix("planted:").partition("@")
        return base.with_adapter(Plant(base, int(seed) if seed.isdigit() else 0).step(cause))
    directory = Path(text)
    weights = next((directory / name for name in WEIGHTS if (directory / name).is_file()), None)
    if weights is None or (directory / "config.json").is_file():
        return resolve_model(text)
    check_base(directory, base)
    return base.with_adapter(ImportedAdapter(model=base, checksum=sha256_file(weights), location=str(directory.resolve())))


def check_base(directory: Path, base: ModelSpec) -> None:
    """An adapter that says what it was trained on must have been trained on ``base``, and on it alone.

    Raises:
        OffmodelError: names both.
    """
    record, config = read(directory / "record.json"), read(directory / CONFIG)
    trained = record.get("identity", {}).get("model", {})
    if trained and trained["revision"] != base.revision:
        name = trained["name"]
        raise OffmodelError(f"{directory.name} was trained on {name}, not on {base.name}", f"repair {name} instead")
    if trained.get("adapter") and not record["identity"].get("continues"):
        mend = "write it whole with `offmodel export --merge`, and name that directory"
        raise OffmodelError(f"{directory.name} lies on top of another adapter", mend)
    named = str(config.get("base_model_name_or_path") or "")
    if "/" in base.name and "/" in named and not Path(named).exists() and named != base.name:
        raise OffmodelError(f"the adapter in {directory} belongs to {named}, not to {base.name}", f"repair {named} instead")


def read(path: Path) -> dict[str, Any]:
    """A JSON file, or nothing where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
