"""The reports of a dataset's runs, as the commands find them: newest first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.shared.places import any_place
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.storage.files import find_files, ordered_map, read_whole, threads_for
from airflow_provider_platerec_ocr.storage.path import beside

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

_PAGE = ".html"
"""Ending of the page for people that lies beside each report."""
LAST = "last"
"""Names the newest run."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run's report."""

    place: StoragePath
    """Where it lies."""
    data: dict[str, Any]
    """What it says."""

    @property
    def names(self) -> tuple[str, str]:
        """What a person may call it: its run's id, its file's name."""
        return str(self.data.get("run_id")), self.place.name.removesuffix(".json")

    @property
    def written_at(self) -> str:
        """When it was written; UTC, ISO 8601."""
        return str(self.data.get("written_at") or "")


def reports_place(dataset: str, reports: str | None) -> StoragePath:
    """Return the folder of a dataset's reports, or where an argument says that it lies."""
    return any_place(beside(dataset, "reports") if reports is None else reports)


def load_reports(folder: StoragePath) -> list[Report]:
    """Return all reports of a folder, the newest first; a file that is no report is left out."""
    places = find_files(folder, r"[^.].*\.json")
    found = []
    for place, data in zip(places, ordered_map(read_whole, places, threads=threads_for(folder)), strict=True):
        report = _understood(place, data)
        if report is not None:
            found.append(report)
    return sorted(found, key=lambda each: each.written_at, reverse=True)


def report_of(run: str, folder: StoragePath | None) -> Report:
    """Return the report of one run.

    :param run: its Airflow run id, the name of its report, or ``last``; a path or URI of a report, or of the page
        beside it, needs no folder.
    :raises OCRInputError: there is none.
    """
    if run.endswith((".json", _PAGE)) and ("/" in run or folder is None):
        place = any_place(run.removesuffix(_PAGE) + ".json" if run.endswith(_PAGE) else run, "RUN")
        report = _understood(place, read_whole(place))
        if report is None:
            of_page = f", which belongs to the page {run}" if run.endswith(_PAGE) else ""
            message = f"There is no report at {place}{of_page}. Check the path."
            raise OCRInputError(message)
        return report
    if folder is None:
        message = "Say of which dataset the run is, with --dataset; or give the path of its report."
        raise OCRInputError(message)
    found = load_reports(folder)
    fits = [each for each in found if run == LAST or {run, run.removesuffix(_PAGE)} & set(each.names)]
    if not fits:
        known = ", ".join(str(each.data.get("run_id")) for each in found[:3]) or "there is none yet"
        message = f"{folder} has no report of a run {run!r}. The newest: {known}."
        raise OCRInputError(message)
    return fits[0]


def _understood(place: StoragePath, data: bytes | None) -> Report | None:
    try:
        found = json.loads(data or b"")
    except ValueError:
        return None
    return Report(place, found) if isinstance(found, dict) and "run_id" in found and "result" in found else None
