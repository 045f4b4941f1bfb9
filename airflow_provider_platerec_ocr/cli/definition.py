"""What Airflow is told of the commands (provider info's ``cli``): names and one sentence each, and nothing is loaded.

Airflow asks in every ``airflow …`` that anybody starts, so a command's own module is imported when it is called. Each
command parses its words itself: ``airflow platerec-ocr …`` and ``python -m airflow_provider_platerec_ocr …`` are one
program, with one help. Airflow reads this from 3.2 on; before, the second way is the way.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.cli.cli_config import GroupCommand

GROUP = "platerec-ocr"
_ROOM = "airflow_provider_platerec_ocr.cli"
COMMANDS = {
    "quota": (f"{_ROOM}.account.quota", "what is left of the account's calls, what runs hold of it, how long it lasts"),
    "plan": (f"{_ROOM}.account.plan", "what a run over a manifest would read and cost; nothing is paid or written"),
    "runs": (f"{_ROOM}.account.runs", "the last runs of a dataset: images, calls, doubts, dead letters"),
    "report": (f"{_ROOM}.account.report", "what one run did and what it cost, in sentences"),
    "reads": (f"{_ROOM}.account.reads", "look for reads of a dataset: by code, image, camera, day"),
    "holds": (f"{_ROOM}.account.holds", "which accounts the API asked to wait; lift a hold"),
    "ledger": (f"{_ROOM}.ledger.command", "look into the ledger of paid calls, settle what is in doubt, forget"),
    "analysis": (f"{_ROOM}.analysis.command", "who is in the yard, how sure the reads are, and what a code stands for"),
    "dataset": (f"{_ROOM}.dataset.command", "look after a dataset: correct, compact, rebuild, delete"),
}
"""Each command: the module whose ``main`` it is, and what it tells."""
ABOUT = "Account, runs, ledger and datasets of the Plate Recognizer OCR provider. No command makes a paid call."


def get_commands() -> list[GroupCommand]:
    """Return the commands, as Airflow's own are described."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand  # only Airflow's command has it

    class Words(Arg):
        """All words after the command's name, left to the command itself."""

        def add_to_parser(self, parser: argparse.ArgumentParser) -> None:
            parser.parse_known_args = partial(_all_words, parser)  # type: ignore[method-assign, assignment]  # as it is called

    words = Words(flags=("words",))  # type: ignore[no-untyped-call]  # Airflow's class
    return [
        GroupCommand(
            name=GROUP,
            help="Look after the Plate Recognizer OCR provider",
            description=ABOUT,
            subcommands=tuple(
                ActionCommand(name=name, help=about, func=_called(name), args=(words,))
                for name, (_, about) in COMMANDS.items()
            ),
        )
    ]


def _all_words(
    parser: argparse.ArgumentParser, words: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
) -> tuple[argparse.Namespace, list[str]]:
    """Parse in the parser's place: take every word as it is."""
    namespace = namespace or argparse.Namespace()
    namespace.words, namespace.func = list(words or ()), parser.get_default("func")
    return namespace, []


def _called(name: str) -> Any:
    """Return what Airflow calls: it runs the command, and ends the process with its exit code."""

    def call(given: argparse.Namespace) -> None:
        sys.exit(run(name, given.words, f"airflow {GROUP}"))

    return call


def run(name: str, words: Sequence[str], prog: str) -> int:
    """Run one command and return its exit code.

    :param prog: what stands before the command's name, for its help.
    """
    code: int = import_module(COMMANDS[name][0]).main(words, prog=f"{prog} {name}")
    return code
