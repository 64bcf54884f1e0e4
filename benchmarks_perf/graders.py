"""Our graders beside the field's, verdict by verdict, on the same completions, and docs/results/graders.md made from it.

    OFFMODEL_DATA=DIR .venv/bin/python benchmarks_perf/graders.py

DIR holds math500, gsm8k, ifeval, mmlu_stem, mbpp and teachers/ (AlpacaEval outputs). The references, lm-evaluation-harness and
inspect-evals, live in an environment of their own, since lm-eval needs an older parser than math-verify's newest; it is made on
the first run (some minutes), in ``--environment``. Models' own answers are compared too: JSONL files, gzipped or not, in
DIR/BENCHMARK/ of ``--answers DIR``, rows with ``id`` and ``completion`` (default: docs/results/qwen2.5-coder-1.5b/answers).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from offmodel.benchmarks import Item, get_benchmark
from offmodel.benchmarks.base import item_id
from offmodel.benchmarks.ifeval import give_sentence_data
from offmodel.data.jsonl import read_jsonl

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results" / "graders.md"
KEPT = ROOT / "docs" / "results" / "qwen2.5-coder-1.5b" / "answers"
REFERENCES = ("lm-eval[math,ifeval]==0.4.13", "inspect-evals==0.26.0")
TEACHERS = ("gpt-4o-2024-05-13", "phi-2-sft")
MINERVA = "Some steps.\nFinal Answer: The final answer is ${}$. I hope it is correct."
LINE = "Some steps.\n\nANSWER: {}"
MMLU_ITEMS = 300
PAIRS = (
    *(("50", "50\\%"), ("0.5", "50\\%"), ("50\\%", "50"), ("50\\%", "0.5"), ("1,2", "2,1"), ("(1,2)", "(2,1)"), ("(1,2)", "1,2")),
    *(("1,2", "(1,2)"), ("\\{1,2\\}", "1,2"), ("2,2", "2"), ("5", "y=5"), ("x=5", "5"), ("x=5", "y=5"), ("y=2x+3", "2x+3")),
    *(("10", "10_2"), ("10_2", "10"), ("18", "\\$18"), ("18", "18 \\text{ dollars}"), ("18", "18 dollars"), ("90^\\circ", "90")),
    *(("864 \\mbox{ inches}^2", "864"), ("864 \\mbox{ inches}^2", "864 \\mbox{ inches}^3"), ("1.25", "\\frac{5}{4}")),
    *(("\\frac{14}{3}", "4.67"), ("0.333", "\\frac13"), ("\\sqrt{2}", "1.41421356"), ("\\pi", "3.14159265"), ("3.14", "\\pi")),
    *(("0.0000001", "0.0000002"), ("\\frac{1}{2004!}", "\\frac{1}{2006!}"), ("1000", "1,000"), ("1{,}000", "1000")),
    *(
        ("2\\frac12", "2.5"),
        ("1 2/3", "\\frac53"),
        ("1 2/3", "12/3"),
        ("\\frac{11}{2}", "\\frac{1}{12}"),
        ("\\sqrt{23}", "\\sqrt{2}3"),
    ),
    *(("12", "1 2"), ("11\\sqrt2", "11\\sqrt{2}"), ("[1,2]", "(1,2)"), ("(1,2]", "(1,2)"), ("x\\in[-2,7]", "[-2,7]")),
    *(("2x+3", "3+2x"), ("\\text{Evelyn}", "Evelyn"), ("\\text{even}", "\\text{odd}"), ("\\text{(E)}", "E")),
)
"""Gold and answer, where graders differ or did."""
Case = tuple[str, str, Item, dict[str, Any], str]
"""Benchmark, kind of completion, item, its row as the reference takes it, completion."""


def data(name: str) -> list[dict[str, Any]]:
    return read_jsonl(Path(os.environ["OFFMODEL_DATA"]) / f"{name}.jsonl.gz", ())


def answers(benchmark: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Models' own answers: file name, row."""
    for path in sorted((Path(os.environ["OFFMODEL_ANSWERS"]) / benchmark).glob("*.jsonl*")):
        name = path.name.removesuffix(".gz").removesuffix(".jsonl")
        yield from ((name, row) for row in read_jsonl(path, ("id", "completion")))


