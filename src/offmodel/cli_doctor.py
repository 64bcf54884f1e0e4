"""``offmodel doctor`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from offmodel.cli_options import AsJson, Pairs, Scale, StoreDir, open_store, out, study_names


def doctor(
    target: Annotated[
        str | None, typer.Argument(help="Model or study to look at too.", autocompletion=study_names, show_default=False)
    ] = None,
    parameters: Pairs = None,
    scale: Scale = "organism",
    store: StoreDir = Path("store"),
    workers: Annotated[int | None, typer.Option(help="Worker processes of the study; as for `run`.")] = None,
    batch_size: Annotated[int, typer.Option(help="Of the training whose memory is estimated for a model.")] = 16,
    max_length: Annotated[int, typer.Option(help="Of the training whose memory is estimated for a model.")] = 1024,
    as_json: AsJson = False,
) -> None:
    """Check this machine, and a model or a study, and say what to do; exits with 1 when something is in the way."""
    from offmodel.doctor import diagnose
    from offmodel.pipeline.runner import default_workers
    from offmodel.studies import studies

    if target in studies():
        from offmodel.doctor_study import of_study

        checks = [*diagnose(), *of_study(target, parameters or [], scale, open_store(store), workers or default_workers())]
    else:
        checks = diagnose(target, batch_size, max_length)
    if as_json:
        typer.echo(json.dumps([vars(c) for c in checks]))
    else:
        table = Table("", "what", "found", "what to do", box=None)
        for c in checks:
            sign = {"ok": "[green]ok[/green]", "note": "[yellow]note[/yellow]", "problem": "[red]problem[/red]"}[c.state]
            table.add_row(sign, c.what, escape(c.found), "" if c.state == "ok" else escape(c.mend))
        out.print(table)
    if any(c.state == "problem" for c in checks):
        raise typer.Exit(1)
