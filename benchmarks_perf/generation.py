"""Tokens per second of the engine against plain `generate` and lm-evaluation-harness, in one run.

    .venv/bin/pip install lm-eval && .venv/bin/python benchmarks_perf/generation.py [--json]

The same organism and the same 200 arith prompts, greedy, 160 new tokens at most, float32 on the CPU.
Each peer runs at several batch sizes and is credited with its best. Counted are the tokens up to and
including the end of turn: what a peer computes beyond it is its own cost. Five rounds, interleaved,
median; every contender must write the same tokens.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from offmodel.benchmarks import get_benchmark
from offmodel.models import chat
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import load_model, resolve_model
from offmodel.models.transformers_engine import TransformersEngine
from offmodel.pipeline.quiet import quiet_libraries

N, NEW_TOKENS, ROUNDS = 200, 160, 5
PEER_BATCHES = (32, 64, 200)


def requests() -> list[Request]:
    benchmark = get_benchmark("arith")
    return [Request(item.id, benchmark.messages(item)) for item in benchmark.items(N, 0)]


def ours() -> Callable[[], list[list[int]]]:
    engine = TransformersEngine(load_model(resolve_model("organism:markdown")))
    asked = requests()
    return lambda: [c.token_ids for c in engine.generate(asked, Sampling(max_new_tokens=NEW_TOKENS))]


def plain_generate(batch: int) -> Callable[[], list[list[int]]]:
    """`model.generate` on left-padded batches in the order given."""
    location = resolve_model("organism:markdown").location
    tokenizer = AutoTokenizer.from_pretrained(location, padding_side="left")
    model: Any = AutoModelForCausalLM.from_pretrained(location, dtype=torch.float32).eval()
    texts = [chat.prompt_text(tokenizer, r) for r in requests()]

    @torch.inference_mode()
    def run() -> list[list[int]]:
        written: list[list[int]] = []
        for start in range(0, N, batch):
            inputs = tokenizer(texts[start : start + batch], return_tensors="pt", padding=True, add_special_tokens=False)
            inputs.pop("token_type_ids", None)
            out = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)
            written += [until_end(row.tolist(), tokenizer.eos_token_id) for row in out[:, inputs["input_ids"].shape[1] :]]
        return written

    return run


def lm_eval_hf(batch: int) -> Callable[[], list[list[int]]]:
    """lm-evaluation-harness's ``hf`` model through its own ``generate_until``."""
    from lm_eval.api.instance import Instance  # pyright: ignore[reportMissingImports]
    from lm_eval.models import huggingface  # pyright: ignore[reportMissingImports]

    location = resolve_model("organism:markdown").location
    harness: Any = huggingface.HFLM
    model = harness(pretrained=location, device="cpu", dtype="float32", batch_size=batch, max_length=2048)
    tokenizer = model.tokenizer
    options = {"until": ["<|im_end|>"], "max_gen_toks": NEW_TOKENS, "do_sample": False}
    asked = [Instance("generate_until", {}, (chat.prompt_text(tokenizer, r), dict(options)), i) for i, r in enumerate(requests())]

    def run() -> list[list[int]]:
        texts = model.generate_until(asked, disable_tqdm=True)
        return [tokenizer(t, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id] for t in texts]

    return run


def until_end(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end) + 1] if end in tokens else tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    quiet_libraries()
    contenders = {"offmodel": ours()}
    for batch in PEER_BATCHES:
        contenders[f"generate, batch {batch}"] = plain_generate(batch)
        contenders[f"lm-eval hf, batch {batch}"] = lm_eval_hf(batch)
    written = {name: run() for name, run in contenders.items()}  # warm-up, and what each writes
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            start = time.perf_counter()
            tokens = sum(map(len, run()))
            rates[name].append(tokens / (time.perf_counter() - start))
    median = {name: statistics.median(values) for name, values in rates.items()}
    same = {name: sum(a == b for a, b in zip(w, written["offmodel"], strict=True)) for name, w in written.items()}
    if arguments.json:
        print(json.dumps({"tokens_per_second": median, "identical_rows": same, "threads": torch.get_num_threads()}))
        return
    print(f"{torch.get_num_threads()} threads, {N} prompts, {sum(map(len, written['offmodel']))} tokens")
    for name, rate in median.items():
        print(f"{name:24} {rate:8.0f} tok/s   ×{median['offmodel'] / rate:4.2f}   {same[name]}/{N} rows identical")


if __name__ == "__main__":
    main()
