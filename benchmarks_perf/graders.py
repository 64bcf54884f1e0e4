"""Our graders beside the field's, verdict by verdict, on the same completions.

    OFFMODEL_DATA=DIR .venv/bin/python benchmarks_perf/graders.py ours ours.jsonl
    OFFMODEL_DATA=DIR other/bin/python benchmarks_perf/graders.py reference reference.jsonl
    .venv/bin/python benchmarks_perf/graders.py report ours.jsonl reference.jsonl docs/results/graders.md

``other`` is an environment with offmodel, ``lm-eval[math,ifeval]`` and ``inspect-evals``: lm-eval needs an older
parser runtime than math-verify's newest. DIR holds math500, ifeval, mmlu_stem and teachers/ (AlpacaEval outputs). With
OFFMODEL_ANSWERS=DIR models' own answers are compared too: DIR/NAME.jsonl for MATH-500 and DIR/mmlu_stem/NAME.jsonl, rows
with ``id`` and ``completion``, as `rows.jsonl` of an evaluation in a store.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from offmodel.benchmarks import Item, get_benchmark
from offmodel.benchmarks.ifeval import give_sentence_data
from offmodel.data.jsonl import read_jsonl

TEACHERS = ("gpt-4o-2024-05-13", "phi-2-sft")
MINERVA = "Some steps.\nFinal Answer: The final answer is ${}$. I hope it is correct."
MMLU_ITEMS = 300
Case = tuple[str, str, Item, dict[str, Any], str]
"""Benchmark, kind of completion, item, its row as the reference takes it, completion."""


def math_cases() -> Iterator[Case]:
    """MATH-500: written solutions and bare answers, an item's own and another's, in the formats the references read."""
    items = get_benchmark("math500").pool()
    rows = {r["unique_id"]: r for r in read_jsonl(Path(os.environ["OFFMODEL_DATA"]) / "math500.jsonl.gz", ("unique_id",))}
    for item, following in zip(items, items[1:] + items[:1], strict=True):
        row = rows[item.id]
        yield "math500", "own solution", item, row, row["solution"]
        yield "math500", "another item's solution", item, row, rows[following.id]["solution"]
        yield "math500", "sentence", item, row, f"After some work, the answer is ${item.answer}$."
        for whose, answer in (("own", item.answer), ("another's", following.answer)):
            yield "math500", f"Minerva's sentence, {whose}", item, row, MINERVA.format(answer)
            yield "math500", f"ANSWER line, {whose}", item, row, f"Some steps.\n\nANSWER: {answer}"
    by_id = {item.id: item for item in items}
    for name, said in answers("."):
        yield "math500", name, by_id[said["id"]], rows[said["id"]], said["completion"]


def ifeval_cases() -> Iterator[Case]:
    """IFEval: real completions of two models to other prompts, so that some instructions hold and most do not."""
    items = get_benchmark("ifeval").pool()
    directory = Path(os.environ["OFFMODEL_DATA"])
    rows = {str(r["key"]): r for r in read_jsonl(directory / "ifeval.jsonl.gz", ("key",))}
    for teacher in TEACHERS:
        outputs = read_jsonl(directory / "teachers" / f"{teacher}.jsonl.gz", ("output",))
        for i, item in enumerate(items):
            yield "ifeval", teacher, item, rows[item.id], outputs[i]["output"] or ""


def answers(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Models' own answers in a folder of OFFMODEL_ANSWERS: file name, row."""
    directory = os.environ.get("OFFMODEL_ANSWERS")
    for path in sorted((Path(directory) / folder).glob("*.jsonl")) if directory else []:
        yield from ((path.stem, row) for row in read_jsonl(path, ("id", "completion")))


