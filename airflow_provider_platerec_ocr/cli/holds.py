"""The ledger's command about the holds of accounts: show them, and lift them."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.engine.ledger.ledger import BOARDS
from airflow_provider_platerec_ocr.engine.rate.hold_file import HoldFile
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    import argparse

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

_ABOUT = "Tell which accounts are held, since the API asked to wait, and lift a hold"


def add_to(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser("holds", help=_ABOUT, description=f"{_ABOUT}.")
    parser.add_argument("--lift", metavar="ACCOUNT", help="let calls start again: an account as it is shown, or 'all'")
    parser.set_defaults(run=_holds)


def _holds(given: argparse.Namespace, _admin: LedgerAdmin, ledger: Ledger) -> int:
    wanted = given.lift
    if wanted is not None and not wanted.strip():
        message = "--lift is empty, so nothing was done. Is a variable of your script not set?"
        raise OCRInputError(message)
    clock = SystemClock()
    files = {account: HoldFile(Store(ledger.board(account)), clock) for account in ledger.store.bare_names(BOARDS)}
    held = {account: line for account, file in files.items() if (line := _left(file, clock))}
    for account, line in held.items():
        _say(f"{account}  {line}")
    if wanted is None:
        if not held:
            _say("No account is held.")
        return 0
    lifted = [account for account in held if wanted in {account, "all"}]
    if not lifted:
        message = "No account is held." if wanted == "all" else f"Nothing was done: {wanted} is not held."
        raise OCRInputError(message)
    for account in lifted:
        files[account].open(lifted=True)
        _say(f"{account}  lifted: calls start again, within seconds where a task is waiting")
    return 0


def _left(file: HoldFile, clock: Clock) -> str:
    """Return what is left of an account's hold, or nothing."""
    posted = file.posted()
    left_s = posted.until_s - clock.now().timestamp()
    then = "then one call asks before the others start" if posted.ask_first else "then calls start again"
    if left_s > 0.0:
        return f"nothing starts for another {timedelta(seconds=round(left_s))}; {then}"
    return "the next call asks alone before the others start" if posted.ask_first else ""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
