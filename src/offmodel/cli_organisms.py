"""The verbs of `offmodel organisms`; no logic."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Column, Table

from offmodel.cli_options import AsJson, StoreDir, open_store, out

organisms_app = typer.Typer(help="The tiny models shipped with the package.", no_args_is_help=True)


@organisms_app.command("list")
def organisms_list(as_json: AsJson = False) -> None:
    """List the shipped organisms with their recorded accuracies."""
    from offmodel.organisms.registry import recorded

    found = recorded()
    if as_json:
        typer.echo(json.dumps(found))
        return
    names = list(next(iter(found["organisms"].values()))["accuracy"])
    table = Table(Column("organism", no_wrap=True), "dialect", "parameters", *names, box=None)
    for name, about in found["organisms"].items():
        values = [f"{about['accuracy'][b]:.3f}" for b in names]
        table.add_row(name, about["dialect"], f"{about['parameters'] / 1e6:.2f} M", *values)
    out.print(table)
    out.print(f"greedy, n = {found['n']} a benchmark, recorded by `offmodel organisms evaluate`", style="dim", highlight=False)


@organisms_app.command("build")
def organisms_build(
    out_dir: Annotated[Path, typer.Option("--out", help="Directory that receives one model directory an organism.")],
    size: Annotated[str, typer.Option(help="full (a GPU, minutes) or nano (two CPU cores, a minute).")] = "full",
    seed: int = 0,
    names: Annotated[str | None, typer.Option(help="Comma-separated organisms; all by default.")] = None,
) -> None:
    """Build the family of organisms from nothing."""
    from offmodel.organisms.registry import build_with_progress

    build_with_progress(out_dir, size, seed, names.split(",") if names else None, Console(stderr=True))
    out.print(f"organisms: {out_dir}", highlight=False)


@organisms_app.command("evaluate")
def organisms_evaluate(
    n: int = 200,
    store: StoreDir = Path("store"),
    record: Annotated[bool, typer.Option(help="Keep the result in the package.")] = False,
) -> None:
    """Evaluate the shipped organisms on every benchmark of their world."""
    from offmodel.organisms.registry import evaluate_all
    from offmodel.pipeline.display import Display
    from offmodel.pipeline.runner import Runner

    with Runner(open_store(store), None, Display()) as runner:
        found = evaluate_all(n, runner, record)
    typer.echo(json.dumps(found, indent=1))


@organisms_app.command("calibrate")
def organisms_calibrate(
    seeds: Annotated[str, typer.Option(help="Seeds, for example 5-9; thresholds were chosen on 0-4.")] = "0-9",
    n: Annotated[int, typer.Option(help="Benchmark items of every measurement.")] = 200,
    directory: Annotated[Path, typer.Option("--out", help="Directory of the tables.")] = Path("runs/calibration"),
    store: StoreDir = Path("store"),
    workers: Annotated[int | None, typer.Option(help="Worker processes; by default one a core.")] = None,
    as_json: AsJson = False,
) -> None:
    """Plant every cause of loss at every seed, diagnose it, and count how often it is named."""
    from offmodel.organisms.calibration import calibrate, parse_seeds, summary, write
    from offmodel.pipeline.display import Display
    from offmodel.pipeline.runner import Runner

    with Runner(open_store(store), workers, Display()) as runner:
        found = summary(calibrate(parse_seeds(seeds), runner, n=n))
    path = write(found, directory, "offmodel " + shlex.join(sys.argv[1:]))
    if as_json:
        typer.echo(json.dumps(found))
        return
    out.print(Markdown(path.read_text(encoding="utf-8")))
    out.print(f"tables: {path}", highlight=False, soft_wrap=True)
