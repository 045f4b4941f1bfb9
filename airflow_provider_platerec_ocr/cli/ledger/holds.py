"""The ledger's command about the holds of accounts: show them, and lift them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.shared.output import Output, takes_output
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.engine.ledger.ledger import BOARDS
from airflow_provider_platerec_ocr.engine.rate.hold_file import HoldFile
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

NAMES = ("holds",)
"""Of the commands."""
_ABOUT = "Tell which accounts are held, since the API asked to wait, and lift a hold"


def add_to(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser("holds", help=_ABOUT, description=f"{_ABOUT}.")
    takes_lift(parser)
    takes_output(parser)
    parser.set_defaults(run=_holds)


def takes_lift(parser: argparse.ArgumentParser) -> None:
    """Have a command take which hold is to be lifted."""
    parser.add_argument("--lift", metavar="ACCOUNT", help="let calls start again: an account as it is shown, or 'all'")


def _holds(given: argparse.Namespace, _admin: LedgerAdmin, ledger: Ledger) -> int:
    return show_or_lift(given, ledger, SystemClock())


def show_or_lift(given: argparse.Namespace, ledger: Ledger, clock: Clock) -> int:
    """Show the holds, lift those that are meant, and return the exit code.

    :raises OCRInputError: what is to be lifted is not held.
    """
    wanted = given.lift
    if wanted is not None and not wanted.strip():
        message = "--lift is empty, so nothing was done. Is a variable of your script not set?"
        raise OCRInputError(message)
    files = {account: HoldFile(Store(ledger.board(account)), clock) for account in ledger.store.bare_names(BOARDS)}
    held = {account: left for account, file in files.items() if (left := _left(file, clock))}
    lifted = [account for account in held if wanted in {account, "all"}]
    with Output(given.output) as out:
        _tell(out, held, nobody=wanted is None)
        if wanted is not None and not lifted:
            message = "No account is held." if wanted == "all" else f"Nothing was done: {wanted} is not held."
            raise OCRInputError(message)
        for account in lifted:
            files[account].open(lifted=True)
            out.say(f"{account}  lifted: calls start again, within seconds where a task is waiting")
        out.put(lifted=lifted)
    return 0


def _tell(out: Output, held: Mapping[str, tuple[float, bool, str]], *, nobody: bool) -> None:
    for account, (_, _, line) in held.items():
        out.say(f"{account}  {line}")
    if nobody and not held:
        out.say("No account is held.")
    out.put(
        holds=[
            {"account": account, "left_s": round(left_s), "one_asks_first": asks}
            for account, (left_s, asks, _) in held.items()
        ]
    )


def _left(file: HoldFile, clock: Clock) -> tuple[float, bool, str] | None:
    """Return what is left of an account's hold: seconds, whether one call asks first then, and both in words."""
    posted = file.posted()
    left_s = posted.until_s - clock.now().timestamp()
    then = "then one call asks before the others start" if posted.ask_first else "then calls start again"
    if left_s > 0.0:
        return left_s, posted.ask_first, f"nothing starts for another {timedelta(seconds=round(left_s))}; {then}"
    return (0.0, True, "the next call asks alone before the others start") if posted.ask_first else None
