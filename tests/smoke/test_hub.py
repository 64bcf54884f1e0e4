"""Models and data from the Hub: the real client against a server on this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from offmodel.benchmarks.gsm8k import Gsm8k
from offmodel.models.spec import WEIGHTS
from tests.servers.hub import COMMIT, Hub

GENERATE = """
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import load_model, resolve_model
from offmodel.models.transformers_engine import TransformersEngine
spec = resolve_model("lab/tiny")
asked = [Request("a", [{"role": "user", "content": "What is 2 plus 3?"}])]
engine = TransformersEngine(load_model(spec))
print(spec.name, spec.revision, engine.generate(asked, Sampling(max_new_tokens=8))[0].completion_tokens)
"""
ITEMS = """
from offmodel.benchmarks import get_benchmark
for item in get_benchmark("gsm8k").pool(): print(item.answer, item.question.splitlines()[0])
"""


@pytest.fixture
def hub(tmp_path):
    shutil.copytree(WEIGHTS / "prose", tmp_path / "hub" / "models" / "lab" / "tiny")
    data = tmp_path / "hub" / "datasets" / "openai" / "gsm8k"
    data.mkdir(parents=True)
    (data / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: test\n    path: test.jsonl\n---\n"
    )
    (data / "test.jsonl").write_text('{"question": "Two and two?", "answer": "It is so. #### 4"}\n')
    server = Hub(tmp_path / "hub", gated=("lab/closed",))
    server.revisions.add(Gsm8k.source.revision)
    yield server
    server.shutdown()
    server.server_close()


def python(code: str, hub: Hub, home: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process whose Hub is ours: the client reads its address when it is imported."""
    env = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN", "OFFMODEL_DATA")}
    env |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(home)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)


def refused(code: str, hub: Hub, home: Path) -> str:
    """What an `OffmodelError` says."""
    caught = "from offmodel.errors import OffmodelError\ntry:\n" + "".join(f"    {line}\n" for line in code.strip().splitlines())
    done = python(caught + "except OffmodelError as e:\n    print('refused:', e)", hub, home)
    assert done.stdout.startswith("refused:"), done.stdout + done.stderr[-2000:]
    return done.stdout


def test_a_model_is_fetched_once_and_kept_by_its_commit(hub, tmp_path):
    home = tmp_path / "home"
    first = python(GENERATE, hub, home)
    assert first.stdout.startswith(f"lab/tiny {COMMIT} "), first.stderr[-2000:]
    fetched = [line for line in hub.asked if line.startswith("GET /lab/tiny/resolve")]
    assert any("model.safetensors" in line for line in fetched)
    hub.shutdown()
    hub.server_close()
    assert python(GENERATE, hub, home).stdout == first.stdout  # from the cache, with nothing there to answer


def test_a_benchmark_is_fetched_at_its_pinned_commit(hub, tmp_path):
    done = python(ITEMS, hub, tmp_path / "home")
    assert done.stdout == "4 Two and two?\n", done.stderr[-2000:]
    assert any(Gsm8k.source.revision in line for line in hub.asked)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lab/closed", "lab/closed is gated on the Hub. Accept its licence there and run `hf auth login`."),
        ("lab/none", "the Hub has no model lab/none. Check the spelling, or log in if it is private."),
        ("lab/tiny@other", "cannot fetch lab/tiny from the Hub"),
    ],
)
def test_what_cannot_be_fetched_says_why(hub, tmp_path, name, says):
    assert says in refused(GENERATE.replace("lab/tiny", name), hub, tmp_path / "home")


def test_nothing_cached_and_no_hub(hub, tmp_path):
    hub.shutdown()
    hub.server_close()
    assert "connect to the network, or name a local directory" in refused(GENERATE, hub, tmp_path / "home").lower()
