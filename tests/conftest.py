"""Shared fixtures: quiet libraries, a store, organisms in memory, one small finished study."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

TINY = ["n=8", "examples=8", "steps=2", "batch_size=4", "max_new_tokens=24", "answer_tokens=48"]
"""Parameters that make any organism-scale study finish in seconds; its numbers mean nothing."""


@pytest.fixture
def store(tmp_path: Path):
    from offmodel.pipeline.store import Store

    return Store(tmp_path / "store")


@pytest.fixture(scope="session")
def student():
    """The shipped student, loaded once."""
    from offmodel.models.spec import load_model, resolve_model

    return load_model(resolve_model("organism:markdown"))


@pytest.fixture(scope="session")
def engine(student):
    from offmodel.models.transformers_engine import TransformersEngine

    return TransformersEngine(student)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo at tiny size: its directory with report, results, figures and store."""
    from offmodel.pipeline.runner import Runner
    from offmodel.pipeline.store import Store
    from offmodel.report.outputs import write_outputs
    from offmodel.studies.run import run_study

    directory = tmp_path_factory.mktemp("tiny")
    pairs = [*TINY, "teachers=organism:pirate,self", "benchmarks=arith,facts", "reminder_benchmarks=arith", "doses=0,4"]
    with Runner(Store(directory / "store"), workers=1) as runner:
        outcome = run_study("demo", pairs, "organism", runner)
    write_outputs(outcome, directory / "out", "offmodel run demo")
    return directory


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory):
    """A port on which a real server answers with the organism `prose`."""
    pytest.importorskip("fastapi")
    from offmodel.models.spec import resolve_model
    from tests.servers.served import served

    with served(resolve_model("organism:prose").location, tmp_path_factory.mktemp("serve") / "log") as port:
        yield port