# ---------------------------------------------------------------- completions


def math_cases() -> Iterator[Case]:
    """MATH-500: written solutions and bare answers, an item's own and another's, in the formats the references read."""
    items = get_benchmark("math500").pool()
    rows = {r["unique_id"]: r for r in data("math500")}
    for item, following in zip(items, items[1:] + items[:1], strict=True):
        row = rows[item.id]
        yield "math500", "own solution", item, row, row["solution"]
        yield "math500", "another item's solution", item, row, rows[following.id]["solution"]
        yield "math500", "sentence", item, row, f"After some work, the answer is ${item.answer}$."
        for whose, answer in (("own", item.answer), ("another's", following.answer)):
            yield "math500", f"Minerva's sentence, {whose}", item, row, MINERVA.format(answer)
            yield "math500", f"ANSWER line, {whose}", item, row, LINE.format(answer)
    by_id = {item.id: item for item in items}
    for name, said in answers("math500"):
        yield "math500", name, by_id[said["id"]], rows[said["id"]], said["completion"]


def gsm8k_cases() -> Iterator[Case]:
    """GSM8K: written solutions, and the number alone in the forms that the references read."""
    rows = {item_id(r["question"]): r for r in data("gsm8k")}
    items = get_benchmark("gsm8k").pool()
    for item, following in zip(items, items[1:] + items[:1], strict=True):
        row = rows[item.id]
        yield "gsm8k", "own solution", item, row, row["answer"]
        yield "gsm8k", "another item's solution", item, row, rows[following.id]["answer"]
        yield "gsm8k", "sentence", item, row, f"Some steps. The answer is {item.answer}."
        yield "gsm8k", "ANSWER line, own", item, row, LINE.format(item.answer)
        yield "gsm8k", "ANSWER line, another's", item, row, LINE.format(following.answer)
    by_id = {item.id: item for item in items}
    for name, said in answers("gsm8k"):
        yield "gsm8k", name, by_id[said["id"]], rows[said["id"]], said["completion"]


def ifeval_cases() -> Iterator[Case]:
    """IFEval: real completions of two models to other prompts, so that some instructions hold and most do not."""
    items = get_benchmark("ifeval").pool()
    rows = {str(r["key"]): r for r in data("ifeval")}
    for teacher in TEACHERS:
        outputs = data(f"teachers/{teacher}")
        for i, item in enumerate(items):
            yield "ifeval", teacher, item, rows[item.id], outputs[i]["output"] or ""


def mmlu_cases() -> Iterator[Case]:
    """MMLU's STEM questions: a letter in the forms that models answer with, the right one's and another's."""
    benchmark = get_benchmark("mmlu_stem")
    items = benchmark.items(MMLU_ITEMS, 0)
    rows = {}
    for row in data("mmlu_stem"):
        rows |= {item.id: row for item in benchmark.to_items(row)}  # pyright: ignore[reportAttributeAccessIssue]
    for item in items:
        row, right = rows[item.id], "ABCD".index(item.answer)
        for whose, i in (("right", right), ("another", (right + 1) % 4)):
            letter, choice = "ABCD"[i], row["choices"][i]
            yield "mmlu_stem", f"bare letter, {whose}", item, row, letter
            yield "mmlu_stem", f"letter and choice, {whose}", item, row, f"{letter}. {choice}"
            yield "mmlu_stem", f"sentence, {whose}", item, row, f"One can rule out the others. The answer is ({letter})."
            yield "mmlu_stem", f"ANSWER line, {whose}", item, row, LINE.format(letter)
    by_id = {item.id: item for item in benchmark.pool()}
    for name, said in answers("mmlu_stem"):
        yield "mmlu_stem", name, by_id[said["id"]], rows[said["id"]], said["completion"]


