"""Code that models write is run where it can harm nothing: hostile programs try."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.sandbox import code_of, grade_code, run_program
from offmodel.errors import OffmodelError


def isolated():
    try:
        return run_program("print(1)").code == 0
    except OffmodelError:
        return False


pytestmark = pytest.mark.skipif(not isolated(), reason="this system gives no user namespaces")


def test_a_right_and_a_wrong_function():
    tests = "assert add(2, 3) == 5\nassert add(-1, 1) == 0"
    assert grade_code(tests, "Here it is:\n```python\ndef add(a, b):\n    return a + b\n```").correct
    wrong = grade_code(tests, "```\ndef add(a, b):\n    return a - b\n```")
    assert (wrong.correct, wrong.parsed) == (False, True)
    assert "AssertionError" in wrong.extracted
    assert not grade_code(tests, "I would add the numbers.").parsed
    assert code_of("```python\nx = 1\n```\nor\n```python\nx = 2\n```") == "x = 2\n"


LEAVES = ("import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit", "print('passed'); quit()")


@pytest.mark.parametrize("leave", LEAVES)
def test_leaving_before_the_tests_is_not_passing(leave):
    assert not grade_code("assert False", leave).correct


def test_an_endless_loop_and_an_endless_sleep_are_killed():
    start = time.monotonic()
    assert run_program("while True: pass", seconds=1).code != 0
    ran = run_program("import time\ntime.sleep(60)", seconds=1)
    assert ran.timed_out
    assert time.monotonic() - start < 15


def test_memory_is_limited():
    assert "MemoryError" in run_program("x = bytearray(4 << 30)").output


def test_there_is_no_network():
    ran = run_program("import socket\nsocket.create_connection(('127.0.0.1', 22), 2)")
    assert "Error" in ran.output
    assert "unreachable" in ran.output.lower()


def test_nothing_outside_can_be_written(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    write = f"open({str(precious)!r}, 'w').write('gone')"
    program = f"import os\nopen('here', 'w').write('x')\nprint(os.listdir('.'))\n{write}"
    ran = run_program(program)
    assert "['here']" in ran.output
    assert "Read-only file system" in ran.output
    run_program(f"import shutil\nshutil.rmtree({str(tmp_path)!r}, ignore_errors=True)")
    remount = f"import subprocess\nsubprocess.run(['mount', '-o', 'remount,rw', '/'])\n{write}"
    run_program(remount)
    assert precious.read_text() == "kept"


def test_processes_it_leaves_behind_die():
    mark = f"sleeper-{os.getpid()}-{time.time_ns()}"
    fork = "if os.fork() == 0:\n        os.setsid(); time.sleep(60)"
    run_program(f"import os, time\n{mark!r}\nfor _ in range(3):\n    {fork}\n", seconds=2)
    time.sleep(0.5)
    alive = [p for p in Path("/proc").iterdir() if p.name.isdigit() and mark in _command(p)]
    assert not alive


def _command(process):
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


def test_a_fork_bomb_is_stopped_and_this_process_lives():
    ran = run_program("import os\nwhile True: os.fork()", seconds=2)
    assert ran.code != 0 or ran.timed_out
    assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True, check=True).stdout == "1\n"


def test_a_flood_of_output_is_cut():
    ran = run_program("while True: print('x' * 10000)", seconds=2)
    assert ran.code != 0
    assert len(ran.output) <= 2000


def test_it_cannot_see_or_end_its_parents():
    ran = run_program(f"import os\nprint(os.getpid(), os.getppid())\nos.kill({os.getpid()}, 9)")
    assert "1 0\n" in ran.output
    assert "ProcessLookupError" in ran.output


def test_the_environment_is_empty():
    os.environ["OFFMODEL_API_KEY_TEST"] = "secret"
    try:
        assert "secret" not in run_program("import os\nprint(os.environ)").output
    finally:
        del os.environ["OFFMODEL_API_KEY_TEST"]


def test_a_benchmark_file_is_graded_by_its_tests(tmp_path):
    file = tmp_path / "mine.jsonl"
    row = {"question": "Write double(n).", "answer": "assert double(4) == 8"}
    file.write_text(json.dumps(row) + "\n")
    benchmark = get_benchmark(f"file:{file}?grader=code")
    (item,) = benchmark.items(1, 0)
    assert benchmark.grade(item, "```python\ndef double(n):\n    return 2 * n\n```").correct
    assert not benchmark.grade(item, "```python\ndef double(n):\n    return n\n```").correct
