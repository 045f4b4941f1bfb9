"""Taking away workspaces of runs that are published and old; a run that is not whole keeps its own for good."""

from __future__ import annotations

import contextlib
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import parse_timestamp, to_utc
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, FINISHED, READS
from airflow_provider_platerec_ocr.storage.files import find_files, read_whole, remove, remove_folder
from airflow_provider_platerec_ocr.storage.listing import children

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
OLD_S = 86_400.0
"""Seconds after which a half-written file is nobody's any more."""
_HALF_WRITTEN = rf"\.({READS}|{DEAD_LETTERS})-.*\.parquet\.[0-9a-f]{{8}}\.tmp"


def sweep_leftovers(dataset: StoragePath, dead_letters: StoragePath, staging: StoragePath, *, alone: bool) -> None:
    """Remove what exports that were killed have left: staged files, and those of versions that staged among the others.

    :param alone: whether nobody else publishes now, so that what is staged belongs to nobody.
    """
    if alone:
        remove_folder(staging)
    for folder in (dataset, dead_letters):
        if folder.is_local:
            for place in find_files(folder, _HALF_WRITTEN):
                _remove_if_old(place)


def _remove_if_old(place: StoragePath) -> None:
    """Remove a half-written file that nobody has touched for a day: an older version may be at it still."""
    with contextlib.suppress(OSError):
        if SystemClock().now().timestamp() - Path(place.path).stat().st_mtime > OLD_S:
            remove(place)
            log.info("Removed %s, which an export that was killed had left.", place)


def remove_old_workspaces(root: StoragePath, keep_days: float, now: datetime) -> list[StoragePath]:
    """Remove the workspaces directly below ``root`` that were finished more than ``keep_days`` ago; return which.

    A folder without a readable finished mark is left alone, whatever its age. A workspace that cannot be removed is
    logged and left for the next time.
    """
    limit = to_utc(now, "now") - timedelta(days=keep_days)
    try:
        found = children(root)
    except (FileNotFoundError, NotADirectoryError):
        return []
    gone = []
    for child in found:
        name = child["name"].rstrip("/").rpartition("/")[2]
        if child["type"] != "directory":
            continue
        workspace = root / name
        finished = _finished_at(workspace)
        if finished is None or finished > limit:
            continue
        try:
            remove_folder(workspace)
        except OSError as error:
            log.warning("The old workspace %s cannot be removed: %s", workspace, error)
            continue
        gone.append(workspace)
    return gone


def _finished_at(workspace: StoragePath) -> datetime | None:
    data = read_whole(workspace / FINISHED)
    if data is None:
        return None
    try:
        return parse_timestamp(json.loads(data)["finished_at"])
    except (ValueError, KeyError, TypeError, AttributeError, OCRConfigError):
        log.warning("%s is not a finished mark; the workspace stays.", workspace / FINISHED)
        return None