def mmlu_cases() -> Iterator[Case]:
    """MMLU's STEM questions: a letter in the forms that models answer with, the right one's and another's."""
    benchmark = get_benchmark("mmlu_stem")
    items = benchmark.items(MMLU_ITEMS, 0)
    rows = {}
    for row in read_jsonl(Path(os.environ["OFFMODEL_DATA"]) / "mmlu_stem.jsonl.gz", ("question", "choices")):
        rows |= {item.id: row for item in benchmark.to_items(row)}  # pyright: ignore[reportAttributeAccessIssue]
    for item in items:
        row, right = rows[item.id], "ABCD".index(item.answer)
        for whose, i in (("right", right), ("another", (right + 1) % 4)):
            letter, choice = "ABCD"[i], row["choices"][i]
            yield "mmlu", f"bare letter, {whose}", item, row, letter
            yield "mmlu", f"letter and choice, {whose}", item, row, f"{letter}. {choice}"
            yield "mmlu", f"sentence, {whose}", item, row, f"One can rule out the others. The answer is ({letter})."
            yield "mmlu", f"ANSWER line, {whose}", item, row, f"Some steps.\n\nANSWER: {letter}"
    by_id = {item.id: item for item in benchmark.pool()}
    for name, said in answers("mmlu_stem"):
        yield "mmlu", name, by_id[said["id"]], rows[said["id"]], said["completion"]


def ours() -> Iterator[dict[str, Any]]:
    for name, kind, item, _, completion in [*math_cases(), *ifeval_cases(), *mmlu_cases()]:
        grade = get_benchmark(name).grade(item, completion)
        verdicts = {"correct": grade.correct}
        if name == "ifeval":
            asked = len(item.meta["instructions"])
            verdicts = {
                "prompt strict": grade.correct,
                "prompt loose": bool(grade.measures["prompt_loose"]),
                "instructions strict": grade.measures["strict"],
                "instructions loose": grade.measures["loose"],
            }
            assert asked == grade.measures["asked"]
        yield {"benchmark": name, "kind": kind, "id": item.id, "answer": item.answer, "said": grade.extracted, **verdicts}


def reference() -> Iterator[dict[str, Any]]:
    import inspect_evals.math.utils as inspect_math  # pyright: ignore[reportMissingImports]
    import lm_eval.tasks.minerva_math.utils as minerva  # pyright: ignore[reportMissingImports]

    async def inspect_says(completion: str, gold: str) -> bool:
        answer = inspect_math.extract_answer(completion)
        return await inspect_math.is_equiv(answer, gold) or await inspect_math.is_equiv_sympy(answer, gold)

    for name, kind, item, row, completion in math_cases():
        harness = minerva.process_results(row, [completion])
        inspected: bool | None = None
        if kind.startswith("ANSWER"):  # the only form its scorer reads
            inspected = asyncio.run(inspect_says(completion, item.answer))
        yield {
            "benchmark": name,
            "kind": kind,
            "id": item.id,
            "lm-eval math_verify": bool(harness["math_verify"]),
            "lm-eval exact_match": bool(harness["exact_match"]) if kind.startswith("Minerva") else None,
            "inspect-evals": inspected,
        }
    harness_ifeval = lm_eval_ifeval()
    for name, kind, item, row, completion in ifeval_cases():
        kwargs = [{k: v for k, v in k_.items() if v is not None} for k_ in row["kwargs"]]
        found = harness_ifeval.process_results(row | {"kwargs": kwargs}, [completion])
        yield {
            "benchmark": name,
            "kind": kind,
            "id": item.id,
            "prompt strict": found["prompt_level_strict_acc"],
            "prompt loose": found["prompt_level_loose_acc"],
            "instructions strict": sum(found["inst_level_strict_acc"]),
            "instructions loose": sum(found["inst_level_loose_acc"]),
        }

    yield from mmlu_reference()


def mmlu_reference() -> Iterator[dict[str, Any]]:
    """lm-evaluation-harness's two generative MMLU tasks and inspect-evals' scorer, each on the forms that it reads."""
    from inspect_ai.model import ModelOutput
    from inspect_ai.solver import TaskState
    from inspect_ai.solver._multiple_choice import parse_answers

    cases = list(mmlu_cases())
    letters = lm_eval_mmlu("generative/_default", cases, "{}")
    sentences = lm_eval_mmlu("flan_cot_zeroshot/_mmlu_flan_cot_zeroshot", cases, "({})")
    model: Any = "m"
    for (name, kind, item, row, completion), bare, sentence in zip(cases, letters, sentences, strict=True):
        output = ModelOutput.from_content("m", completion)
        state = TaskState(model=model, sample_id=item.id, epoch=1, input="", messages=[], choices=row["choices"], output=output)
        own = not kind.endswith((", right", ", another"))
        yield {
            "benchmark": name,
            "kind": kind,
            "id": item.id,
            "lm-eval generative": bare if kind.startswith("bare") else None,
            "lm-eval flan_cot": sentence if kind.startswith(("sentence", "letter")) else None,
            "lm-eval, either": bare or sentence if own else None,
            "inspect-evals": parse_answers(state, False) == {item.answer} if kind.startswith("ANSWER") else None,
        }


