"""The command line: verbs only. What they do lives in the packages they call."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from offmodel.cli_doctor import doctor
from offmodel.cli_options import AsJson, Pairs, Scale, StoreDir, StudyName, log_writer, open_store, out, resumable
from offmodel.cli_organisms import organisms_app
from offmodel.cli_repair import repair
from offmodel.errors import OffmodelError

app = typer.Typer(
    help="What fine-tuning on another model's outputs does to a language model, why, and how to get it back.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(organisms_app, name="organisms")
data_app = typer.Typer(help="Completions and graded rows.", no_args_is_help=True)
app.add_typer(data_app, name="data")


def _benchmark_names(incomplete: str) -> list[str]:
    from offmodel.benchmarks import BENCHMARKS

    return [name for name in BENCHMARKS if name.startswith(incomplete)]


@app.command()
def run(
    study: StudyName,
    parameters: Pairs = None,
    scale: Scale = "organism",
    out_dir: Annotated[Path | None, typer.Option("--out", help="Directory of the report; runs/STUDY by default.")] = None,
    store: StoreDir = Path("store"),
    workers: Annotated[int | None, typer.Option(help="Worker processes; by default one a core, one with a GPU.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="US dollars that API models may cost; needs --price.")] = None,
    price: Annotated[list[str] | None, typer.Option(help="MODEL=INPUT/OUTPUT, US dollars per million tokens.")] = None,
    logs: Annotated[bool, typer.Option("--logs", help="Also write every evaluation for `inspect view`, into OUT/logs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a study and write its report; what is in the store is not run again."""
    from offmodel.models.budget import open_ledger
    from offmodel.pipeline.display import Display
    from offmodel.pipeline.runner import Runner
    from offmodel.report.outputs import results, write_outputs
    from offmodel.studies.run import run_study

    directory = out_dir or Path("runs") / study
    write_log = log_writer() if logs else None
    ledger = open_ledger(max_cost, price or [])
    try:
        with resumable(), Runner(open_store(store), workers, Display()) as runner:
            outcome = run_study(study, parameters or [], scale, runner)
    finally:
        if ledger.spent:
            Console(stderr=True).print(f"API models cost {ledger.spent:.4f} USD in this run", highlight=False)
    report = write_outputs(outcome, directory, "offmodel " + shlex.join(sys.argv[1:]))
    if write_log:
        for name in {e.name() for arm in outcome.result.arms for e in arm.evaluations.values()}:
            write_log(outcome.store.find(name), directory / "logs")
    if as_json:
        typer.echo(json.dumps(results(outcome), ensure_ascii=False))
        return
    from offmodel.report.terminal import print_outcome

    print_outcome(outcome, out)
    out.print(f"report: {report}", highlight=False, soft_wrap=True)


@app.command()
def plan(
    study: StudyName,
    parameters: Pairs = None,
    scale: Scale = "organism",
    store: StoreDir = Path("store"),
    workers: Annotated[int | None, typer.Option(help="Worker processes to reckon with; as for `run`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a study would run, what is in the store already, and about how long the rest takes."""
    from offmodel.pipeline.estimate import estimate
    from offmodel.pipeline.runner import default_workers
    from offmodel.report.terminal import plan_lines
    from offmodel.studies.run import plan_study

    kept, workers = open_store(store), workers or default_workers()
    found = plan_study(study, parameters or [], scale, kept)
    took = estimate(found.to_run, kept, workers)
    if as_json:
        to_run, cached = ([step.name() for step in part.values()] for part in (found.to_run, found.cached))
        more = {"more": found.open_ended, "seconds": round(took.seconds, 1), "workers": workers}
        typer.echo(json.dumps({"run": to_run, "cached": cached} | more))
        return
    for step in found.cached.values():
        out.print(f"  cached  {step.name()}", highlight=False, style="dim")
    for step in found.to_run.values():
        needs = ", ".join(i.name() for i in step.inputs())
        out.print(f"  run     {step.name()}" + (f"  [dim]← {needs}[/dim]" if needs else ""), highlight=False)
    for line in plan_lines(study, found, took, workers):
        out.print(line, highlight=False, soft_wrap=True)


@app.command()
def grade(
    benchmark: Annotated[str, typer.Argument(help="Benchmark, or file:PATH?grader=math.", autocompletion=_benchmark_names)],
    completions: Annotated[Path, typer.Argument(help="JSONL rows with id and completion.")],
    against: Annotated[Path | None, typer.Option(help="Another such file; the difference is paired by item.")] = None,
    rows: Annotated[Path | None, typer.Option(help="Write every graded row to this JSONL file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Grade completions that exist already, whoever made them."""
    from offmodel.benchmarks import get_benchmark
    from offmodel.benchmarks.compare_files import comparison, grade_file, summary

    chosen = get_benchmark(benchmark)
    graded = grade_file(chosen, completions)
    found = summary(chosen, graded)
    if against:
        found["against"] = comparison(graded, grade_file(chosen, against))
    if rows:
        rows.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in graded), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found))
        return
    from offmodel.report.terminal import print_grades

    print_grades(chosen.name, found, out)


app.command()(doctor)
app.command()(repair)


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="Adapter artifact, or a part of its name.")],
    directory: Annotated[Path, typer.Argument(help="New directory to write.")],
    merge: Annotated[bool, typer.Option("--merge", help="Whole weights with the adapter in them.")] = False,
    base: Annotated[str | None, typer.Option(help="The base, if it was a local directory or file.")] = None,
    store: StoreDir = Path("store"),
) -> None:
    """Write a trained model as a directory that transformers, peft and vLLM load, with a model card."""
    from offmodel.models.export import export as write

    root = open_store(store)
    out.print(f"wrote {write(root.find(name), root, directory, merge, base)}", highlight=False, soft_wrap=True)


