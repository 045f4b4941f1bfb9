"""Paid answers that the ledger did not take and that wait on this machine, where they are to go."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.engine.kept.tombstones import is_about
from airflow_provider_platerec_ocr.engine.ledger import records
from airflow_provider_platerec_ocr.storage.local_folder import kept_in, remove

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.images.wanted import Wanted


class Spilled:
    """The spill folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, wanted: Wanted) -> list[Path]:
        """Return the files that are about what is wanted."""
        fits = partial(is_about, wanted)
        found = []
        for path in kept_in(self._folder):
            data = path.read_bytes() if path.is_file() else b""
            record = records.unpack(data) or {}
            if data and fits(str(record.get("fingerprint") or ""), record, data):
                found.append(path)
        return found

    def erase(self, wanted: Wanted) -> None:
        """Remove them."""
        for path in self.find(wanted):
            remove(path)
