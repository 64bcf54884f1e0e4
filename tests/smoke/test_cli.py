"""The command line: what it prints, and one clear line for each mistake."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY


def offmodel(*arguments: str, cwd: Path | None = None, env: dict | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "offmodel", *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=env
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "degredation"), "unknown study 'degredation'. Did you mean 'degradation'?"),
        (("run", "demo", "student=organism:markdwon"), "unknown organism 'markdwon'. Did you mean 'markdown'?"),
        (("run", "demo", "benchmarks=arith,fact"), "unknown benchmark 'fact'. Did you mean 'facts'?"),
        (("run", "demo", "stepz=3"), "unknown parameter of study demo 'stepz'. Did you mean 'steps'?"),
        (("run", "demo", "steps"), "'steps' is not a parameter"),
        (("run", "demo", "n=many"), "n='many' does not fit"),
        (("run", "demo", "n=5000"), "benchmark arith has 900 items, 5000 were asked for. Use n=900 or fewer."),
        (("run", "demo", "--scale", "smal"), "unknown scale of study demo 'smal'"),
        (("run", "degradation", "teachers=numbers"), "numbers control needs a teacher"),
        (("run", "degradation", "teachers=file:missing.jsonl"), "there is no file missing.jsonl"),
        (("show", "nothing-like-it"), "no artifact in store matches"),
        (("show", "[dim]x"), "no artifact in store matches '[dim]x'"),
        (("organisms", "build", "--out", "x", "--size", "nan"), "unknown size 'nan'. Did you mean 'nano'?"),
    ],
)
def test_mistakes_are_one_line_with_the_mend(tmp_path, arguments, says):
    done = offmodel(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"id": 1, "instruction": "b"}', "outputs.jsonl, line 2 has no field 'output'"),
        ("{oops", "outputs.jsonl, line 2 is not JSON"),
        ('{"id": 7, "output": "b"}', "has no output for prompt"),
    ],
)
def test_bad_teacher_files_name_file_and_line(tmp_path, line, says):
    (tmp_path / "prompts.jsonl").write_text('{"id": 0, "instruction": "a"}\n{"id": 1, "instruction": "b"}\n')
    (tmp_path / "outputs.jsonl").write_text('{"id": 0, "output": "a"}\n' + line + "\n")
    pairs = ["teachers=file:outputs.jsonl", "prompts=prompts.jsonl", *TINY, "examples=2", "benchmarks=facts"]
    done = offmodel("run", "degradation", *pairs, "--workers", "1", cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_empty_published_outputs_are_dropped_and_counted(tmp_path):
    from offmodel.data.prompts import file_prompts
    from offmodel.data.teachers import published
    from offmodel.errors import OffmodelError
    from offmodel.pipeline.execute import ModelCache, execute
    from offmodel.pipeline.store import Store

    (tmp_path / "p.jsonl").write_text("".join(json.dumps({"id": i, "instruction": f"q{i}"}) + "\n" for i in range(4)))
    (tmp_path / "t.jsonl").write_text(
        "".join(json.dumps({"id": i, "output": "" if i == 2 else f"a{i}"}) + "\n" for i in range(4))
    )
    step = published(tmp_path / "t.jsonl", file_prompts(tmp_path / "p.jsonl", 4))
    artifact = execute(step, Store(tmp_path / "s"), ModelCache())
    assert {row["completion"] for row in artifact.rows()} == {"a0", "a1", "a3"}
    assert artifact.json("summary.json") == {"dropped_empty": 1}
    with pytest.raises(OffmodelError, match="has 4 prompts, 5 are needed"):
        file_prompts(tmp_path / "p.jsonl", 5).load()


def test_plan_ls_show_why_gc(tiny_run, tmp_path):
    store = ["--store", str(tiny_run / "store")]
    pairs = [*TINY, "teachers=organism:pirate,self", "benchmarks=arith,facts", "reminder_benchmarks=arith", "doses=0,4"]
    plan = json.loads(offmodel("plan", "demo", *pairs, *store, "--json").stdout)
    assert plan["run"] == []
    assert len(plan["cached"]) == 7
    assert plan["seconds"] == 0
    changed = json.loads(offmodel("plan", "demo", *pairs, "learning_rate=0.002", *store, "--json").stdout)
    assert changed["seconds"] > 0
    assert changed["more"]
    assert all(name.startswith(("adapter/", "evaluation/")) for name in changed["run"])
    records = json.loads(offmodel("ls", *store, "--json").stdout)
    adapters = [r["name"] for r in records if r["name"].startswith("adapter/")]
    assert json.loads(offmodel("show", adapters[0], *store).stdout)["name"] == adapters[0]
    pirate, own = sorted((a for a in adapters if "reminder" not in a), key=lambda a: "self" in a)
    why = json.loads(offmodel("why", pirate, own, *store, "--json").stdout)
    assert why["data[0].step.model.name"] == ["organism:pirate", "organism:markdown"]
    kept = offmodel("gc", *store, "--runs", str(tiny_run), cwd=tmp_path)
    assert "nothing to remove" in kept.stdout
    asked = subprocess.run(
        [sys.executable, "-m", "offmodel", "gc", *store, "--runs", str(tmp_path)],
        input="n\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Remove these" in asked.stdout
    assert len(json.loads(offmodel("ls", *store, "--json").stdout)) == len(records)


def test_gc_removes_what_nothing_refers_to(tmp_path):
    from offmodel.pipeline.execute import ModelCache, execute
    from offmodel.pipeline.store import Store
    from tests.unit.steps_for_tests import Write

    execute(Write(text="orphan"), Store(tmp_path / "s"), ModelCache())
    done = offmodel("gc", "--store", str(tmp_path / "s"), "--runs", str(tmp_path), "--yes")
    assert "removed 1 artifacts" in done.stdout
    assert list(Store(tmp_path / "s").artifacts()) == []


def test_help_starts_quickly_and_lists_the_verbs():
    done = offmodel("--help")
    assert all(verb in done.stdout for verb in ("run", "plan", "why", "gc", "organisms"))
    heavy = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "offmodel", "--help"], capture_output=True, text=True, check=True
    ).stderr
    assert not any(name in heavy for name in ("| torch\n", "transformers\n", "| scipy\n", "| altair\n"))


def test_studies_and_parameters_are_listed():
    assert "degradation" in json.loads(offmodel("studies", "--json").stdout)
    shown = offmodel("show", "degradation").stdout
    assert "learning_rate=0.001" in shown