def mbpp_cases() -> Iterator[Case]:
    """MBPP: the published programs, which pass, and another item's, which does not."""
    rows = {str(r["task_id"]).zfill(4): r for r in data("mbpp")}
    items = get_benchmark("mbpp").pool()
    for item, following in zip(items, items[1:] + items[:1], strict=True):
        for kind, whose in (("published program", item), ("another item's program", following)):
            yield "mbpp", kind, item, rows[item.id], f"Like this:\n\n```python\n{rows[whose.id]['code']}\n```\nDone."


# ---------------------------------------------------------------- verdicts


def ours() -> Iterator[dict[str, Any]]:
    """Our verdict on every case."""
    cases = [*math_cases(), *gsm8k_cases(), *ifeval_cases(), *mmlu_cases(), *mbpp_cases()]
    for name in dict.fromkeys(case[0] for case in cases):
        own = [case for case in cases if case[0] == name]
        grades = get_benchmark(name).grade_all([(item, completion) for _, _, item, _, completion in own])
        for (_, kind, item, _, _), grade in zip(own, grades, strict=True):
            verdicts: dict[str, Any] = {"correct": grade.correct}
            if name == "ifeval":
                verdicts = {
                    "prompt strict": grade.correct,
                    "prompt loose": bool(grade.measures["prompt_loose"]),
                    "instructions strict": grade.measures["strict"],
                    "instructions loose": grade.measures["loose"],
                }
            yield {"benchmark": name, "kind": kind, "id": item.id, "answer": item.answer, "said": grade.extracted} | verdicts
    maths = get_benchmark("math500")
    boxed = [(Item("x", "q", gold), f"The answer is $\\boxed{{{answer}}}$.") for gold, answer in PAIRS]
    for pair, grade in zip(PAIRS, maths.grade_all(boxed), strict=True):
        yield {"benchmark": "pair", "kind": "pair", "id": " ".join(pair), "correct": grade.correct}


def reference() -> Iterator[dict[str, Any]]:
    """The references' verdicts, on the forms that each reads; None on the others. Runs in their environment."""
    import lm_eval.tasks.minerva_math.utils as minerva  # pyright: ignore[reportMissingImports]

    for name, kind, item, row, completion in math_cases():
        harness = minerva.process_results(row | {"answer": minerva.normalize_final_answer(row["answer"])}, [completion])
        yield {
            "benchmark": name,
            "kind": kind,
            "id": item.id,
            "lm-eval math_verify": bool(harness["math_verify"]),
            "lm-eval exact_match": bool(harness["exact_match"]) if kind.startswith("Minerva") else None,
            "inspect-evals": inspect_maths(completion, item.answer) if kind.startswith("ANSWER") else None,
        }
    yield from gsm8k_reference()
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
    for name, kind, item, _, _ in mbpp_cases():
        yield {"benchmark": name, "kind": kind, "id": item.id, "its authors": kind == "published program"}
    yield from pairs_reference()


def gsm8k_reference() -> Iterator[dict[str, Any]]:
    """lm-evaluation-harness's two filters, and the scorer of inspect-evals, which reads the last line."""
    from inspect_ai.scorer import Target, match

    cases = list(gsm8k_cases())
    strict, flexible = (lm_eval_task("gsm8k/gsm8k.yaml", name, cases, "{}") for name in ("strict-match", "flexible-extract"))
    scorer = match(numeric=True)
    for (name, kind, item, _, completion), exact, loose in zip(cases, strict, flexible, strict=True):
        own = not kind.startswith(("own", "another", "sentence", "ANSWER"))
        read: Any = asyncio.run(scorer(inspect_state(item.id, completion), Target(item.answer)))  # pyright: ignore
        yield {
            "benchmark": name,
            "kind": kind,
            "id": item.id,
            "lm-eval strict": exact if "solution" in kind else None,
            "lm-eval flexible": loose if own or kind == "sentence" else None,
            "inspect-evals": read.value == "C" if kind.startswith("ANSWER") else None,
        }


