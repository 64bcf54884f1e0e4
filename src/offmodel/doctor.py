"""``offmodel doctor``: is this machine, and this model, ready for a study; what to do where it is not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from offmodel.errors import OffmodelError

EXTRAS = {"api": "openai", "inspect": "inspect_ai"}
PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "datasets")
GIGA = 1e9


@dataclass(frozen=True)
class Check:
    """One line of the diagnosis; ``mend`` says what to do where it is not ``ok``."""

    state: Literal["ok", "note", "problem"]
    what: str
    found: str
    mend: str = ""


def diagnose(model: str | None = None, batch_size: int = 16, max_length: int = 1024) -> list[Check]:
    """Look at the environment and, if named, at a model.

    Args:
        model: as in any study; its weights are not loaded.
        batch_size, max_length: of the training whose memory is estimated.
    """
    checks = [*environment(), *network(), *keys()]
    if model is not None:
        checks += of_model(model, batch_size, max_length)
    return checks


def environment() -> Iterator[Check]:
    """Packages, device, precision, memory, disk."""
    import torch

    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    yield Check("ok", "packages", versions)
    for extra, module in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        found = "installed" if there else "not installed"
        yield Check("ok" if there else "note", f"extra {extra}", found, f"pip install 'offmodel[{extra}]'")
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(i)
            name = torch.cuda.get_device_name(i)
            yield Check("ok", f"GPU {i}", f"{name}, {free / GIGA:.0f} of {total / GIGA:.0f} GB free")
    else:
        mend = "organisms run here in minutes; for models above 0.2 B parameters use a GPU"
        yield Check("note", "GPU", "none", mend)
    from offmodel.models.spec import device_dtype

    yield Check("ok", "precision", device_dtype())
    yield of_wall()
    free, disk = available_memory(), shutil.disk_usage(Path.cwd()).free
    enough = "ok" if free > 3 * GIGA else "problem"
    yield Check(enough, "memory", f"{free / GIGA:.1f} GB free", "the demo needs 3 GB: close programs")
    enough = "ok" if disk > 2 * GIGA else "problem"
    yield Check(enough, "disk", f"{disk / GIGA:.1f} GB free here", "keep the store elsewhere: --store DIR")


def of_wall() -> Check:
    """Which wall stands around programs that models write."""
    from offmodel.benchmarks.graders import wall

    if (reason := wall.missing()) is None:
        return Check("ok", "wall", "bubblewrap: programs that models write run without network, files and privileges")
    if wall.unsafe():
        return Check("note", "wall", f"none, and {wall.UNSAFE}=1: programs that models write run with your rights", reason)
    return Check("note", "wall", f"none: {reason}", "code benchmarks (mbpp, grader=code) are refused without it")


def network() -> Iterator[Check]:
    """The Hub, and local copies of benchmarks."""
    try:
        socket.create_connection(("huggingface.co", 443), timeout=3).close()
        yield Check("ok", "Hub", "reachable")
    except OSError:
        yield Check("note", "Hub", "not reachable", "organisms, local models and OFFMODEL_DATA work without it")
    from huggingface_hub import get_token

    yield Check("ok" if get_token() else "note", "Hub login", "yes" if get_token() else "no", "gated models need `hf auth login`")
    data = os.environ.get("OFFMODEL_DATA")
    if data and not Path(data).is_dir():
        yield Check("problem", "OFFMODEL_DATA", f"{data} is no directory", "name one that holds benchmark files")
    elif data:
        yield Check("ok", "OFFMODEL_DATA", ", ".join(sorted(p.name.split(".")[0] for p in Path(data).glob("*.jsonl*"))))


def keys() -> Iterator[Check]:
    """Which API keys are set; never what they are."""
    from offmodel.models.api_engine import KEYS

    there = [name for name in KEYS if os.environ.get(name)]
    yield Check("ok" if there else "note", "API key", ", ".join(there) or "none", f"API teachers need one of {', '.join(KEYS)}")


def of_model(text: str, batch_size: int, max_length: int) -> Iterator[Check]:
    """A model's files, chat template and memory."""
    from offmodel.models.spec import resolve_model

    try:
        spec = resolve_model(text)
    except OffmodelError as e:
        yield Check("problem", "model", e.problem, e.mend)
        return
    yield Check("ok", "model", f"{spec.name} at {spec.revision[:12]}")
    if spec.engine == "api" or spec.location.endswith(".gguf"):
        yield Check("note", "model files", "not looked into", "name a model directory or Hub id")
        return
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(spec.location)
    yield from template(tokenizer)
    config = AutoConfig.from_pretrained(spec.location)
    yield from memory(config, spec.dtype, batch_size, max_length)