def lm_eval_mmlu(task: str, cases: list[Case], gold: str) -> list[bool]:
    """The verdicts of one of its generative MMLU tasks: the last of its filters, then exact match, as its file says."""
    import lm_eval.tasks  # pyright: ignore[reportMissingImports]
    import yaml
    from lm_eval.api.metrics import exact_match_hf_evaluate  # pyright: ignore[reportMissingImports]
    from lm_eval.api.registry import get_filter  # pyright: ignore[reportMissingImports]

    config = yaml.safe_load((Path(lm_eval.tasks.__file__).parent / "mmlu" / f"{task}_template_yaml").read_text())
    metric = {k: v for k, v in config["metric_list"][0].items() if k.startswith("ignore")}
    rows, said = [row for *_, row, _ in cases], [[completion] for *_, completion in cases]
    for step in config["filter_list"][-1]["filter"]:
        options = {k: v for k, v in step.items() if k != "function"}
        said = list(get_filter(step["function"])(**options).apply(said, rows))
    golds = [gold.format(item.answer) for _, _, item, _, _ in cases]
    matches = (exact_match_hf_evaluate(predictions=[a], references=[g], **metric) for a, g in zip(said, golds, strict=True))
    return [bool(match["exact_match"]) for match in matches]


def lm_eval_ifeval() -> Any:
    """lm-evaluation-harness's IFEval, with sentences split as NLTK would where its data cannot be downloaded."""
    from if_verifiable.ifeval import instructions_util as packaged
    from lm_eval.tasks.ifeval import instructions_util, utils  # pyright: ignore[reportMissingImports]

    give_sentence_data()
    try:
        instructions_util.count_sentences("One. Two.")
    except LookupError:
        instructions_util._get_sentence_tokenizer = packaged._get_sentence_tokenizer
        instructions_util.nltk = packaged.nltk
    return utils


def report(ours_file: Path, reference_file: Path) -> str:
    mine, theirs = (read_jsonl(path, ("benchmark", "kind", "id")) for path in (ours_file, reference_file))
    lines = ["| benchmark | completions | n | verdict | reference | agree |", "|---|---|---|---|---|---|"]
    apart: list[str] = []
    for benchmark, kind in dict.fromkeys((r["benchmark"], r["kind"]) for r in mine):
        pairs = [(a, b) for a, b in zip(mine, theirs, strict=True) if (a["benchmark"], a["kind"]) == (benchmark, kind)]
        for key in [k for k in pairs[0][1] if k not in ("benchmark", "kind", "id")]:
            own = key if benchmark == "ifeval" else "correct"
            if pairs[0][1][key] is None:
                continue
            differ = [(a, b) for a, b in pairs if a[own] != b[key]]
            name = "lm-eval" if benchmark == "ifeval" else key
            lines.append(f"| {benchmark} | {kind} | {len(pairs)} | {own} | {name} | {len(pairs) - len(differ)} |")
            for a, b in differ:
                read = f"`{a['answer']}` | `{a['said']}` | {a[own]} | {name}: {b[key]} |"
                apart.append(f"| {benchmark} | {kind} | `{a['id']}` | {read}")
    head = "| benchmark | completions | item | gold | ours read | ours | reference |\n|---|---|---|---|---|---|---|\n"
    return "\n".join(lines) + f"\n\n## Every disagreement ({len(apart)})\n\n" + head + "\n".join(apart) + "\n"


def main() -> None:
    what, *files = sys.argv[1:]
    if what == "report":
        target = Path(files[2])
        before = target.read_text().split("<!-- table -->")[0] if target.exists() else ""
        target.write_text(f"{before}<!-- table -->\n\n{report(Path(files[0]), Path(files[1]))}")
        return
    with Path(files[0]).open("w") as f:
        f.writelines(json.dumps(row) + "\n" for row in (ours() if what == "ours" else reference()))


if __name__ == "__main__":
    main()
