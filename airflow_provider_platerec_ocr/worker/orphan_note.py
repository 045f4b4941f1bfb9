"""What an orphaned child leaves for the next try to read: that it was there, and what it finished."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.storage.files import find_files, read_whole, write_whole

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_platerec_ocr.worker.ended import Ended
    from airflow_provider_platerec_ocr.worker.job import ShardJob

log = logging.getLogger(__name__)
FOLDER = "drained"
_NAME = r"\d+-\d+\.json"


def leave_note(job: ShardJob, ended: Ended, begun: datetime) -> None:
    """Write that a process outlived its task, and what it saved; a failure here loses nothing that was paid for."""
    note = {
        "try_number": job.owner.try_number,
        "begun": format_timestamp(begun),
        "ended": format_timestamp(SystemClock().now()),
        "counts": ended.counts,
        "error": None if ended.error is None else f"{type(ended.error).__name__}: {ended.error}",
    }
    place = job.workspace / f"{FOLDER}/{job.index}-{job.owner.try_number}.json"
    with suppress(OSError):
        write_whole(place, json.dumps(note).encode())


def tell_notes(job: ShardJob) -> None:
    """Say in the log what processes of earlier tries of this shard finished after their task was gone."""
    for place in find_files(job.workspace / FOLDER, _NAME, deep=False):
        if not place.name.startswith(f"{job.index}-"):
            continue
        with suppress(ValueError):
            note: dict[str, Any] = json.loads(read_whole(place) or b"{}")
            counts = note.get("counts") or {}
            log.info(
                "Try %s was ended from outside; its calls in flight were finished by %s: %s read in all, none lost.",
                *(note.get("try_number"), note.get("ended"), counts.get("read", 0)),
            )
