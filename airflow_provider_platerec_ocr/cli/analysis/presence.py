"""The command ``presence``: which units came, which left, which stayed and since when."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
from airflow_provider_platerec_ocr.analysis.rules.misreads import Misreads
from airflow_provider_platerec_ocr.analysis.rules.presence import Change, presence, settled
from airflow_provider_platerec_ocr.analysis.yard.knowledge import decoder
from airflow_provider_platerec_ocr.analysis.yard.reads import nights_of
from airflow_provider_platerec_ocr.analysis.yard.seen import sight
from airflow_provider_platerec_ocr.cli.analysis.table import reads_of, takes_reads
from airflow_provider_platerec_ocr.cli.shared.common import FINE
from airflow_provider_platerec_ocr.cli.shared.output import Output, takes_output
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    import argparse

_HEADS = ("CODE", "CHANGE", "FIRST SEEN", "LAST SEEN", "HERE SINCE", "NIGHTS", "GAPS")
_QUIET = (Change.STAYED, Change.AWAY)


def add_to(commands: Any) -> None:
    """Declare the command."""
    about = "hold nights beside each other: what came, what left, what stayed since when"
    parser = commands.add_parser("presence", help=about, description=about[0].upper() + about[1:])
    takes_reads(parser)
    parser.add_argument("--all", action="store_true", help="show also what stayed, and what was away before")
    takes_output(parser)
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    decodes = decoder()
    _, agreed = sight(reads_of(given), decodes=decodes)
    seen = nights_of(agreed)
    nights = sorted({night for _, night in seen})
    found = presence(settled(seen, Misreads(Confusions(), decodes)), nights)
    counts = Counter(each.change for each in found)
    shown = [each for each in found if given.all or each.change not in _QUIET]
    with Output(given.output) as out:
        rows = [
            (each.code, each.change, each.first_seen, each.last_seen, each.here_since, each.nights, each.gaps)
            for each in shown
        ]
        out.table(_HEADS, [["-" if value is None else str(value) for value in row] for row in rows])
        said = ", ".join(f"{counts[change]:,} {change}" for change in Change)
        last = f", the last of them {nights[-1]}" if nights else ""
        out.say(f"{count_of(len(nights), 'night')}{last}: {said}.")
        names = [head.lower().replace(" ", "_") for head in _HEADS]
        dated = [[value if isinstance(value, int) or value is None else str(value) for value in row] for row in rows]
        out.put(
            nights=[str(night) for night in nights],
            counts={change.value: counts[change] for change in Change},
            units=[dict(zip(names, row, strict=True)) for row in dated],
        )
    return FINE
