"""What model: a spec with a stable identity, and loading it.

organism:markdown                        shipped with the package
org/name, org/name@revision              Hugging Face Hub, pinned to a commit
path/to/directory                        local Hugging Face directory
path/to/model.gguf                       GGUF file, dequantised
api:MODEL, api:MODEL@URL                 an OpenAI-compatible server; to generate only
vllm:ANY OF THE FIRST FOUR               the same model, generating with vLLM
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SerializeAsAny

from offmodel.errors import OffmodelError, unknown
from offmodel.models.aliases import ALIASES, api_base
from offmodel.pipeline.step import Spec, Step, runtime, sha256_file

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from offmodel.pipeline.store import Store

DTYPES = ("float32", "bfloat16", "float16")

WEIGHTS = Path(__file__).parents[1] / "organisms" / "weights"
HUB_ID = re.compile(r"^(?!\.)[\w.-]+/[\w.-]+(@[\w.-]+)?$")


class ModelSpec(Spec):
    """A model to run or train. With an adapter, everything else describes the model below it.

    Attributes:
        name: what people call it; for Hub models the repository id.
        revision: commit of the Hub repository, or the checksum of local files: the identity of the weights.
        dtype: the precision it computes in; decided by the device when resolved.
        engine: what generates with it, ``transformers``, ``vllm`` or ``api``.
        adapter: the step that trained a LoRA adapter or full weights on top of it, if any.
        location: where the files are; not identity.
    """

    name: str
    revision: str
    dtype: str = "float32"
    engine: str = "transformers"
    adapter: SerializeAsAny[Step] | None = None
    location: str = runtime("")

    @property
    def short(self) -> str:
        """The name without its kind or organisation."""
        return self.name.removeprefix("api:").rsplit(":", 1)[-1].rsplit("/", 1)[-1]

    def with_adapter(self, step: Step) -> ModelSpec:
        return self.model_copy(update={"adapter": step})


@dataclass
class LoadedModel:
    """A model in memory with its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    spec: ModelSpec
    added: tuple[tuple[float, PreTrainedModel], ...] = ()
    """Models whose logits count beside the first's, with their weights (see `mitigations.proxy_tuning`)."""


