"""The command ``holds``: which accounts of the configured ledger are held, and how to lift that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli.account.opening import parser_of, run
from airflow_provider_platerec_ocr.cli.ledger.holds import show_or_lift, takes_lift
from airflow_provider_platerec_ocr.cli.shared.places import any_place, configured
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock

_ABOUT = """\
Tell which accounts are held, since the API asked to wait (429, 503), and lift a hold. It costs nothing. It is the same
as `ledger LEDGER holds`, for the ledger of Airflow's configuration."""
_EXAMPLES = """\
  %(prog)s
  %(prog)s --lift all
  %(prog)s --ledger s3://aws_default@bucket/ocr-ledger --output json"""


def main(words: Sequence[str] | None = None, *, clock: Clock | None = None, prog: str = "holds") -> int:
    """Run the command and return its exit code."""
    return run(parser(prog), _holds, words, clock)


def parser(prog: str = "holds") -> argparse.ArgumentParser:
    """Return the command's parser."""
    made = parser_of(prog, _ABOUT, _EXAMPLES)
    takes_lift(made)
    made.add_argument("--ledger", help="place of the ledger of paid calls (default: as Airflow's configuration says)")
    return made


def _holds(given: argparse.Namespace, clock: Clock) -> int:
    named = configured("ledger", "ledger") if given.ledger is None else given.ledger
    if named is None:
        message = "Airflow's configuration names no ledger, and there is none in AIRFLOW_HOME: say it with --ledger."
        raise OCRInputError(message)
    place = any_place(named, "--ledger")
    ledger = Ledger.peek(place, lease_s=ClientSettings().lease_s, clock=clock)
    if not ledger.store.names():
        message = f"There is no ledger in {place}: nothing is there. Check the path."
        raise OCRInputError(message)
    return show_or_lift(given, ledger, clock)
