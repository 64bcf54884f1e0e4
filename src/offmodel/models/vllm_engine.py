"""The vLLM engine: one server of a base model in this process, LoRA adapters served by name on top of it.

``vllm:MODEL`` names a model that generates with it. What vLLM needs to know of the machine and what
changes no number (memory, tensor parallelism, eager mode) comes from ``OFFMODEL_VLLM``, a JSON object of
arguments of ``vllm.LLM``, such as ``{"tensor_parallel_size": 2, "gpu_memory_utilization": 0.8}``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Sequence
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from filelock import FileLock

from offmodel.errors import OffmodelError
from offmodel.models import chat
from offmodel.models.checks import check_served
from offmodel.models.engine import Completion, Request, Sampling
from offmodel.models.gguf import cache_directory
from offmodel.models.spec import ModelSpec, load_model, model_directory
from offmodel.pipeline.step import canonical_json
from offmodel.pipeline.store import Store

OPTIONS = "OFFMODEL_VLLM"
MEMORY_SHARE = 0.5
"""Of the GPU's memory for weights and cache, so that a training in the same process has room."""
USUAL_RANK = 32
"""Room for adapters in a server that a base starts, so that those it is asked for next need no other."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Adapter ranks that vLLM can make room for."""

UNTRAINED_TEXT = "An adapter changes the probability of any text a little, this one among them."

_names = itertools.count()
_servers: dict[tuple[str, str, int], Any] = {}
_adapter_numbers: dict[str, int] = {}


class VllmEngine:
    """Generates with a model, or with its LoRA adapter, on a vLLM server that lives as long as the process.

    Args:
        spec: what to run. One LoRA adapter on a plain base is served by name beside the base; anything
            else (stacked adapters, full weights) is merged into a directory of its own first.
        store: where adapters are.

    Raises:
        OffmodelError: when vLLM is not installed or cannot serve the model, or when the served adapter is
            not what was trained.
    """

    def __init__(self, spec: ModelSpec, store: Store | None = None) -> None:
        from transformers import AutoTokenizer, GenerationConfig

        base, adapter = served_parts(spec, store)
        path = whole_model(base, store)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(str(path))
        configured = GenerationConfig.from_pretrained(str(path)) if (path / "generation_config.json").is_file() else None
        self.stop_ids = chat.stop_token_ids(self.tokenizer, configured)
        self.server = server(path, spec.dtype, lora_rank(adapter) if adapter else USUAL_RANK)
        self.context: int = self.server.llm_engine.model_config.max_model_len
        self.adapter = lora_request(adapter) if adapter else None
        if adapter:
            self._check(adapter)

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, on_done: Callable[[Completion], None] | None = None
    ) -> list[Completion]:
        """See `Engine.generate`; greedy outputs differ from other engines' only where two tokens are nearly tied."""
        prompts = chat.prompt_ids(self.tokenizer, requests)
        done: dict[int, Completion] = {}

        def finish(index: int, completion: Completion) -> None:
            done[index] = completion
            if on_done:
                on_done(completion)

        asked = {}
        for i, (request, prompt) in enumerate(zip(requests, prompts, strict=True)):
            budget = min(request.max_new_tokens or sampling.max_new_tokens, self.context - len(prompt))
            if budget > 0:
                asked[i] = (prompt, self._params(request, sampling, budget))
            else:
                finish(i, Completion(request.id, "", [], "overflow", len(prompt)))
        self._run(asked, lambda i, output: finish(i, self._completion(requests[i], prompts[i], output)))
        return [done[i] for i in range(len(requests))]

    def logprobs(self, sequences: Sequence[tuple[list[int], list[int]]]) -> list[list[float]]:
        """See `Engine.logprobs`."""
        whole = self._score([prompt + completion for prompt, completion in sequences])
        return [values[len(prompt) - 1 :] for (prompt, _), values in zip(sequences, whole, strict=True)]

    def _params(self, request: Request, sampling: Sampling, budget: int) -> Any:
        from vllm import SamplingParams  # pyright: ignore[reportMissingImports]

        digest = hashlib.sha256(f"{sampling.seed}\0{request.id}".encode()).digest()
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=budget,
            stop=list(sampling.stop),
            stop_token_ids=sorted(self.stop_ids),
            seed=int.from_bytes(digest[:4], "little"),
        )

    def _completion(self, request: Request, prompt: list[int], output: Any) -> Completion:
        written = output.outputs[0]
        stopped = written.stop_reason if isinstance(written.stop_reason, str) else ""
        return Completion(request.id, written.text, list(written.token_ids), written.finish_reason, len(prompt), stopped)

    def _check(self, adapter: Path) -> None:
        """What is served is the adapter: by what its training recorded of itself, else by not being the base."""
        summary = adapter / "training.json"
        probe = json.loads(summary.read_text()).get("probe") if summary.is_file() else None
        ids = probe["ids"] if probe else self.tokenizer(UNTRAINED_TEXT)["input_ids"]
        before = probe["before"] if probe else self._score([ids], base=True)[0]
        check_served(adapter.name, self._score([ids])[0], before, probe["after"] if probe else None)

    def _score(self, sequences: list[list[int]], base: bool = False) -> list[list[float]]:
        """Log-probability of each token after the first."""
        from vllm import SamplingParams  # pyright: ignore[reportMissingImports]

        found: dict[int, list[float]] = {}

        def keep(index: int, output: Any) -> None:
            ids = sequences[index]
            found[index] = [places[token].logprob for places, token in zip(output.prompt_logprobs[1:], ids[1:], strict=True)]

        asked = {i: (ids, SamplingParams(max_tokens=1, prompt_logprobs=0)) for i, ids in enumerate(sequences)}
        self._run(asked, keep, base)
        return [found[i] for i in range(len(sequences))]

    def _run(self, asked: dict[int, tuple[list[int], Any]], on_output: Callable[[int, Any], None], base: bool = False) -> None:
        """Run prompts by number; each output is handed over as soon as it is finished."""
        from vllm.inputs import tokens_input  # pyright: ignore[reportMissingImports]
        from vllm.sampling_params import RequestOutputKind  # pyright: ignore[reportMissingImports]

        engine, numbers = self.server.llm_engine, dict[str, int]()
        try:
            for i, (prompt, params) in asked.items():
                params.output_kind = RequestOutputKind.FINAL_ONLY
                name = f"request-{next(_names)}"
                engine.add_request(name, tokens_input(prompt), params, lora_request=None if base else self.adapter)
                numbers[name] = i
            while numbers:
                for output in engine.step():
                    if output.finished and output.request_id in numbers:
                        on_output(numbers.pop(output.request_id), output)
        finally:
            if numbers:  # an error or Ctrl-C: the server outlives this call
                engine.abort_request(list(numbers))


