"""Running code that a model wrote: isolated, limited, without a network. Linux only.

A program gets its own user, network, process and mount namespaces, reads files but writes none outside an empty
directory in memory, and is killed with all it started when its time is over.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from offmodel.benchmarks.base import Grade
from offmodel.benchmarks.sandbox_child import NO_ISOLATION
from offmodel.errors import OffmodelError

SECONDS, MEMORY = 10, 1 << 30
SHOWN = 2000
"""Characters of output that are kept."""
FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Ran:
    """How a program ended.

    Attributes:
        code: exit code, 0 for a normal end.
        output: the end of what it wrote to standard output and error.
        timed_out: whether it was killed for taking too long.
    """

    code: int
    output: str
    timed_out: bool = False


def run_program(program: str, seconds: int = SECONDS, memory: int = MEMORY) -> Ran:
    """Run a Python program in the sandbox.

    Args:
        program: its text.
        seconds: of processor time; twice as many on the clock.
        memory: bytes of address space.

    Raises:
        OffmodelError: when the system offers no isolation: nothing is run then.
    """
    if sys.platform != "linux":
        raise OffmodelError("code written by models runs isolated on Linux only", "grade it on a Linux machine")
    child = Path(__file__).with_name("sandbox_child.py")
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile() as output:
        command = [sys.executable, "-I", "-S", str(child), str(seconds), str(memory), directory]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env={}, start_new_session=True, cwd="/"
        )
        try:
            process.communicate(program.encode(errors="replace"), timeout=2 * seconds)
            late = False
        except subprocess.TimeoutExpired:
            late = True
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # its only child dies with it, and with that child all it started
                process.wait()
        if process.returncode == NO_ISOLATION:
            raise OffmodelError(
                "this system gives no user namespaces, so code written by models cannot be isolated",
                "allow them (sysctl kernel.unprivileged_userns_clone=1), or grade on another machine",
            )
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - SHOWN))
        return Ran(process.returncode, output.read().decode(errors="replace"), late)


def code_of(completion: str) -> str:
    """The last fenced block of a completion, or all of it where there is none."""
    blocks = FENCED.findall(completion)
    return blocks[-1] if blocks else completion


def grade_code(tests: str, completion: str) -> Grade:
    """Whether the code in a completion passes ``tests``, which are statements that raise where it is wrong.

    A program that ends before its tests are through has not passed: the last line prints a word it cannot know.
    """
    code, word = code_of(completion), secrets.token_hex(16)
    try:
        compile(code, "completion", "exec")
    except (SyntaxError, ValueError):
        return Grade(False, False, "(no program)")
    ran = run_program(f"exec(compile({code!r}, 'completion', 'exec'))\n{tests}\nprint({word!r})\n")
    passed = ran.code == 0 and ran.output.rstrip().endswith(word)
    return Grade(passed, True, "passed" if passed else ran.output.strip()[-200:] or f"ended with code {ran.code}")