def template(tokenizer: Any) -> Iterator[Check]:
    """What goes wrong with chat templates: none, no end of turn, no prefix, padding that is the end."""
    from offmodel.models.chat import training_example

    marked = "{% generation" in (tokenizer.chat_template or "") or "{%- generation" in (tokenizer.chat_template or "")
    turns = [{"role": "user", "content": "Say something."}, {"role": "assistant", "content": "Something."}]
    try:
        example = training_example(tokenizer, turns, 4096)
    except OffmodelError as e:
        yield Check("problem", "chat template", e.problem, e.mend)
        return
    yield Check("ok", "chat template", "prompt and answer can be told apart")
    if not marked:
        yield Check("note", "generation marker", "none", "not needed here; other trainers' assistant-only loss needs it")
    if tokenizer.eos_token_id in example.labels:
        yield Check("ok", "end of turn", f"{tokenizer.eos_token!r} is trained")
    else:
        mend = "set eos_token to the token that ends an assistant turn"
        yield Check("problem", "end of turn", f"{tokenizer.eos_token!r} does not follow the answer", mend)
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        yield Check("note", "padding", "the padding token is the end of turn", "harmless here: labels are masked by position")


def memory(config: Any, dtype: str, batch_size: int, max_length: int) -> Iterator[Check]:
    """Estimated memory of generating and of LoRA and full training, against what is there."""
    need = estimate(config, dtype, batch_size, max_length)
    room, where = (gpu_memory(), "on the GPU") if gpu_memory() else (available_memory(), "free")
    for what, most in need.items():
        fits = most < room
        mend = "lower batch_size or max_length" if what != "generate" else "use a smaller model or a GPU"
        yield Check(
            "ok" if fits else "problem", f"memory to {what}", f"about {most / GIGA:.1f} of {room / GIGA:.1f} GB {where}", mend
        )


def estimate(config: Any, dtype: str, batch_size: int, max_length: int) -> dict[str, float]:
    """Bytes that a model of this configuration needs, to within a factor of about two.

    Weights; for LoRA the activations of one batch, layer inputs and the logits in float32; for full
    training four more floats a weight (gradient, AdamW's two moments, the float32 copy).
    """
    from offmodel.training.train_step import CHECKPOINTING_PARAMETERS

    parameters = parameter_count(config)
    size = {"float32": 4, "bfloat16": 2, "float16": 2}[dtype]
    text = config.get_text_config()
    tokens, layer = batch_size * max_length, text.hidden_size * 34 * size / 2
    kept = text.num_hidden_layers * text.hidden_size * size + layer if parameters > CHECKPOINTING_PARAMETERS else 0.0
    activations = tokens * ((kept or text.num_hidden_layers * layer) + text.vocab_size * 8)
    weights = parameters * size
    return {
        "generate": weights * 1.3,
        "train LoRA": weights + activations,
        "train all weights": weights + 16 * parameters + activations,
    }


def parameter_count(config: Any, rank: int | None = None) -> int:
    """Parameters of a model of this configuration; with ``rank``, of a LoRA adapter on all its linear layers but the head."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    if rank is None:
        return sum(p.numel() for p in model.parameters())
    linear = [m for name, m in model.named_modules() if isinstance(m, torch.nn.Linear) and not name.endswith("lm_head")]
    return sum(rank * (m.in_features + m.out_features) for m in linear)


def available_memory() -> float:
    """Bytes of memory that programs may still take."""
    try:
        fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return float(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def gpu_memory() -> float:
    """Bytes free on the first GPU; 0 without one."""
    import torch

    return float(torch.cuda.mem_get_info(0)[0]) if torch.cuda.is_available() else 0.0
