"""The API engine against a real server (transformers' own) that serves an organism, behind a proxy that misbehaves."""

import json
import subprocess
import sys

import pytest

from offmodel.errors import OffmodelError
from offmodel.models.api_engine import ApiEngine
from offmodel.models.budget import Budget, BudgetSpentError, Price, prices
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import load_model, resolve_model
from offmodel.models.transformers_engine import TransformersEngine
from tests.servers.faulty import FaultyProxy

pytest.importorskip("fastapi")
KEY = "sk-a-secret-nobody-may-see"
ORGANISM = resolve_model("organism:prose")


@pytest.fixture
def port(served):
    return served


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OFFMODEL_API_KEY", KEY)


def engine(proxy, **options):
    spec = resolve_model(f"api:{ORGANISM.location}@{proxy.url}")
    return ApiEngine(spec, **{"concurrency": 2, "timeout": 60.0, **options})


def asked(n):
    texts = ["Tell me about your day.", "Write about a garden.", "What do you like?", "Describe a river.", "Talk about tea."]
    return [Request(f"r{i}", [{"role": "user", "content": texts[i % 5]}]) for i in range(n)]


GREEDY = Sampling(max_new_tokens=24)


def test_the_server_writes_what_the_engine_writes_whatever_the_network_does(port):
    proxy = FaultyProxy(port, ["429", "500", "drop", "garbage", "shape", "slow"])
    done = engine(proxy).generate(asked(5), GREEDY)
    local = TransformersEngine(load_model(ORGANISM)).generate(asked(5), GREEDY)
    assert [c.text for c in done] == [c.text for c in local]
    assert [c.prompt_tokens for c in done] == [c.prompt_tokens for c in local]
    assert all(c.completion_tokens > 0 for c in done)
    assert set(proxy.seen) >= {"429", "500", "drop", "garbage", "shape", "slow", "ok"}
    assert proxy.keys == {f"Bearer {KEY}"}


def test_what_came_is_kept_when_the_rest_fails(port):
    proxy = FaultyProxy(port, ["", "", *["500"] * 50])
    kept = []
    with pytest.raises(OffmodelError, match="answers 500 after 1 retries.*2 of 4 replies came") as error:
        engine(proxy, retries=1, concurrency=1).generate(asked(4), GREEDY, kept.append)
    assert [c.id for c in kept] == ["r0", "r1"]
    assert KEY not in str(error.value)


def test_a_server_that_asks_to_wait_for_long_is_quoted(port):
    with pytest.raises(OffmodelError, match="answers 429 and asks to wait 86400 s.*Run again then"):
        engine(FaultyProxy(port, ["wait"] * 9), retries=6, concurrency=1).generate(asked(1), GREEDY)


def test_a_prompt_that_does_not_fit_is_reported_and_the_others_are_answered(port):
    over, answered = engine(FaultyProxy(port, ["overflow"]), concurrency=1).generate(asked(2), GREEDY)
    assert (over.id, over.finish_reason, over.text) == ("r0", "overflow", "")
    assert answered.finish_reason != "overflow"
    assert answered.text


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        (["garbage"] * 9, "another format"),
        (["shape"] * 9, "another format"),
        (["401"], "refuses.*401 on purpose"),
        (["400"], "refuses.*400 on purpose"),
    ],
)
def test_hopeless_answers_are_named(port, faults, says):
    with pytest.raises(OffmodelError, match=says):
        engine(FaultyProxy(port, faults), retries=0, concurrency=1).generate(asked(1), GREEDY)


def test_a_server_that_hangs_or_is_not_there():
    with pytest.raises(OffmodelError, match="did not answer after 0 retries"):
        engine(FaultyProxy(1, ["hang"]), retries=0, timeout=0.5).generate(asked(1), GREEDY)
    spec = resolve_model("api:nothing@http://127.0.0.1:9/v1")
    with pytest.raises(OffmodelError, match="did not answer"):
        ApiEngine(spec, retries=0).generate(asked(1), GREEDY)


def test_the_budget_stops_before_it_is_exceeded(port):
    kept = []
    budget = Budget(limit=0.002, price=Price(10.0, 20.0))
    with pytest.raises(OffmodelError, match="could cost more than --max-cost"):
        engine(FaultyProxy(port, []), budget=budget, concurrency=1).generate(asked(40), GREEDY, kept.append)
    assert 0 < len(kept) < 40
    assert 0 < budget.spent <= 0.002


def test_prices_and_missing_keys(monkeypatch):
    assert prices("a/b=0.1/0.4,c=1/2") == {"a/b": Price(0.1, 0.4), "c": Price(1.0, 2.0)}
    with pytest.raises(OffmodelError, match="is not a price"):
        prices("gpt=0.1")
    monkeypatch.setenv("OFFMODEL_API_MAX_COST", "1")
    with pytest.raises(OffmodelError, match="needs the price of gpt"):
        Budget.from_environment("gpt")
    monkeypatch.delenv("OFFMODEL_API_KEY")
    monkeypatch.delenv("OFFMODEL_API_MAX_COST")
    for name in ("OPENROUTER_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OffmodelError, match="there is no key for https://openrouter.ai"):
        ApiEngine(resolve_model("gpt_4.1_nano")).generate(asked(1), GREEDY)


def test_a_shared_ledger_counts_all_workers(tmp_path):
    one, two = (Budget(1.0, Price(0.0, 1.0), tmp_path / "ledger.json") for _ in range(2))
    one.settle(one.reserve(0, 600_000), 0.5)
    with pytest.raises(BudgetSpentError, match=r"0\.5000 spent"):
        two.reserve(0, 600_000)
    assert two.spent == 0.5


def test_a_study_with_an_api_teacher_keeps_the_key_to_itself(port, tmp_path, monkeypatch):
    proxy = FaultyProxy(port, [])
    teacher = f"api:{ORGANISM.location}@{proxy.url}"
    settings = ["benchmarks=facts", "n=20", "examples=8", "max_new_tokens=24", "steps=2", "batch_size=4"]
    command = [sys.executable, "-m", "offmodel", "run", "degradation", f"teachers={teacher}", *settings, "--json"]
    price = ["--max-cost", "1", "--price", f"{ORGANISM.location}=1/1", "--workers", "1"]
    done = subprocess.run([*command, *price], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cells"][1]["teacher"] == "prose"
    assert "API models cost 0.00" in done.stderr
    assert proxy.keys == {f"Bearer {KEY}"}
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path
