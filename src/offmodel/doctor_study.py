"""The doctor's look at a whole study: its models, and the memory, disk and time that its steps will take."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from offmodel.doctor import GIGA, Check, available_memory, estimate, gpu_memory, parameter_count, template
from offmodel.errors import OffmodelError
from offmodel.models.gguf import cache_directory
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.estimate import estimate as estimate_seconds
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Store
from offmodel.report.terminal import duration
from offmodel.studies.run import Plan, plan_study
from offmodel.training.train_step import Tuning


def of_study(name: str, pairs: list[str], scale: str, store: Store, workers: int) -> Iterator[Check]:
    """What stands between this machine and a study, as far as its plan is known before it runs.

    Args:
        name, pairs, scale: as for `run_study`.
        store: whose results are not run again.
        workers: processes at once, each of which may hold the largest step.
    """
    try:
        plan = plan_study(name, pairs, scale, store)
    except OffmodelError as e:
        yield Check("problem", "study", e.problem, e.mend)
        return
    more = ", more once these are there" if plan.open_ended else ""
    yield Check("ok", "study", f"{len(plan.to_run)} steps to run, {len(plan.cached)} in the store{more}")
    for model in models(plan.to_run.values()):
        yield from of_files(model)
    yield from of_memory(plan, workers)
    yield of_disk(plan, store)
    took = estimate_seconds(plan.to_run, store, workers)
    basis = f" ({', '.join(took.kinds_assumed)} reckoned as organisms on two CPU cores)" if took.kinds_assumed else ""
    yield Check(
        "ok", "time of the study", f"about {duration(took.seconds)} with {workers} worker{'s' if workers > 1 else ''}{basis}"
    )


def models(steps: Iterable[Step]) -> list[ModelSpec]:
    """The models that steps load, each once, without the adapters on them."""
    found = {}
    for step in steps:
        spec = getattr(step, "model", None)
        if isinstance(spec, ModelSpec):
            found.setdefault(spec.revision, spec)
    return list(found.values())


def directory(model: ModelSpec) -> Path | None:
    """Where a model's configuration lies; None for API models and for GGUF files that nothing has opened yet."""
    if model.engine == "api":
        return None
    if model.location.endswith(".gguf"):
        opened = cache_directory() / "dequantised" / model.revision[:16]
        return opened if opened.is_dir() else None
    return Path(model.location)


def of_files(model: ModelSpec) -> Iterator[Check]:
    """A model's template, where there is one to look at; only what is wrong with it."""
    from transformers import AutoTokenizer

    where = directory(model)
    yield Check("ok", "model", f"{model.name} at {model.revision[:12]}")
    if where is not None:
        yield from (check for check in template(AutoTokenizer.from_pretrained(str(where))) if check.state == "problem")


def needs(step: Step) -> float:
    """Bytes that a step's model takes while it runs; 0 for what loads none here."""
    from transformers import AutoConfig

    model = getattr(step, "model", None)
    where = directory(model) if isinstance(model, ModelSpec) else None
    if where is None or not isinstance(model, ModelSpec):
        return 0.0
    config: Any = AutoConfig.from_pretrained(str(where))
    if not isinstance(step, Tuning):
        return estimate(config, model.dtype, 1, 1)["generate"]
    most = estimate(config, model.dtype, step.config.batch_size, step.config.max_length)
    return most["train LoRA" if step.config.method == "lora" else "train all weights"]


def of_memory(plan: Plan, workers: int) -> Iterator[Check]:
    """The largest steps that can run at once, against the memory there is."""
    largest = sorted(((needs(step), step.name()) for step in plan.to_run.values()), reverse=True)[:workers]
    if not largest or not largest[0][0]:
        return
    total, room = sum(size for size, _ in largest), gpu_memory() or available_memory()
    found = f"about {total / GIGA:.1f} of {room / GIGA:.1f} GB for the {len(largest)} largest steps, such as {largest[0][1]}"
    mend = "lower batch_size or max_length, or --workers" if len(largest) > 1 else "lower batch_size or max_length"
    yield Check("ok" if total < room else "problem", "memory of the study", found, mend)


def of_disk(plan: Plan, store: Store) -> Check:
    """The adapters and weights that will be written, against the disk there is."""
    total = sum(written(step) for step in plan.to_run.values() if isinstance(step, Tuning))
    root = next(p for p in (store.root, *store.root.resolve().parents) if p.exists())
    room = shutil.disk_usage(root).free
    found = f"about {total / GIGA:.2g} of {room / GIGA:.1f} GB for trained weights"
    return Check("ok" if total < room else "problem", "disk of the study", found, "keep the store elsewhere: --store DIR")


def written(step: Tuning) -> float:
    """Bytes of a training's artifact."""
    from transformers import AutoConfig

    where = directory(step.model)
    if where is None:
        return 0.0
    config: Any = AutoConfig.from_pretrained(str(where))
    if step.config.method == "full":
        return parameter_count(config) * {"float32": 4, "bfloat16": 2, "float16": 2}[step.model.dtype]
    return 4.0 * parameter_count(config, step.config.rank)
