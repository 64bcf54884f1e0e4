"""The engine: equal to `generate`, independent of batching, honest about how it ended."""

import threading

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen2Config, Qwen3Config

from offmodel.benchmarks import get_benchmark
from offmodel.errors import OffmodelError
from offmodel.models import chat, decoding, forward, lanes
from offmodel.models import lean as lean_pass
from offmodel.models.engine import Request, Sampling
from offmodel.models.lean import LeanModel, lean_model
from offmodel.models.spec import device_dtype, load_model, resolve_model
from offmodel.models.transformers_engine import TransformersEngine


@pytest.fixture(scope="module")
def requests():
    benchmark = get_benchmark("arith")
    return [Request(i.id, benchmark.messages(i)) for i in benchmark.items(24, 3)]


def test_greedy_equals_generate(engine, student, requests):
    ours = engine.generate(requests, Sampling(max_new_tokens=60))
    for request, completion in zip(requests[:6], ours, strict=False):
        ids = torch.tensor(chat.prompt_ids(student.tokenizer, [request]))
        reference = student.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=60, do_sample=False)
        assert completion.token_ids == reference[0, ids.shape[1] :].tolist()
        assert completion.prompt_tokens == ids.shape[1]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_batch_composition_does_not_matter(student, requests, temperature):
    sampling = Sampling(temperature=temperature, top_p=0.95, max_new_tokens=40, seed=5)
    together = TransformersEngine(student).generate(requests, sampling)
    apart = TransformersEngine(student, batch_tokens=300).generate(requests[::-1], sampling)[::-1]
    assert [c.token_ids for c in together] == [c.token_ids for c in apart]


def test_seeds_give_different_samples(engine, requests):
    def texts(seed):
        prompts = [Request(r.id, [{"role": "user", "content": "Tell me about the garden."}]) for r in requests]
        return [c.text for c in engine.generate(prompts, Sampling(temperature=1, max_new_tokens=40, seed=seed))]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert len(set(texts(1))) > 12


def test_samples_follow_the_distribution():
    logits = torch.tensor([[0.0, 1.0, 2.0]]).expand(20_000, -1)
    draws = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    counts = torch.bincount(decoding.pick(logits, 1.0, 1.0, draws), minlength=3) / 20_000
    assert counts.tolist() == pytest.approx(torch.softmax(logits[0], -1).tolist(), abs=0.015)
    kept = decoding.pick(logits, 1.0, 0.6, draws)
    assert set(kept.tolist()) == {2}, "the nucleus of mass 0.6 is the most likely token alone"


def test_finish_reasons_and_stop_strings(engine):
    request = [Request("a", get_benchmark("arith").messages(get_benchmark("arith").items(1, 0)[0]))]
    assert engine.generate(request, Sampling(max_new_tokens=5))[0].finish_reason == "length"
    whole = engine.generate(request, Sampling(max_new_tokens=160))[0]
    assert whole.finish_reason == "stop"
    assert whole.token_ids[-1] in engine.stop_ids
    cut = engine.generate(request, Sampling(max_new_tokens=160, stop=("Step 1",)))[0]
    assert cut.finish_reason == "stop"
    assert cut.text == whole.text[: whole.text.index("Step 1")]


def test_prefill_is_continued(engine):
    item = get_benchmark("arith").items(1, 0)[0]
    done = engine.generate(
        [Request("a", get_benchmark("arith").messages(item), prefill="Briefly: ")], Sampling(max_new_tokens=60)
    )
    assert done[0].text.rstrip().endswith("}")
    assert "##" not in done[0].text, "the answer goes on in the prefilled voice"


def test_rows_stream_before_the_batch_ends(engine, requests):
    seen = []
    engine.generate(requests, Sampling(max_new_tokens=80), lambda c: seen.append(len(c.token_ids)))
    assert len(seen) == len(requests)
    assert seen[0] < max(seen)


def test_logprobs_are_the_models(engine, student):
    prompt, completion = [2, 50, 60, 70], [80, 90, 100]
    found = engine.logprobs([(prompt, completion), (prompt[:2], completion[:1])])
    with torch.inference_mode():
        logp = torch.log_softmax(student.model(torch.tensor([prompt + completion])).logits[0].float(), -1)
    expected = [logp[3 + i, t].item() for i, t in enumerate(completion)]
    assert found[0] == pytest.approx(expected, abs=1e-4)
    assert len(found[1]) == 1


