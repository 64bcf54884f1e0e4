"""One protocol, every engine that can be installed: the lean pass, the modelling code, an API server, vLLM on a GPU."""

from importlib.util import find_spec

import pytest

from offmodel.models.api_engine import ApiEngine
from offmodel.models.engine import Request, Sampling
from offmodel.models.engines import engine_for
from offmodel.models.forward import ModelForward
from offmodel.models.spec import load_model, resolve_model
from offmodel.models.transformers_engine import TransformersEngine

PROSE = resolve_model("organism:prose")
ASKED = ["Tell me about your day.", "Write about a garden.", "What do you like?", "Describe a river."]
GREEDY = Sampling(max_new_tokens=24)


@pytest.fixture(scope="module")
def loaded():
    return load_model(PROSE)


@pytest.fixture(params=["lean", "modelling code", "api", "vllm"])
def any_engine(request, loaded, monkeypatch):
    """Each engine with the same organism in it."""
    if request.param == "api":
        port = request.getfixturevalue("served")
        monkeypatch.setenv("OFFMODEL_API_KEY", "none")
        return ApiEngine(resolve_model(f"api:{PROSE.location}@http://127.0.0.1:{port}/v1"), concurrency=2, timeout=60.0)
    if request.param == "vllm":
        if find_spec("vllm") is None:
            pytest.skip("needs the extra vllm and a GPU")
        return engine_for(resolve_model(f"vllm:{PROSE.name}"), None, load_model)
    engine = TransformersEngine(loaded)
    if request.param == "modelling code":
        engine.forward = ModelForward(loaded.model)
    return engine


def asked(texts=ASKED):
    return [Request(f"r{i}", [{"role": "user", "content": text}]) for i, text in enumerate(texts)]


def test_completions_come_in_order_and_each_is_handed_over_once(any_engine):
    seen = []
    done = any_engine.generate(asked(), GREEDY, seen.append)
    assert [c.id for c in done] == ["r0", "r1", "r2", "r3"]
    assert sorted(c.id for c in seen) == ["r0", "r1", "r2", "r3"]
    assert all(c.prompt_tokens > 0 for c in done)


def test_the_budget_and_the_end_of_turn_are_told_apart(any_engine):
    cut = any_engine.generate(asked(), Sampling(max_new_tokens=3))
    assert {(c.finish_reason, c.completion_tokens) for c in cut} == {("length", 3)}
    whole = any_engine.generate(asked(), Sampling(max_new_tokens=400))
    assert {c.finish_reason for c in whole} == {"stop"}
    assert all(a.text.startswith(b.text) for a, b in zip(whole, cut, strict=True))


def test_a_greedy_completion_does_not_depend_on_its_company(any_engine):
    together = any_engine.generate(asked(), GREEDY)
    alone = [any_engine.generate([request], GREEDY)[0] for request in asked()]
    assert [c.text for c in together] == [c.text for c in alone]


def test_engines_write_the_same_on_greedy_outputs(any_engine, loaded):
    """Tolerance: none, in float32 on one machine."""
    lean = TransformersEngine(loaded).generate(asked(), GREEDY)
    assert [c.text for c in any_engine.generate(asked(), GREEDY)] == [c.text for c in lean]


def test_a_stop_string_ends_the_completion_before_it(any_engine):
    whole = any_engine.generate(asked(), Sampling(max_new_tokens=60))[0].text
    word = whole.split()[3]
    stopped = any_engine.generate(asked(), Sampling(max_new_tokens=60, stop=(word,)))[0]
    assert word not in stopped.text
    assert whole.startswith(stopped.text)
