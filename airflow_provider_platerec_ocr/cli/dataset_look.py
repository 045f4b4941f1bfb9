"""The dataset's command that looks and changes nothing: info."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.common import FINE, complain, refuse_empty, say
from airflow_provider_platerec_ocr.cli.dataset_places import any_place, beside_of, command, takes_places
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
    say(f"place         {place}")
    say(f"rows          {table.rows:,} in {table.files:,} files, {table.size_bytes / 1e6:,.1f} MB")
    say(f"types         {_counts(table.types)}")
    say(f"days          {len(table.days):,}, {min(table.days, default='-')} to {max(table.days, default='-')}")
    versions = (f"{number:,} files of version {name}" for name, number in sorted(table.versions.items()))
    say(f"schema        {', '.join(versions)}")
    letters = census(beside_of(given, "dead_letters"), DEAD_LETTERS)
    say(f"dead letters  {letters.rows:,} rows in {letters.files:,} files")
    corrections = load_corrections(beside_of(given, "corrections"))
    say(f"corrections   {corrections.num_rows:,}")
    remembered = remembered_ledger(any_place(beside(given.dataset, "ledger.json")))
    say(f"ledger        {remembered or 'nobody wrote down which'}")
    if table.files - table.folders + max(0, letters.files - 1) > MANY or len(table.versions) > 1:
        say("`compact` makes one file a day of these, in today's version.")
    return FINE


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items()))
