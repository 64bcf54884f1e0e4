"""``offmodel repair`` on the command line."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from offmodel.cli_options import AsJson, Pairs, Scale, StoreDir, open_store, out, resumable
from offmodel.errors import OffmodelError
from offmodel.pipeline.store import Store


def method_names(incomplete: str) -> list[str]:
    """For tab completion."""
    from offmodel.mitigations import mitigations

    return [name for name in ("auto", *mitigations()) if name.startswith(incomplete)]


def repair(
    base: Annotated[str, typer.Argument(help="The model before fine-tuning.")],
    tuned: Annotated[str, typer.Argument(help="After it: an artifact, an adapter's directory, a model, or planted:CAUSE.")],
    parameters: Pairs = None,
    method: Annotated[str, typer.Option(help="Mitigation, or auto.", autocompletion=method_names)] = "auto",
    scale: Scale = "organism",
    out_dir: Annotated[Path, typer.Option("--out", help="Of the report and the repaired model.")] = Path("runs/repair"),
    store: StoreDir = Path("store"),
    workers: Annotated[int | None, typer.Option(help="Worker processes, as for `run`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring back what fine-tuning took: a repaired adapter, and accuracy before and after."""
    from offmodel.models.export import below, export
    from offmodel.pipeline.display import Display
    from offmodel.pipeline.runner import Runner
    from offmodel.report.outputs import results, write_outputs
    from offmodel.report.terminal import print_outcome
    from offmodel.studies.repair import repaired
    from offmodel.studies.run import run_study

    root = open_store(store)
    pairs = [f"student={base}", f"tuned={located(tuned, root)}", f"mitigation={method}", *split(method, parameters or [])]
    with resumable(), Runner(root, workers, Display()) as runner:
        outcome = run_study("repair", pairs, scale, runner)
    report = write_outputs(outcome, out_dir, "offmodel " + shlex.join(sys.argv[1:]))
    adapter = repaired(outcome.result)
    assert adapter is not None
    artifact = root.find(adapter.name())
    target = out_dir / "model" / artifact.directory.name if getattr(adapter, "trainable", True) else None
    if target and not target.exists():
        export(artifact, root, target, merge=bool(below(artifact, root)[0]), base_text=base)
    if as_json:
        typer.echo(json.dumps(results(outcome) | {"model": str(target) if target else None}, ensure_ascii=False))
        return
    print_outcome(outcome, out)
    where = f"repaired model: {target}" if target else f"{method} works while decoding and leaves no weights to export"
    out.print(f"{where}\nreport: {report}", highlight=False, soft_wrap=True)


def located(text: str, store: Store) -> str:
    """An artifact's directory where the text names one; else the text."""
    if text.startswith(("adapter/", "planted/")):
        return str(store.find(text).directory)
    if Path(text).exists() or text.startswith(("organism:", "planted:")) or "/" in text:
        return text
    try:
        return str(store.find(text).directory)
    except OffmodelError:
        return text


def split(method: str, pairs: list[str]) -> list[str]:
    """The study's parameters, and those of the mitigation gathered in ``settings``; of one name, the mitigation's is meant."""
    from offmodel.mitigations import mitigations
    from offmodel.studies.repair import RepairParams

    own = mitigations()[method].model_fields if method in mitigations() else {}
    keys = {pair: pair.partition("=")[0] for pair in pairs}
    of_method = [p for p, key in keys.items() if key in own or key not in RepairParams.model_fields]
    if of_method and method == "auto":
        raise OffmodelError(f"{of_method[0]!r} is a parameter of one method", "name it with --method")
    return [p for p in pairs if p not in of_method] + ([f"settings={','.join(of_method)}"] if of_method else [])