@app.command("inspect-log")
def inspect_log(
    name: Annotated[str, typer.Argument(help="Evaluation artifact, or a part of its name; 'all' for every one.")],
    directory: Annotated[Path, typer.Argument(help="Where to write the .eval files.")] = Path("logs"),
    store: StoreDir = Path("store"),
) -> None:
    """Write evaluations as .eval logs for `inspect view`."""
    write_log, root = log_writer(), open_store(store)
    found = [a for a in root.artifacts() if a.name.startswith("evaluation/")] if name == "all" else [root.find(name)]
    for artifact in found:
        out.print(f"wrote {write_log(artifact, directory)}", highlight=False, soft_wrap=True)


@data_app.command("export")
def data_export(
    name: Annotated[str, typer.Argument(help="Artifact with rows, or a part of its name.")],
    directory: Annotated[Path, typer.Argument(help="New directory to write.")],
    store: StoreDir = Path("store"),
) -> None:
    """Write an artifact's rows as a directory that datasets.load_dataset loads."""
    from offmodel.data.export import export_rows

    out.print(f"wrote {export_rows(open_store(store).find(name), directory)}", highlight=False, soft_wrap=True)


@app.command("studies")
def list_studies(as_json: AsJson = False) -> None:
    """List the studies."""
    from offmodel.studies import studies

    if as_json:
        typer.echo(json.dumps({name: cls.question for name, cls in studies().items()}))
        return
    for name, cls in studies().items():
        out.print(f"[bold]{name:<14}[/bold] {cls.question}", highlight=False, soft_wrap=True)


@app.command("ls")
def list_artifacts(store: StoreDir = Path("store"), as_json: AsJson = False) -> None:
    """List the artifacts in the store."""
    found = list(open_store(store).artifacts())
    if as_json:
        typer.echo(json.dumps([a.record for a in found]))
        return
    table = Table(Column("artifact", no_wrap=True), "made", "seconds", "size", box=None)
    for a in found:
        size = sum(f["size"] for f in a.record["files"].values())
        table.add_row(a.name, a.record["created"], f"{a.record['seconds']:.1f}", f"{size / 1e6:.2f} MB")
    out.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Artifact (or a part of its name) or study.")], store: StoreDir = Path("store")
) -> None:
    """Show an artifact's record, or a study's parameters."""
    from offmodel.studies import studies

    if name in studies():
        cls = studies()[name]
        out.print(f"[bold]{name}[/bold]: {cls.question}\nscales: {', '.join(cls.scales)}", highlight=False)
        for key, info in cls.params.model_fields.items():
            value = ",".join(map(str, info.default)) if isinstance(info.default, tuple) else info.default
            out.print(f"  {key}={value}", highlight=False, markup=False, soft_wrap=True)
        return
    from offmodel.pipeline.provenance import drift

    artifact = open_store(store).find(name)
    typer.echo(json.dumps(artifact.record, indent=1, ensure_ascii=False))
    for change in drift(artifact.record["provenance"]):
        Console(stderr=True).print(f"made with another version: {change}", style="yellow", highlight=False)


@app.command()
def why(
    a: Annotated[str, typer.Argument(help="Artifact.")],
    b: Annotated[str, typer.Argument(help="Artifact.")],
    store: StoreDir = Path("store"),
    as_json: AsJson = False,
) -> None:
    """Print the fields in which two artifacts differ, inputs included."""
    from offmodel.pipeline.compare import differences

    root = open_store(store)
    found = differences(root.find(a), root.find(b), root)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for field, (left, right) in found.items():
        out.print(f"{field}: {left} → {right}", highlight=False, markup=False, soft_wrap=True)
    if not found:
        out.print("no field differs")


@app.command()
def gc(
    keep: Annotated[list[str] | None, typer.Option(help="Study whose artifacts stay, with default parameters.")] = None,
    runs: Annotated[Path, typer.Option(help="Directory of reports; what their results.json refer to stays.")] = Path("runs"),
    store: StoreDir = Path("store"),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove artifacts that no study refers to; asks first."""
    from offmodel.pipeline.collect import unreferenced

    root = open_store(store)
    found = unreferenced(root, runs, keep or [])
    if not found:
        out.print("nothing to remove")
        return
    size = sum(f["size"] for a in found for f in a.record["files"].values())
    for artifact in found:
        out.print(f"  {artifact.name}", highlight=False)
    if yes or typer.confirm(f"Remove these {len(found)} artifacts ({size / 1e6:.1f} MB)?"):
        for artifact in found:
            root.remove(artifact)
        out.print(f"removed {len(found)} artifacts")


def main() -> None:
    """Entry point: errors that people can mend are one line and exit code 2."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # progress is ours to show, in this process and its workers
    errors = Console(stderr=True)
    try:
        app()
    except OffmodelError as e:
        errors.print("[red]error:[/red] " + escape(str(e).replace("\n", " ")), highlight=False, soft_wrap=True)
        sys.exit(2)
