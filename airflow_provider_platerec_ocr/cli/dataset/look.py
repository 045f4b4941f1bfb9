"""The dataset's command that looks and changes nothing: info."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.dataset.places import beside_of, command, takes_places
from airflow_provider_platerec_ocr.cli.shared.common import FINE, complain, refuse_empty
from airflow_provider_platerec_ocr.cli.shared.output import Output
from airflow_provider_platerec_ocr.cli.shared.places import any_place
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.corrections.table import load_corrections
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, READS
from airflow_provider_platerec_ocr.dataset.report.ledger_memory import remembered_ledger
from airflow_provider_platerec_ocr.dataset.upkeep.census import census
from airflow_provider_platerec_ocr.storage.path import beside

if TYPE_CHECKING:
    import argparse
    from collections import Counter

    from airflow_provider_platerec_ocr.core.clock import Clock

MANY = 100
"""Files beyond one a folder from which on compacting is worth saying."""


def add_to(commands: Any) -> None:
    """Declare the command."""
    info = command(commands, "info", _info, "tell what is there: files, rows, days, versions, and what lies beside")
    takes_places(info, "dead_letters", "corrections")


def _info(given: argparse.Namespace, _clock: Clock) -> int:
    refuse_empty(given, "dataset", "dead_letters", "corrections")
    place = any_place(given.dataset)
    table = census(place, READS)
    if not table.files:
        return complain(f"There is no dataset at {place}: no Parquet file lies below it. Check the path.")
    letters = census(beside_of(given, "dead_letters"), DEAD_LETTERS)
    corrections = load_corrections(beside_of(given, "corrections")).num_rows
    remembered = remembered_ledger(any_place(beside(given.dataset, "ledger.json")))
    worth = table.files - table.folders + max(0, letters.files - 1) > MANY or len(table.versions) > 1
    versions = (f"{count_of(number, 'file')} of version {name}" for name, number in sorted(table.versions.items()))
    first, last = min(table.days, default="-"), max(table.days, default="-")
    with Output(given.output) as out:
        out.say(f"place         {place}")
        out.say(f"rows          {table.rows:,} in {count_of(table.files, 'file')}, {table.size_bytes / 1e6:,.1f} MB")
        out.say(f"types         {_counts(table.types)}")
        out.say(f"days          {len(table.days):,}, {first} to {last}")
        out.say(f"schema        {', '.join(versions)}")
        out.say(f"dead letters  {count_of(letters.rows, 'row')} in {count_of(letters.files, 'file')}")
        out.say(f"corrections   {corrections:,}")
        out.say(f"ledger        {remembered or 'nobody wrote down which'}")
        if worth:
            out.say("`compact` makes one file a day of these, in today's version.")
        out.put(place=place.uri, rows=table.rows, files=table.files, size_bytes=table.size_bytes, types=table.types)
        out.put(days=len(table.days), first_day=first, last_day=last, schema_versions=table.versions)
        out.put(dead_letters=letters.rows, dead_letter_files=letters.files, corrections=corrections)
        out.put(ledger=remembered.to_json() if remembered else None, worth_compacting=worth)
    return FINE


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items()))
