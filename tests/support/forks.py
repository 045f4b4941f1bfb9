"""A fresh interpreter for many questions at the price of one: it imports what they share, and forks for each.

Airflow takes seconds to import. Each question is a piece of code that finds the interpreter as the shared part left it,
and that none of the others has touched::

    answers = ask("import airflow.sdk", ["import mine; print(len(sys.modules))", ...])
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PROGRAM = """
import json, os, sys, tempfile, traceback

def run(code, output):
    os.dup2(output.fileno(), 1), os.dup2(output.fileno(), 2)
    try:
        exec(compile(code, "<question>", "exec"), {"__name__": "__main__", "sys": sys})
        ended = 0
    except SystemExit as exit:
        ended = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
    except BaseException:
        traceback.print_exc()
        ended = 1
    sys.stdout.flush(), sys.stderr.flush()
    return ended

def said(output):
    output.seek(0)
    return output.read().decode()

shared, questions, answers, real = *json.load(sys.stdin), [], os.dup(1)
with tempfile.TemporaryFile() as first:
    if run(shared, first):
        sys.exit(said(first))
    for question in questions:
        with tempfile.TemporaryFile() as output:
            child = os.fork()
            if not child:
                os._exit(run(question, output))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            answers.append((code, said(first) + said(output)))
os.write(real, json.dumps(answers).encode())
"""
MODULES = "print('\\n'.join(sys.modules))"
"""A question's last line: which modules are loaded."""


class Answer(NamedTuple):
    """How the code of a question ended."""

    code: int
    said: str
    """What the shared part and the question printed, stdout and stderr together."""


def ask(
    shared: str,
    questions: Sequence[str],
    *,
    python: str = sys.executable,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> list[Answer]:
    """Run the shared code once, and each question's in a fork of what it left."""
    done = subprocess.run(  # noqa: S603  # our own code
        [python, "-c", _PROGRAM],
        input=json.dumps([shared, questions]),
        capture_output=True,
        text=True,
        cwd=cwd,
        env=env,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [Answer(*answer) for answer in json.loads(done.stdout)]


def loaded(shared: str, questions: Sequence[str]) -> list[set[str]]:
    """Return the modules that each question loads beyond the shared ones."""
    before, *after = ask(shared, [MODULES, *(f"{question}\n{MODULES}" for question in questions)])
    assert [answer.said for answer in after if answer.code] == []
    return [set(answer.said.split()) - set(before.said.split()) for answer in after]