def mmlu_reference() -> Iterator[dict[str, Any]]:
    """lm-evaluation-harness's two generative MMLU tasks and inspect-evals' scorer, each on the forms that it reads."""
    from inspect_ai.solver._multiple_choice import parse_answers

    cases = list(mmlu_cases())
    letters = lm_eval_task("mmlu/generative/_default_template_yaml", None, cases, "{}")
    sentences = lm_eval_task("mmlu/flan_cot_zeroshot/_mmlu_flan_cot_zeroshot_template_yaml", None, cases, "({})")
    for (name, kind, item, row, completion), bare, sentence in zip(cases, letters, sentences, strict=True):
        own = not kind.endswith((", right", ", another"))
        read = parse_answers(inspect_state(item.id, completion, row["choices"]), False) == {item.answer}
        yield {
            "benchmark": name,
            "kind": kind,
            "id": item.id,
            "lm-eval generative": bare if kind.startswith("bare") else None,
            "lm-eval flan_cot": sentence if kind.startswith(("sentence", "letter")) else None,
            "lm-eval, either": bare or sentence if own else None,
            "inspect-evals": read if kind.startswith("ANSWER") else None,
        }


def pairs_reference() -> Iterator[dict[str, Any]]:
    """What each reader of mathematics says of a gold and an answer, in the form that it reads."""
    import lm_eval.tasks.hendrycks_math.utils as hendrycks  # pyright: ignore[reportMissingImports]
    import lm_eval.tasks.minerva_math.utils as minerva  # pyright: ignore[reportMissingImports]

    for gold, answer in PAIRS:
        boxed = f"The answer is $\\boxed{{{answer}}}$."
        row = {"solution": f"So it is $\\boxed{{{gold}}}$.", "answer": minerva.normalize_final_answer(gold)}
        yield {
            "benchmark": "pair",
            "kind": "pair",
            "id": f"{gold} {answer}",
            "lm-eval exact_match": bool(minerva.process_results(row, [MINERVA.format(answer)])["exact_match"]),
            "lm-eval math_verify": bool(minerva.process_results(row, [boxed])["math_verify"]),
            "inspect-evals": inspect_maths(LINE.format(answer), gold),
            "MATH's own": bool(hendrycks.is_equiv(answer, gold)),
        }


def inspect_maths(completion: str, gold: str) -> bool:
    """Either of the scorers of inspect-evals' MATH that need no model."""
    from inspect_ai.scorer import Target
    from inspect_evals.math.math import (  # pyright: ignore[reportMissingImports]
        expression_exact_match,
        expression_exact_match_sympy,
    )

    state = inspect_state("x", completion)
    return any(asyncio.run(s()(state, Target(gold))).value == "C" for s in (expression_exact_match, expression_exact_match_sympy))


def inspect_state(name: str, completion: str, choices: list[str] | None = None) -> Any:
    from inspect_ai.model import ModelOutput
    from inspect_ai.solver import TaskState

    output, model = ModelOutput.from_content("m", completion), "m"
    return TaskState(model=model, sample_id=name, epoch=1, input="", messages=[], choices=choices, output=output)  # pyright: ignore


def lm_eval_task(file: str, name: str | None, cases: list[Case], gold: str) -> list[bool]:
    """The verdicts of one of its tasks: the filter of that name (else the last), then exact match, as its file says."""
    import lm_eval.tasks  # pyright: ignore[reportMissingImports]
    import yaml
    from lm_eval.api.metrics import exact_match_hf_evaluate  # pyright: ignore[reportMissingImports]
    from lm_eval.api.registry import get_filter  # pyright: ignore[reportMissingImports]

    config = yaml.safe_load((Path(lm_eval.tasks.__file__).parent / file).read_text())
    metric = {k: v for k, v in config["metric_list"][0].items() if k.startswith(("ignore", "regexes"))}
    chosen = next(f for f in reversed(config["filter_list"]) if name in (None, f["name"]))
    rows, said = [row for *_, row, _ in cases], [[completion] for *_, completion in cases]
    for step in chosen["filter"]:
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


