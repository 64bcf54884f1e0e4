"""Prompts: what is shipped, what filters drop, what the leaderboard gives."""

import functools
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from offmodel.data import leaderboard
from offmodel.data.filters import apply, looks_like_math, parse_filter
from offmodel.data.prompts import prompt_set
from offmodel.errors import OffmodelError
from offmodel.studies.degradation import DegradationParams
from offmodel.studies.setup import Setup


def test_the_shipped_prompts_are_three_hundred_and_none_is_mathematics():
    prompts = prompt_set("generic", 300, rules=("no_math",)).load()
    assert len({p.text for p in prompts}) == 300


def test_slices_of_equal_seed_are_disjoint():
    first, second = prompt_set("generic", 100, seed=1).load(), prompt_set("generic", 200, seed=1, skip=100).load()
    assert not {p.id for p in first} & {p.id for p in second}


@pytest.mark.parametrize(
    "text",
    [
        "What is 12 * 7?",
        "Calculate the area of a circle with radius 3.",
        "Find the square root of 81",
        "Solve the equation x + 2 = 5.",
        "What is 15 percent of 80?",
        "Simplify \\frac{4}{8}.",
        "Convert 20 kilometres to miles",
    ],
)
def test_mathematics_is_recognised(text):
    assert looks_like_math(text)


@pytest.mark.parametrize("text", ["Explain the rules of chess.", "Who won the 1998 World Cup?", "Summarise this in 3 sentences."])
def test_other_prompts_are_not(text):
    assert not looks_like_math(text)


def test_filters_say_what_they_dropped():
    prompts = [("a", "Tell me a story about a fox."), ("b", "What is 2 + 2?"), ("c", "Hi")]
    kept, dropped = apply(("no_math", "words:2-50"), prompts)
    assert kept == [prompts[0]]
    assert [(d.rule, d.text) for d in dropped] == [("no_math", "What is 2 + 2?"), ("words:2-50", "Hi")]


def test_prompts_that_overlap_with_a_benchmark_are_dropped(tmp_path):
    question = "A baker has nine trays of warm rolls and sells two of them before noon"
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps({"question": question, "answer": "7"}) + "\n")
    rule = parse_filter(f"unlike:file:{items}")
    assert not rule(f"Consider this. {question}. What now?")
    assert rule("A baker has nine trays. What does she do before noon?")


@pytest.mark.parametrize(("name", "says"), [("no_meth", "no_math"), ("words:9", "no range"), ("unlike:matn500", "math500")])
def test_unknown_filters(name, says):
    with pytest.raises(OffmodelError, match=says):
        parse_filter(name)


@pytest.fixture
def board(tmp_path, monkeypatch):
    """A real HTTP server of leaderboard files."""
    for name in ("tiny-model", leaderboard.REFERENCE):
        (tmp_path / "results" / name).mkdir(parents=True)
        rows = [{"instruction": f"Say {i}.", "output": f"{name} says {i}" if i != 2 else "", "generator": name} for i in range(6)]
        (tmp_path / "results" / name / "model_outputs.json").write_text(json.dumps(rows))
    (tmp_path / "results" / "broken").mkdir()
    (tmp_path / "results" / "broken" / "model_outputs.json").write_text('{"detail": "no list"}')
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "results"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OFFMODEL_LEADERBOARD", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("OFFMODEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OFFMODEL_DATA", raising=False)
    yield server
    server.shutdown()


def test_the_leaderboard_is_a_library_of_teachers(board):
    params = {"teachers": ("leaderboard:tiny-model", "self"), "prompts": "alpaca_eval", "examples": 5, "benchmarks": ("facts",)}
    setup = Setup(DegradationParams(**params))
    step = setup.completions("leaderboard:tiny-model")
    assert step.teacher == "tiny-model"
    assert [p.text for p in step.prompts.load()] == [p.text for p in setup.own(5).prompts.load()]
    board.shutdown()
    assert setup.completions("leaderboard:tiny-model").checksum == step.checksum, "the second time it comes from the cache"
    with pytest.raises(OffmodelError, match="prompts=alpaca_eval"):
        Setup(DegradationParams(**params | {"prompts": "world"})).completions("leaderboard:tiny-model")


@pytest.mark.parametrize(
    ("name", "says"), [("nobody", "has no model 'nobody'"), ("broken", "not a list"), ("../x", "not a name")]
)
def test_bad_leaderboard_names(board, name, says):
    with pytest.raises(OffmodelError, match=says):
        leaderboard.outputs_file(name)
