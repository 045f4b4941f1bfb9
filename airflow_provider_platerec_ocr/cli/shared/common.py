"""What the commands share: exit codes, how they speak to people, and what they refuse."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, TextIO

from airflow_provider_platerec_ocr.core.errors import OCRError, OCRInputError
from airflow_provider_platerec_ocr.core.fingerprint import is_fingerprint, why_no_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FINE, FAILED, MISUNDERSTOOD, FINDINGS, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes of all commands; 2 is argparse's own, for a command that cannot be understood."""
_ANSWERS: ContextVar[TextIO | None] = ContextVar("answers", default=None)
"""The standard output, while it is kept for answers alone."""


def refuse_empty(given: argparse.Namespace, *names: str) -> None:
    """Refuse options that were given without a value: in a script, that is a variable that was never set.

    :raises OCRInputError: one of them is empty.
    """
    for name in names:
        value = getattr(given, name)
        if value is not None and not str(value).strip():
            what = "The fingerprint or image" if name == "what" else f"--{name.replace('_', '-')}"
            message = f"{what} is empty, so nothing was done. Is a variable of your script not set?"
            raise OCRInputError(message)


def fingerprint(text: str) -> str:
    """Return an option's value as a fingerprint; an empty one is left to :func:`refuse_empty`, which says more.

    :raises argparse.ArgumentTypeError: it is none.
    """
    if text.strip() and not is_fingerprint(text):
        message = f"{text!r} is no fingerprint: {why_no_fingerprint(text)}."
        raise argparse.ArgumentTypeError(message)
    return text


def at_least(least: int) -> Callable[[str], int]:
    """Return what reads an option's value as a whole number that is not too small."""

    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            message = f"must be a whole number of at least {least}, not {text!r}"
            raise argparse.ArgumentTypeError(message)
        return int(text)

    return number


def minutes(text: str) -> float:
    """Return an option's value as minutes.

    :raises argparse.ArgumentTypeError: it is no number, or less than none.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < float("inf"):
        message = f"must be a number of minutes such as 10, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return number


def say(line: str) -> None:
    """Print a line of the answer."""
    write(f"{line}\n")


def write(text: str) -> None:
    """Print a part of the answer as it is."""
    (_ANSWERS.get() or sys.stdout).write(text)


@contextmanager
def answers_alone() -> Iterator[None]:
    """Keep the standard output for answers: what others print there, as Airflow 3.1 its log, goes to the errors."""
    token = _ANSWERS.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _ANSWERS.reset(token)


def complain(line: str) -> int:
    """Print what went wrong, apart from answers, and return the exit code for it."""
    sys.stderr.write(f"{line}\n")
    return FAILED


def user_name() -> str:
    """Return who is logged in, for what is kept with a name; a container may have a user without any."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def guarded(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; what went wrong is one sentence, and no trace of the program."""
    try:
        with answers_alone():
            return command()
    except OCRError as error:
        return complain(str(error))
    except BrokenPipeError:  # of `… | head`
        _hush()
        return FINE
    except OSError as error:
        return complain(f"The store refuses: {error}")
    except KeyboardInterrupt:
        complain("Stopped.")
        return INTERRUPTED


def _hush() -> None:
    """Send what is still to be written nowhere: else the interpreter complains at its end."""
    with suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # a device, no path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