# ---------------------------------------------------------------- the page


def report(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str:
    lines = ["| benchmark | completions | n | verdict | reference | agree |", "|---|---|---|---|---|---|"]
    apart: list[str] = []
    for benchmark, kind in dict.fromkeys((r["benchmark"], r["kind"]) for r in mine if r["benchmark"] != "pair"):
        pairs = [(a, b) for a, b in zip(mine, theirs, strict=True) if (a["benchmark"], a["kind"]) == (benchmark, kind)]
        for key in [k for k in pairs[0][1] if k not in ("benchmark", "kind", "id")]:
            own = key if benchmark == "ifeval" else "correct"
            if pairs[0][1][key] is None:
                continue
            differ = [(a, b) for a, b in pairs if a[own] != b[key]]
            name = "lm-eval" if benchmark == "ifeval" else key
            lines.append(f"| {benchmark} | {kind} | {len(pairs)} | {own} | {name} | {len(pairs) - len(differ)} |")
            for a, b in differ:
                read = f"`{_cell(a['answer'])}` | `{_cell(a['said'])}` | {a[own]} | {name}: {b[key]} |"
                apart.append(f"| {benchmark} | {kind} | `{a['id']}` | {read}")
    head = "| benchmark | completions | item | gold | ours read | ours | reference |\n|---|---|---|---|---|---|---|\n"
    return (
        "\n".join(lines)
        + f"\n\n## Every disagreement ({len(apart)})\n\n"
        + head
        + "\n".join(apart)
        + "\n\n"
        + leniencies(mine, theirs)
    )


def leniencies(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str:
    readers = ("lm-eval exact_match", "lm-eval math_verify", "inspect-evals", "MATH's own")
    lines = [f"| gold | answer | ours | {' | '.join(readers)} |", "|---|---|---|" + "---|" * len(readers)]
    both = [(a, b) for a, b in zip(mine, theirs, strict=True) if a["benchmark"] == "pair"]
    for (gold, answer), (a, b) in zip(PAIRS, both, strict=True):
        verdicts = " | ".join("right" if v else "wrong" for v in (a["correct"], *(b[r] for r in readers)))
        lines.append(f"| `{_cell(gold)}` | `{_cell(answer)}` | {verdicts} |")
    return "## What counts as equal\n\n" + "\n".join(lines) + "\n"


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def environment(directory: Path) -> Path:
    """The Python of the references, with this package in it."""
    python = directory / "bin" / "python"
    if not python.exists():
        print(f"making the references' environment in {directory}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "torch==2.13.0"], check=True)
        subprocess.run([*pip, "torch==2.13.0", "-e", str(ROOT), *REFERENCES], check=True)
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--environment", type=Path, default=Path.home() / ".cache" / "offmodel" / "graders", help="of the references"
    )
    parser.add_argument("--answers", type=Path, default=KEPT, help="models' own answers")
    parser.add_argument("--only", choices=("ours", "reference"), help="print one side's verdicts as JSON lines")
    arguments = parser.parse_args()
    os.environ["OFFMODEL_ANSWERS"] = str(arguments.answers)
    if arguments.only:
        for row in ours() if arguments.only == "ours" else reference():
            print(json.dumps(row))
        return
    python = environment(arguments.environment)
    with tempfile.TemporaryFile("w+") as said:
        command = [str(python), __file__, "--only", "reference", "--answers", str(arguments.answers)]
        running = subprocess.Popen(command, stdout=said, text=True)
        mine = list(ours())
        if running.wait():
            raise SystemExit("the references ended with an error")
        said.seek(0)
        theirs = [json.loads(line) for line in said if line.startswith("{")]
    before = PAGE.read_text().split("<!-- table -->")[0] if PAGE.exists() else ""
    PAGE.write_text(f"{before}<!-- table -->\n\n{report(mine, theirs)}")
    print(f"{len(mine)} verdicts: {PAGE}")


if __name__ == "__main__":
    main()
