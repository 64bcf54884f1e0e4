"""kill −9 in the middle of generation, of training and of the rename: nothing finished is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from offmodel.pipeline.store import Store

COMMON = ["n=40", "examples=40", "steps=40", "batch_size=8", "benchmarks=arith", "teachers=organism:pirate", "max_new_tokens=100"]


def command(store: Path, *extra: str) -> list[str]:
    pairs = [*COMMON, *extra]
    return [
        sys.executable,
        "-m",
        "offmodel",
        "run",
        "degradation",
        *pairs,
        "--store",
        str(store),
        "--out",
        str(store / "out"),
        "--json",
    ]


def kill_when(condition, store: Path) -> None:
    """Run the study in one process and kill it the hard way once ``condition(store)`` holds."""
    process = subprocess.Popen([*command(store), "--workers", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not condition(store):
        assert process.poll() is None, "the study ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def finish(store: Path) -> dict:
    done = subprocess.run([*command(store), "--workers", "1"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def streaming(store: Path) -> bool:
    return any(p.read_text().count("\n") >= 3 for p in store.glob(".partial/evaluation--*/finished.jsonl"))


def training(store: Path) -> bool:
    return any(store.glob(".partial/adapter--*/"))


@pytest.mark.parametrize("moment", [streaming, training])
def test_killed_runs_resume(tmp_path, moment):
    kill_when(moment, tmp_path)
    kept = {a.name for a in Store(tmp_path).artifacts()}
    for path in tmp_path.glob(".partial/evaluation--*/finished.jsonl"):
        with path.open("a") as f:
            f.write('{"id": "cut sho')  # what a kill in the middle of a write leaves
    results = finish(tmp_path)
    assert results["steps"]["run"] + results["steps"]["cached"] >= 4
    assert results["steps"]["run"] <= 4 - len(kept & {a.name for a in Store(tmp_path).artifacts()})
    assert next(c for c in results["cells"] if c["level"] is None)["n"] == 40


def test_rows_that_were_finished_are_not_generated_again(tmp_path):
    kill_when(streaming, tmp_path)
    (partial,) = tmp_path.glob(".partial/evaluation--*/finished.jsonl")
    lines = partial.read_text().splitlines()
    marked = json.loads(lines[0])
    marked["completion"] = "\\boxed{777777}"
    partial.write_text("\n".join([json.dumps(marked), *lines[1:]]) + "\n")
    finish(tmp_path)
    rows = [row for a in Store(tmp_path).artifacts() if a.name.startswith("evaluation/") for row in a.rows()]
    assert sum(row["extracted"] == "777777" for row in rows) == 1


DIE_AT_RENAME = """
import os, sys
from pathlib import Path
from offmodel.pipeline.execute import ModelCache, execute
from offmodel.pipeline.store import Store
from tests.unit.steps_for_tests import Write
store = Store(Path(sys.argv[1]))
execute(Write(text="before"), store, ModelCache())
real = os.replace
def replace(source, target):
    if "write" in str(target):
        if sys.argv[2] == "after":
            real(source, target)
        os.kill(os.getpid(), 9)
    real(source, target)
os.replace = replace
execute(Write(text="victim"), store, ModelCache())
"""


@pytest.mark.parametrize(("when", "there"), [("before", False), ("after", True)])
def test_a_kill_at_the_rename_leaves_all_or_nothing(tmp_path, when, there):
    from tests.unit.steps_for_tests import Write

    done = subprocess.run([sys.executable, "-c", DIE_AT_RENAME, str(tmp_path), when], check=False)
    assert done.returncode == -signal.SIGKILL
    store = Store(tmp_path)
    assert store.get(Write(text="before")) is not None
    assert (store.get(Write(text="victim")) is not None) == there


def test_ctrl_c_leaves_a_store_that_resumes(tmp_path):
    process = subprocess.Popen(
        [*command(tmp_path), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell that starts the tests in the background makes its children ignore Ctrl-C: give it back
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not streaming(tmp_path):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to resume" in errors
    assert "Traceback" not in errors
    assert finish(tmp_path)["cells"]
