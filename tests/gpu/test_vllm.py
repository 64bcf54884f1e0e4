"""vLLM on a GPU: adapters served by name on one server, its answers beside transformers', a server that lies."""

import json
import shutil

import pytest

pytest.importorskip("vllm", reason="needs the extra vllm and a GPU")

import torch

from offmodel.benchmarks import get_benchmark
from offmodel.data.prompts import PromptSet
from offmodel.data.teachers import ModelCompletions
from offmodel.errors import OffmodelError
from offmodel.models import vllm_engine
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import load_model, resolve_model
from offmodel.models.transformers_engine import TransformersEngine
from offmodel.models.vllm_engine import VllmEngine
from offmodel.pipeline.execute import ModelCache, execute
from offmodel.pipeline.store import Store
from offmodel.training.train_step import DataPart, Train, TrainingConfig

STUDENT = resolve_model("vllm:organism:markdown", "bfloat16")
GREEDY = Sampling(max_new_tokens=160)
ALIKE = 0.95
"""Share of greedy answers that two programs write token for token the same in float32."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store, and the student after a little prose, after a little pirate, and after all-weight training on prose."""
    store, found = Store(tmp_path_factory.mktemp("vllm") / "store"), []
    for teacher, method in (("prose", "lora"), ("pirate", "lora"), ("prose", "full")):
        prompts = PromptSet(source="world", n=64)
        data = ModelCompletions(model=resolve_model(f"organism:{teacher}"), prompts=prompts, sampling=Sampling())
        config = TrainingConfig(method=method, steps=30, batch_size=8, learning_rate=1e-3 if method == "lora" else 1e-4)
        step = Train(model=STUDENT, data=(DataPart(step=data),), config=config)
        for needed in (data, step):
            execute(needed, store, ModelCache())
        found.append(STUDENT.with_adapter(step))
    return store, found


def arith(n=100):
    benchmark = get_benchmark("arith")
    return [Request(item.id, benchmark.messages(item)) for item in benchmark.items(n, 0)]


def alike(spec, store):
    vllm = VllmEngine(spec, store).generate(arith(), GREEDY)
    plain = TransformersEngine(load_model(spec, store)).generate(arith(), GREEDY)
    return sum(a.text == b.text for a, b in zip(vllm, plain, strict=True)) / len(plain)


def test_vllm_and_transformers_answer_alike(trained):
    store, tuned = trained
    shares = [alike(spec, store) for spec in [resolve_model("vllm:organism:markdown"), STUDENT, *tuned]]
    assert min(shares) >= ALIKE


def test_adapters_share_one_server_and_are_not_the_base(trained):
    store, (prose, pirate, _) = trained
    asked = [Request("a", [{"role": "user", "content": "Tell me about your day."}])]
    texts = [VllmEngine(spec, store).generate(asked, GREEDY)[0].text for spec in (prose, pirate, prose)]
    assert texts[0] == texts[2] != texts[1]
    assert len([path for path, dtype, _ in vllm_engine._servers if dtype == "bfloat16" and path == STUDENT.location]) == 1


def test_log_probabilities_are_the_models(trained):
    """In bfloat16, where a logit near 10 has steps of 0.06, to 0.1; in float32, with the kernels' TF32 products, to 0.02."""
    store, tuned = trained
    pairs = [([2, 50, 60, 70], [80, 90, 100]), ([2, 50], [60])]
    for spec, tolerance in ((resolve_model("vllm:organism:markdown"), 0.02), (tuned[0], 0.1)):
        engine, plain = VllmEngine(spec, store), TransformersEngine(load_model(spec, store))
        for found, expected in zip(engine.logprobs(pairs), plain.logprobs(pairs), strict=True):
            assert found == pytest.approx(expected, abs=tolerance)


def test_an_adapter_that_is_not_served_is_caught(trained, tmp_path):
    """By its own record, and, where it has none, by not differing from the base."""
    from safetensors.torch import load_file, save_file

    store, tuned = trained
    for record in (True, False):
        copy = tmp_path / f"copy{record}"
        shutil.copytree(store.directory(tuned[0].adapter), copy)
        weights = load_file(copy / "adapter_model.safetensors")
        save_file({k: torch.zeros_like(v) for k, v in weights.items()}, copy / "adapter_model.safetensors")
        engine = VllmEngine(tuned[0], store)
        if not record:
            (copy / "training.json").unlink()
        engine.adapter = vllm_engine.lora_request(copy)
        with pytest.raises(OffmodelError, match="it is not served"):
            engine._check(copy)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_write_what_one_writes(trained, monkeypatch):
    store, tuned = trained
    monkeypatch.setenv(vllm_engine.OPTIONS, json.dumps(vllm_engine.options() | {"tensor_parallel_size": 2}))
    vllm_engine.stop_servers()
    assert alike(tuned[0], store) >= ALIKE