def best_device() -> torch.device:
    """The first GPU when there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_dtype() -> str:
    """bfloat16 on GPUs that compute in it, else float32: CPUs without it are some 30 times slower.

    ``OFFMODEL_DTYPE`` overrules it, so that a store made on a GPU is found again on a machine without one.

    Raises:
        OffmodelError: for any other name in it.
    """
    import torch

    asked = os.environ.get("OFFMODEL_DTYPE", "")
    if asked and asked not in DTYPES:
        raise OffmodelError(f"OFFMODEL_DTYPE={asked} is no precision", f"name one of {', '.join(DTYPES)}")
    if asked:
        return asked
    return "bfloat16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "float32"


def organism_names() -> list[str]:
    return sorted(p.parent.name for p in WEIGHTS.glob("*/config.json"))


def resolve_model(text: str, dtype: str | None = None) -> ModelSpec:
    """Parse what a person wrote into a spec with a pinned identity.

    Raises:
        OffmodelError: for an unknown organism, a missing path, or a Hub model that cannot be reached.
    """
    text = ALIASES.get(text, text)
    if text.startswith("api:"):
        name, _, url = text.partition("@")
        return ModelSpec(name=name, revision=(url or api_base()).rstrip("/"), dtype="", engine="api")
    if text.startswith("vllm:"):
        if find_spec("vllm") is None:
            raise OffmodelError(f"{text} needs vLLM, which is not installed", "install it: pip install 'offmodel[vllm]'")
        return resolve_model(text.removeprefix("vllm:"), dtype).model_copy(update={"engine": "vllm"})
    dtype = dtype or ("float32" if text.startswith("organism:") else device_dtype())
    if text.startswith("organism:"):
        name = text.removeprefix("organism:")
        if name not in organism_names():
            raise unknown("organism", name, organism_names())
        return ModelSpec(name=text, revision=_directory_hash(WEIGHTS / name), dtype=dtype, location=str(WEIGHTS / name))
    path = Path(text).expanduser()
    if path.suffix == ".gguf" and path.is_file():
        return ModelSpec(name=path.stem, revision=sha256_file(path), dtype=dtype, location=str(path.resolve()))
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise OffmodelError(f"{path} holds no config.json", "name a Hugging Face model directory, a .gguf file or a Hub id")
        return ModelSpec(name=path.resolve().name, revision=_directory_hash(path), dtype=dtype, location=str(path.resolve()))
    if HUB_ID.match(text) and path.suffix != ".gguf":
        return _resolve_hub(text, dtype)
    if text in organism_names():
        raise OffmodelError(f"unknown model {text!r}", f"did you mean 'organism:{text}'?")
    raise OffmodelError(
        f"unknown model {text!r}: no such file, directory or Hub id",
        f"write organism:NAME ({', '.join(organism_names())}), org/name@revision, a directory or a .gguf file",
    )


def _resolve_hub(text: str, dtype: str) -> ModelSpec:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    name, _, revision = text.partition("@")
    patterns = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
    try:
        location = Path(snapshot_download(name, revision=revision or None, allow_patterns=patterns))
    except GatedRepoError as e:
        raise OffmodelError(f"{name} is gated on the Hub", "accept its licence there and run `hf auth login`") from e
    except RepositoryNotFoundError as e:
        raise OffmodelError(f"the Hub has no model {name}", "check the spelling, or log in if it is private") from e
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as e:
        raise OffmodelError(
            f"cannot fetch {name} from the Hub and it is not in the local cache ({type(e).__name__})",
            "connect to the network, or name a local directory",
        ) from e
    return ModelSpec(name=name, revision=location.name, dtype=dtype, location=str(location))


@cache
def _directory_hash(directory: Path) -> str:
    """SHA-256 over the names and bytes of the files that decide a model's outputs."""
    digest = hashlib.sha256()
    for path in sorted(directory.iterdir()):
        if path.suffix in (".safetensors", ".jinja", ".bin", ".model") or path.name in (
            "config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "generation_config.json",
        ):
            digest.update(f"{path.name}:{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def load_tokenizer(spec: ModelSpec) -> Any:
    """The tokenizer of the model at the bottom."""
    from transformers import AutoTokenizer

    while spec.adapter is not None:
        spec = spec.adapter.below  # pyright: ignore[reportAttributeAccessIssue]
    return AutoTokenizer.from_pretrained(str(model_directory(spec)))


def model_directory(spec: ModelSpec) -> Path:
    """The Hugging Face directory of a model without adapters; a GGUF file is dequantised into one."""
    from offmodel.models.gguf import dequantised

    path = Path(spec.location)
    return dequantised(path, spec.revision) if path.suffix == ".gguf" else path


def load_model(spec: ModelSpec, store: Store | None = None) -> LoadedModel:
    """Load weights and tokenizer; adapters are merged in, one above the other, and cost nothing at inference.

    Args:
        spec: what to load; GGUF files are dequantised.
        store: where the adapters' artifacts live; needed only with an adapter.

    Raises:
        OffmodelError: when the files cannot be read as a model.
    """
    if spec.engine == "api":
        raise OffmodelError(f"{spec.name} has no weights here", "only teachers and evaluations can be API models")
    if spec.adapter is not None:
        if store is None:
            raise ValueError("a store is needed to load an adapter")
        artifact = store.get(spec.adapter)
        if artifact is None:
            raise OffmodelError(f"the adapter {spec.adapter.name()} is not in the store", "run the study again to train it")
        parent: ModelSpec = spec.adapter.below  # pyright: ignore[reportAttributeAccessIssue]
        below = load_model(parent, store)
        if (artifact.directory / "proxy.json").is_file():
            return proxied(below, spec, store)
        return LoadedModel(apply_adapter(below.model, artifact.directory).eval(), below.tokenizer, spec)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from offmodel.pipeline.quiet import quiet_libraries

    quiet_libraries()
    torch.backends.cuda.enable_cudnn_sdp(False)  # its backward gives NaN at some lengths (pytorch issue 196678)
    path = Path(spec.location)
    try:
        path = model_directory(spec)
        tokenizer = AutoTokenizer.from_pretrained(str(path))
        model: Any = AutoModelForCausalLM.from_pretrained(str(path), dtype=getattr(torch, spec.dtype))
    except (OSError, ValueError, KeyError) as e:
        first = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        raise OffmodelError(f"cannot load the model at {path}: {first}", "check that the download is complete") from e
    return LoadedModel(model.to(best_device()).eval(), tokenizer, spec)


def proxied(below: LoadedModel, spec: ModelSpec, store: Store) -> LoadedModel:
    """A model with the logits of an expert added and those of an anti-expert taken away."""
    proxy: Any = spec.adapter
    expert, anti = load_model(proxy.expert, store).model, load_model(proxy.anti, store).model
    return LoadedModel(below.model, below.tokenizer, spec, ((proxy.alpha, expert), (-proxy.alpha, anti)))


def apply_adapter(model: PreTrainedModel, directory: Path) -> PreTrainedModel:
    """Merge a LoRA adapter, or replace the weights by fully trained ones, from an artifact's directory.

    Raises:
        OffmodelError: when the adapter belongs to another base.
    """
    full = directory / "model.safetensors"
    if full.is_file():
        from safetensors.torch import load_model as load_weights

        load_weights(model, str(full), strict=False)
        return model
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, str(directory)).merge_and_unload()  # pyright: ignore
    except (RuntimeError, ValueError) as e:
        raise OffmodelError(
            f"the adapter at {directory} does not fit this base model ({str(e).splitlines()[0]})",
            "name the base that the adapter was trained on",
        ) from e
