"""The ledger's command that looks again at answers which were kept and could not be read: reparse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.ledger.entries import command, entry_json, title
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, user_name
from airflow_provider_platerec_ocr.cli.shared.output import Output, takes_output
from airflow_provider_platerec_ocr.cli.shared.progress import working
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.kept.reparse import reparse
from airflow_provider_platerec_ocr.storage.probe import prove_exclusive

if TYPE_CHECKING:
    import argparse

    from airflow_provider_platerec_ocr.engine.kept.reparse import Reparsed
    from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

_ABOUT = "find the answers that were kept unread and that this version reads; the next run publishes them"


NAMES = ("reparse",)
"""Of the commands."""


def add_to(commands: Any) -> None:
    """Declare the command."""
    takes_output(command(commands, "reparse", _reparse, _ABOUT))


def _reparse(given: argparse.Namespace, _admin: LedgerAdmin, ledger: Ledger) -> int:
    prove_exclusive(ledger.store)
    with working("Looking for answers that were kept unread"):
        done = reparse(ledger, by=user_name())
    with Output(given.output) as out:
        _tell(out, done)
        for key, some in (("understood", done.understood), ("new", done.new), ("unread", done.unread)):
            out.put(**{key: [entry_json(found, ledger.lease_s) for found in some]})
    return FINDINGS if done.unread else FINE


def _tell(out: Output, done: Reparsed) -> None:
    for found in done.new:
        out.say(f"read now: {title(found)}")
    for found in done.unread:
        out.say(f"still unread: {title(found)}")
    if done.understood:
        out.say(
            f"{count_of(len(done.understood), 'answer')} can be read now, {len(done.new):,} found for the first time: "
            "the next run over their manifest publishes them. That costs nothing."
        )
    if done.unread:
        out.say(
            f"{count_of(len(done.unread), 'answer')} cannot be read by this version either; "
            "see one with: show FINGERPRINT --raw"
        )
    elif not done.understood:
        out.say("No answer was kept unread.")