def test_out_of_memory_halves_the_batch(student, requests, monkeypatch):
    sizes = []
    real = lanes.decode_in_lanes

    def small(forward, rows, *rest):
        sizes.append(len(rows))
        if len(rows) > 6:
            raise torch.OutOfMemoryError("no")
        return real(forward, rows, *rest)

    monkeypatch.setattr("offmodel.models.transformers_engine.decode_in_lanes", small)
    done = TransformersEngine(student).generate(requests, Sampling(max_new_tokens=20))
    assert len(done) == len(requests)
    assert sizes[0] == 24
    assert sizes[-1] <= 6


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_two_lanes_write_what_one_writes(engine, requests, monkeypatch, two_threads):
    alone = engine.generate(requests, Sampling(max_new_tokens=40))
    monkeypatch.setattr(lanes, "LANE_ROWS", 4)
    names = set()
    together = engine.generate(requests, Sampling(max_new_tokens=40), lambda c: names.add(threading.current_thread().name))
    assert [c.token_ids for c in together] == [c.token_ids for c in alone]
    assert len(names) == 2
    assert torch.get_num_threads() == 2


def test_an_error_in_one_lane_stops_the_other(engine, requests, monkeypatch, two_threads):
    monkeypatch.setattr(lanes, "LANE_ROWS", 4)
    done = []

    def full_disk(completion):
        done.append(completion.id)
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        engine.generate(requests, Sampling(max_new_tokens=40), full_disk)
    assert len(done) <= 2


def test_a_prompt_longer_than_the_context_is_reported_and_the_others_are_answered(engine, requests):
    long = Request("long", [{"role": "user", "content": "garden " * 3000}])
    seen = []
    first, over = engine.generate([requests[0], long], Sampling(max_new_tokens=8), seen.append)
    assert (over.finish_reason, over.text, over.token_ids) == ("overflow", "", [])
    assert over.prompt_tokens > 2048
    assert first == engine.generate([requests[0]], Sampling(max_new_tokens=8))[0]
    assert {c.id for c in seen} == {"long", requests[0].id}


@pytest.mark.parametrize("cache", ["in place", "transformers"])
def test_every_forward_pass_writes_the_same(student, requests, monkeypatch, cache):
    lean = TransformersEngine(student)
    assert isinstance(lean.forward, LeanModel)
    expected = lean.generate(requests[:8], Sampling(max_new_tokens=60))
    if cache == "transformers":
        monkeypatch.setattr(forward, "new_cache", lambda model, capacity: forward.DynamicCache(config=model.config))
    monkeypatch.setattr(lean_pass, "lean_model", lambda model: None)
    ordinary = TransformersEngine(student)
    assert isinstance(ordinary.forward, forward.ModelForward)
    assert [c.token_ids for c in ordinary.generate(requests[:8], Sampling(max_new_tokens=60))] == [c.token_ids for c in expected]


SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


@pytest.mark.parametrize(
    ("config", "fits"),
    [
        (LlamaConfig(**SMALL), True),
        (LlamaConfig(**{**SMALL, "num_key_value_heads": 1}), True),
        (LlamaConfig(**{**SMALL, "num_key_value_heads": 4}), True),
        (Qwen3Config(**{**SMALL, "num_attention_heads": 6}, head_dim=12), True),
        (Qwen2Config(**SMALL), True),
        (LlamaConfig(**SMALL, mlp_bias=True), False),
        (GPT2Config(vocab_size=64, n_embd=32, n_layer=2, n_head=4), False),
    ],
)
def test_the_lean_pass_is_used_only_where_it_is_exact(config, fits):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    assert (lean_model(model) is not None) == fits


def test_a_model_that_computes_otherwise_keeps_its_own_pass(student, monkeypatch):
    monkeypatch.setattr(student.model.config, "rms_norm_eps", 0.5)
    assert lean_model(student.model) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("organism:markdwon", "Did you mean 'markdown'"),
        ("markdown", "organism:markdown"),
        ("no/such/place/at/all", "no such file"),
        ("missing.gguf", "no such file"),
    ],
)
def test_unknown_models(text, expected):
    with pytest.raises(OffmodelError, match=expected):
        resolve_model(text)


def test_a_hub_model_without_a_network_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OffmodelError, match="cannot fetch|not in the local cache"):
        resolve_model("some-org/some-model@main")


def test_a_local_directory_is_its_content(tmp_path):
    import shutil
    from pathlib import Path

    source = Path(resolve_model("organism:prose").location)
    for name in ("one", "two"):
        shutil.copytree(source, tmp_path / name)
    one, two = (resolve_model(str(tmp_path / n), "float32") for n in ("one", "two"))
    assert one.revision == two.revision
    assert load_model(one).model.num_parameters() == 1_980_800
    (tmp_path / "two" / "config.json").write_text("{}")


def test_the_precision_can_be_named_so_that_a_store_from_a_gpu_is_found_again(monkeypatch):
    monkeypatch.setenv("OFFMODEL_DTYPE", "bfloat16")
    assert device_dtype() == "bfloat16"
    monkeypatch.setenv("OFFMODEL_DTYPE", "int3")
    with pytest.raises(OffmodelError, match="int3 is no precision.*float32"):
        device_dtype()
