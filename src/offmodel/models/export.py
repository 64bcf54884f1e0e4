"""Trained models as ordinary directories: an adapter for peft and vLLM, or merged weights for transformers.

Each comes with a model card of what it was trained on, how, and what it scored in this store.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from offmodel.benchmarks.health import health
from offmodel.errors import OffmodelError
from offmodel.metrics.paired import paired_delta, wilson
from offmodel.models.spec import LoadedModel, ModelSpec, apply_adapter, load_model, resolve_model
from offmodel.pipeline.store import Artifact, Store, check_new, disk_errors


def export(artifact: Artifact, store: Store, target: Path, merge: bool = False, base_text: str | None = None) -> Path:
    """Write a trained model as a directory that others load.

    Args:
        artifact: an adapter, LoRA or full weights.
        store: where it and its evaluations are.
        target: an empty or new directory.
        merge: write whole weights with the adapter in them; full weights always are whole.
        base_text: where the base is, for one that was a local directory or file.

    Raises:
        OffmodelError: for an artifact that is no trained model, a target that holds files, or a base that is gone.
    """
    if artifact.record["identity"]["kind"] != "adapter":
        raise OffmodelError(f"{artifact.name} is no trained model", "name an artifact that starts with adapter/")
    check_new(target)
    whole = merge or (artifact.directory / "model.safetensors").is_file()
    if not whole and below(artifact, store)[0]:
        raise OffmodelError(f"{artifact.name} lies on top of another adapter", "export whole weights with --merge")
    base = base_model(artifact, store, base_text)
    with disk_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        if whole:
            base.model = apply_adapter(base.model, artifact.directory)
            base.model.save_pretrained(str(target))
        else:
            shutil.copy(artifact.directory / "adapter_model.safetensors", target)
            config = json.loads((artifact.directory / "adapter_config.json").read_text(encoding="utf-8"))
            config["base_model_name_or_path"], config["revision"] = reference(base.spec)
            (target / "adapter_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
        base.tokenizer.save_pretrained(str(target))
        (target / "README.md").write_text(card(artifact, store, base.spec, whole), encoding="utf-8")
    return target


def below(artifact: Artifact, store: Store) -> tuple[list[Artifact], dict[str, Any]]:
    """The adapters an adapter was trained on top of, uppermost first, and the recorded model below them all."""
    layers: list[Artifact] = []
    described = artifact.record["identity"]
    while (lower := described["model"].get("adapter")) is not None:
        found = store.find(lower["fingerprint"][:8])
        if not described.get("continues"):  # a continued adapter holds the training below it already
            layers.append(found)
        described = found.record["identity"]
    return layers, described["model"]


def base_model(artifact: Artifact, store: Store, base_text: str | None = None) -> LoadedModel:
    """The model an adapter goes on top of, loaded; adapters below it are merged in.

    Raises:
        OffmodelError: when the base is not where it was, or not the same any more.
    """
    layers, wanted = below(artifact, store)
    if base_text is None and not wanted["name"].startswith("organism:") and "/" not in wanted["name"]:
        raise OffmodelError(f"{artifact.name} was trained on a local model, {wanted['name']}", "say where it is with --base")
    spec = resolve_model(base_text or recorded_name(wanted), wanted["dtype"])
    if spec.revision != wanted["revision"]:
        raise OffmodelError(f"{spec.name} is not the model that {artifact.name} was trained on", "name that one with --base")
    loaded = load_model(spec)
    for layer in reversed(layers):
        loaded.model = apply_adapter(loaded.model, layer.directory)
    return loaded


def recorded_name(model: dict[str, Any]) -> str:
    """How to name a recorded organism or Hub model so that it is found again."""
    name = model["name"]
    return f"{name}@{model['revision']}" if "/" in name else name


def reference(spec: ModelSpec) -> tuple[str, str | None]:
    """What others call the base: Hub id and commit, or the directory it is in."""
    return (spec.name, spec.revision) if "/" in spec.name else (spec.location, None)


def card(artifact: Artifact, store: Store, base: ModelSpec, whole: bool) -> str:
    """The model card in Markdown."""
    environment = Environment(
        loader=PackageLoader("offmodel.report"), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    record = artifact.record
    return environment.get_template("model_card.md.jinja").render(
        name=artifact.name,
        base=reference(base)[0],
        revision=base.revision,
        whole=whole,
        config=record["identity"].get("config", {}),
        data=record["inputs"],
        training=artifact.json("training.json") if (artifact.directory / "training.json").is_file() else None,
        provenance=record["provenance"],
        scores=scores(artifact, store),
    )


def scores(artifact: Artifact, store: Store) -> list[dict[str, Any]]:
    """What the trained model scored in this store, against its base on the same items where that was measured too."""
    evaluations = [a for a in store.artifacts() if a.record["identity"]["kind"] == "evaluation"]
    fingerprint = artifact.record["fingerprint"]
    bases = {_asked(a): a for a in evaluations if a.record["identity"]["model"].get("adapter") is None}
    found = []
    for tuned in evaluations:
        adapter = tuned.record["identity"]["model"].get("adapter")
        if adapter is None or adapter["fingerprint"] != fingerprint:
            continue
        rows, before = tuned.rows(), bases.get(_asked(tuned))
        right = [bool(r["correct"]) for r in rows]
        score = {"benchmark": tuned.record["identity"]["benchmark"], "n": len(rows), "accuracy": sum(right) / len(rows)}
        score |= {"ci": wilson(sum(right), len(rows)), "truncation_rate": health(rows).truncation_rate}
        score["delta"], score["delta_ci"] = _against(right, before.rows()) if before else (None, None)
        found.append(score)
    return found


def _asked(artifact: Artifact) -> str:
    """Everything about an evaluation but its adapter."""
    identity = artifact.record["identity"]
    return json.dumps(identity | {"model": identity["model"] | {"adapter": None}}, sort_keys=True)


def _against(right: Sequence[bool], base: list[dict[str, Any]]) -> tuple[float, tuple[float, float]]:
    return paired_delta(list(right), [bool(r["correct"]) for r in base])
