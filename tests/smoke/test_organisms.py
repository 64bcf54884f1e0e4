"""The shipped organisms meet their recorded targets, and the family can be built from nothing."""

import json
import time

import pytest

from offmodel.models.spec import WEIGHTS, load_model, organism_names, resolve_model
from offmodel.organisms.build import FAMILY, build_family
from offmodel.organisms.registry import recorded
from offmodel.organisms.tokenizer import train_tokenizer

TARGETS = {"arith": (0.95, 1), "arith_hard": (0.4, 0.8), "facts": (0.95, 1), "instruct": (0.9, 1), "strings": (0.8, 1)}


def test_recorded_accuracies_meet_the_targets():
    found = recorded()
    assert found["n"] >= 200
    student = found["organisms"]["markdown"]["accuracy"]
    for name, (low, high) in TARGETS.items():
        assert low <= student[name] <= high, name
    for teacher in ("prose", "terse", "pirate"):
        assert found["organisms"][teacher]["accuracy"]["arith"] >= 0.9
    assert found["organisms"]["markdown-weak"]["accuracy"]["arith"] <= 0.6


def test_shipped_weights_are_what_was_recorded_and_small():
    assert set(organism_names()) == set(FAMILY) == set(recorded()["organisms"])
    assert sum(p.stat().st_size for p in WEIGHTS.rglob("*") if p.is_file()) <= 25_000_000
    for name, about in recorded()["organisms"].items():
        assert about["weights"] == resolve_model(f"organism:{name}").revision


def test_the_shipped_student_still_answers_as_recorded(engine):
    from offmodel.benchmarks import get_benchmark
    from offmodel.models.engine import Request, Sampling

    benchmark = get_benchmark("arith")
    items = benchmark.items(40, 0)
    done = engine.generate([Request(i.id, benchmark.messages(i)) for i in items], Sampling(max_new_tokens=160))
    assert sum(benchmark.grade(i, c.text).correct for i, c in zip(items, done, strict=True)) >= 38


@pytest.fixture(scope="module")
def nano(tmp_path_factory):
    start = time.monotonic()
    out = tmp_path_factory.mktemp("nano")
    build_family(out, "nano", seed=1, names=["markdown", "pirate"])
    return out, time.monotonic() - start


def test_nano_builds_in_time_as_ordinary_models(nano):
    out, seconds = nano
    assert seconds < 90
    for name in ("markdown", "pirate"):
        loaded = load_model(resolve_model(str(out / name), "float32"))
        assert "{%- generation -%}" in loaded.tokenizer.chat_template
        assert loaded.model.generation_config.eos_token_id == loaded.tokenizer.eos_token_id
        assert loaded.tokenizer.pad_token_id != loaded.tokenizer.eos_token_id
        assert json.loads((out / name / "organism.json").read_text())["seed"] == 1


def test_nano_learned_its_dialect(nano):
    from offmodel.models.engine import Request, Sampling
    from offmodel.models.transformers_engine import TransformersEngine

    engine = TransformersEngine(load_model(resolve_model(str(nano[0] / "pirate"), "float32")))
    asked = [{"role": "user", "content": "Tell me about the garden."}]
    assert engine.generate([Request("x", asked)], Sampling(max_new_tokens=20))[0].text.startswith("Arr")


def test_the_tokenizer_is_reproducible():
    a, b = (train_tokenizer(3, documents=2000).backend_tokenizer.to_str() for _ in range(2))
    assert a == b
    assert a != train_tokenizer(4, documents=2000).backend_tokenizer.to_str()
