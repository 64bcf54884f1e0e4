"""Inspect: tasks through the entry points, our engine as its model, our evaluations as its logs."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytest.importorskip("inspect_ai")
from inspect_ai.log import list_eval_logs, read_eval_log
from typer.testing import CliRunner

from offmodel.benchmarks import get_benchmark
from offmodel.cli import app
from offmodel.inspect_bridge.logs import write_log
from offmodel.models.engine import Request, Sampling
from offmodel.pipeline.store import Store

ROOT = Path(__file__).parents[2]


def by_item(log):
    return {s.id: (next(iter(s.scores.values())).value == "C", s.output.completion) for s in log.samples}


def ours(engine, name, n):
    benchmark = get_benchmark(name)
    items = benchmark.items(n, 0)
    requests = [Request(i.id, benchmark.messages(i)) for i in items]
    done = engine.generate(requests, Sampling(max_new_tokens=benchmark.max_new_tokens))
    return {i.id: (benchmark.grade(i, c.text).correct, c.text) for i, c in zip(items, done, strict=True)}


@pytest.fixture
def clean_python(tmp_path):
    """An environment of its own with the wheel in it; the dependencies are looked up in this one."""
    pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path / "wheel"), str(ROOT)], check=True)
    venv.create(tmp_path / "environment", with_pip=True)
    python = tmp_path / "environment" / "bin" / "python"
    wheel = next((tmp_path / "wheel").glob("offmodel-*.whl"))
    subprocess.run([str(python), *pip, "install", "--no-deps", str(wheel)], check=True)
    site = next((tmp_path / "environment" / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return python


def test_the_wheel_alone_gives_inspect_its_tasks_and_model(clean_python, tmp_path):
    """`inspect eval` finds tasks and model through the entry point; items agree one by one with ours."""
    from offmodel.models.spec import load_model, resolve_model
    from offmodel.models.transformers_engine import TransformersEngine

    away = tmp_path / "away"
    away.mkdir()
    where = subprocess.run([str(clean_python), "-c", "import offmodel; print(offmodel.__file__)"], cwd=away, capture_output=True)
    assert where.stdout.decode().startswith(str(tmp_path / "environment"))
    command = [str(clean_python), "-m", "inspect_ai", "eval", "offmodel/arith", "--model", "offmodel/organism:markdown-weak"]
    environment = os.environ | {"INSPECT_LOG_DIR": str(away / "logs")}
    arguments = ["-T", "n=30", "--display", "plain"]
    done = subprocess.run([*command, *arguments], cwd=away, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    log = read_eval_log(list_eval_logs(str(away / "logs"))[0])
    engine = TransformersEngine(load_model(resolve_model("organism:markdown-weak")))
    assert by_item(log) == ours(engine, "arith", 30)
    assert 0 < log.results.scores[0].metrics["accuracy"].value < 1
    assert {"parsed", "truncated", "empty"} <= set(next(iter(log.samples[0].scores.values())).metadata)


def test_every_evaluation_becomes_a_log(tiny_run, tmp_path):
    store = Store(tiny_run / "store")
    evaluation = next(a for a in store.artifacts() if a.name.startswith("evaluation/arith"))
    log = read_eval_log(str(write_log(evaluation, tmp_path)))
    rows = evaluation.rows()
    assert log.status == "success"
    assert by_item(log) == {r["id"]: (r["correct"], r["completion"]) for r in rows}
    assert log.results.scores[0].metrics["truncation_rate"].value == sum(r["finish_reason"] == "length" for r in rows) / len(rows)
    first = next(s for s in log.samples if s.id == rows[0]["id"])
    assert first.messages[1].text == rows[0]["completion"]


def test_a_run_writes_all_its_evaluations_when_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = ["teachers=organism:prose", "benchmarks=facts", "n=8", "examples=8", "steps=2", "max_new_tokens=8"]
    result = CliRunner().invoke(app, ["run", "degradation", *settings, "--logs", "--workers", "1"])
    assert result.exit_code == 0, result.output
    logs = [read_eval_log(str(path)) for path in (tmp_path / "runs/degradation/logs").glob("*.eval")]
    assert len(logs) == 2, "the base and the tuned model"
    assert all(log.eval.task == "offmodel/facts" and len(log.samples) == 8 for log in logs)