def served_parts(spec: ModelSpec, store: Store | None) -> tuple[ModelSpec, Path | None]:
    """The model to start a server of, and the directory of the one LoRA adapter to serve on it."""
    below = getattr(spec.adapter, "below", None)
    if store is None or below is None or below.adapter is not None or spec.dtype == "float32":
        return spec, None  # its adapter kernels compute in 16 bits only
    artifact = store.directory(spec.adapter)  # pyright: ignore[reportArgumentType]
    return (below, artifact) if (artifact / "adapter_config.json").is_file() else (spec, None)


def whole_model(spec: ModelSpec, store: Store | None) -> Path:
    """A Hugging Face directory of the model: its own, or one with its adapters merged in, made once."""
    if spec.adapter is None:
        return model_directory(spec)
    name = hashlib.sha256(canonical_json(spec).encode()).hexdigest()[:16]
    target = cache_directory() / "merged" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.is_dir():
            loaded = load_model(spec, store)
            partial = target.with_suffix(".partial")
            loaded.model.save_pretrained(partial)
            loaded.tokenizer.save_pretrained(partial)
            os.replace(partial, target)
    return target


def options() -> dict[str, Any]:
    """Arguments of ``vllm.LLM`` that the person set.

    Raises:
        OffmodelError: when they are not a JSON object.
    """
    text = os.environ.get(OPTIONS, "{}")
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise OffmodelError(f"{OPTIONS}={text} is not a JSON object", f"write e.g. {OPTIONS}='{{\"tensor_parallel_size\": 2}}'")
    return found


def server(path: Path, dtype: str, rank: int) -> Any:
    """The running server of a model, started when it is first asked for, with room for adapters of a rank."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    try:
        from vllm import LLM  # pyright: ignore[reportMissingImports]
    except ImportError as e:
        raise OffmodelError(f"vLLM cannot be imported ({e})", "install it: pip install 'offmodel[vllm]'") from e
    room = next((r for r in RANKS if r >= rank), RANKS[-1])
    running = next((s for (p, d, r), s in _servers.items() if (p, d) == (str(path), dtype) and r >= room), None)
    if running is None:
        stop_servers()
        arguments: dict[str, Any] = {"gpu_memory_utilization": MEMORY_SHARE, "seed": 0, "use_tqdm_on_load": False}
        if dtype != "float32":
            arguments |= {"enable_lora": True, "max_lora_rank": room, "max_loras": 1}
        try:
            running = LLM(model=str(path), dtype=dtype, **(arguments | options()))  # pyright: ignore[reportArgumentType]
        except (ValueError, RuntimeError, TypeError) as e:
            first = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
            mend = f"set {OPTIONS}, or leave out vllm: to use transformers"
            raise OffmodelError(f"vLLM cannot serve {path.name}: {first}", mend) from e
        if not _servers:  # a worker process waits for its children at its end, and these wait to be told
            Finalize(None, stop_servers, exitpriority=100)
        _servers[str(path), dtype, room] = running
    return running


def stop_servers() -> None:
    """End what runs: two servers in one process would share out the GPU's memory between them."""
    while _servers:
        _servers.popitem()[1].llm_engine.engine_core.shutdown()


def lora_rank(adapter: Path) -> int:
    return json.loads((adapter / "adapter_config.json").read_text())["r"]


def lora_request(adapter: Path) -> Any:
    """The adapter under its name and a number of its own; vLLM loads it when it is first asked for."""
    from vllm.lora.request import LoRARequest  # pyright: ignore[reportMissingImports]

    name = str(adapter.resolve())
    return LoRARequest(adapter.name, _adapter_numbers.setdefault(name, len(_adapter_numbers) + 1), name)
