"""The store keeps whole artifacts, notices damage, and says what to do."""

import json
import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from offmodel.errors import OffmodelError
from offmodel.pipeline.compare import differences
from offmodel.pipeline.execute import ModelCache, execute
from offmodel.pipeline.runner import Runner, missing
from offmodel.pipeline.store import Store
from tests.unit.steps_for_tests import Join, Write

A, B = Write(text="a"), Write(text="b")


def make(step, store):
    return execute(step, store, ModelCache())


def test_an_artifact_is_whole_and_recorded(store):
    artifact = make(A, store)
    assert store.load(A) == [{"text": "a"}]
    assert artifact.record["identity"] == {"kind": "write", "version": 1, "text": "a"}
    assert set(artifact.record["files"]) == {"rows.jsonl"}
    assert artifact.record["provenance"]["packages"]["torch"]


@pytest.mark.parametrize("damage", ["flip", "delete", "truncate", "record"])
def test_damage_is_named_moved_aside_and_rebuilt(tmp_path, damage):
    make(A, Store(tmp_path))
    make(B, Store(tmp_path))
    rows = tmp_path / A.name() / "rows.jsonl"
    if damage == "flip":
        raw = bytearray(rows.read_bytes())
        raw[3] ^= 1
        rows.write_bytes(raw)
    elif damage == "delete":
        rows.unlink()
    elif damage == "truncate":
        rows.write_bytes(rows.read_bytes()[:-2])
    else:
        (rows.parent / "record.json").write_text("{")
    said: list[str] = []
    store = Store(tmp_path, said.append)
    assert store.get(A) is None
    assert A.name() in said[0]
    assert "rebuilding" in said[0]
    assert list((tmp_path / ".corrupt").iterdir())
    assert store.get(B) is not None, "nothing else is lost"
    make(A, store)
    assert store.load(A) == [{"text": "a"}]


def test_a_store_of_another_format_is_refused(tmp_path):
    (tmp_path / "store.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(OffmodelError, match="format 99.*--store"):
        Store(tmp_path)


def _make_in_process(root: str, log: str) -> None:
    make(Write(text="shared", seconds=0.5, log=log), Store(Path(root)))


def test_two_processes_make_an_artifact_once(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    workers = [spawn.Process(target=_make_in_process, args=(str(tmp_path / "s"), str(log))) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert [w.exitcode for w in workers] == [0, 0]
    assert len(log.read_text().splitlines()) == 1


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from offmodel.pipeline.execute import ModelCache, execute
from offmodel.pipeline.store import Store
from offmodel.errors import OffmodelError
from tests.unit.steps_for_tests import Write
store = Store(Path(sys.argv[1]))
execute(Write(text="small"), store, ModelCache())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    execute(Write(text="x" * 50_000), store, ModelCache())
except OffmodelError as e:
    print(e)
"""


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "no room left" in done.stdout
    assert "--store" in done.stdout
    assert Store(tmp_path).get(Write(text="small")) is not None
    assert Store(tmp_path).get(Write(text="x" * 50_000)) is None


def test_runner_runs_what_is_missing_once(store):
    join = Join(parts=(A, B))
    with Runner(store, workers=1) as runner:
        runner.ensure([join])
        runner.ensure([join, A])
    assert (runner.counts.run, runner.counts.cached) == (3, 0)
    with Runner(store, workers=1) as again:
        again.ensure([join])
    assert (again.counts.run, again.counts.cached) == (0, 1)


def test_runner_in_worker_processes(tmp_path):
    join = Join(parts=(A, B))
    with Runner(Store(tmp_path), workers=2) as runner:
        runner.ensure([join])
        assert runner.store.load(join) == [{"text": "a"}, {"text": "b"}]


@pytest.mark.parametrize("workers", [1, 2])
def test_steps_that_differ_in_their_label_alone_run_once(tmp_path, workers):
    log = tmp_path / "log"
    one, two = (Write(text="a", seconds=0.3, log=str(log), words=words) for words in ("first", "second"))
    assert one.name() != two.name()
    joins = [Join(parts=(one, B)), Join(parts=(B, two))]
    with Runner(Store(tmp_path / "store"), workers=workers) as runner:
        runner.ensure([one, two, *joins])
        assert [len(runner.store.load(step)) for step in (one, two, *joins)] == [1, 1, 2, 2]
    assert len(log.read_text().splitlines()) == 1
    assert runner.counts.run == 4


def test_a_dead_worker_is_an_error_that_keeps_finished_work(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(OffmodelError, match="worker process died.*resume"), Runner(store, workers=2) as runner:
        runner.ensure([Join(parts=(A, B), fail=True)])
    assert missing([A, B], Store(tmp_path))[0] == {}


def test_why_names_the_field_through_the_inputs(store):
    one, two = Join(parts=(A,)), Join(parts=(B,))
    a, b = make(A, store), make(B, store)
    assert a.name != b.name
    assert differences(make(one, store), make(two, store), store) == {"parts[0].text": ("a", "b")}


def test_an_artifact_is_found_under_an_older_label(store, monkeypatch):
    make(A, store)
    monkeypatch.setattr(Write, "label", lambda self: "called otherwise")
    assert Store(store.root).get(Write(text="a")) is not None
