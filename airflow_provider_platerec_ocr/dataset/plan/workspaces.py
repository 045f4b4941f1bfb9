"""Which folder a run's planning has: each has its own, so that nothing of an earlier one gets into a later one.

A process that makes calls outlives its task until all is saved. If the run is planned again meanwhile, it still writes
how its images ended, and by numbers of rows that mean other images in the new plan.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.dataset.layout.names import FINISHED, PLAN
from airflow_provider_platerec_ocr.storage.files import read_whole, write_whole
from airflow_provider_platerec_ocr.storage.listing import child_names

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
    from airflow_provider_platerec_ocr.storage.path import StoragePath


def newest_planning(root: StoragePath, run: RunRef) -> int:
    """Return the number of the run's newest planning that was finished; 0 where there is none.

    :param root: folder of all runs' workspaces.
    """
    numbers = _plannings(root, run.slug)
    return next((number for number in reversed(numbers) if _is_planned(root, run.slug, number)), 0)


def next_planning(root: StoragePath, run: RunRef) -> int:
    """Return the number that a new planning of the run gets: that of one which was never finished, else a new one."""
    numbers = _plannings(root, run.slug)
    if not numbers:
        return 1
    return numbers[-1] + 1 if _is_planned(root, run.slug, numbers[-1]) else numbers[-1]


def close_earlier(root: StoragePath, run: RunRef, *, clock: Clock | None = None) -> None:
    """Mark the workspaces of earlier plannings as finished: nobody reads them any more, and they go once they are old.

    :param run: as it is planned now.
    """
    now = format_timestamp((clock or SystemClock()).now())
    for number in _plannings(root, run.slug):
        mark = root / _folder(run.slug, number) / FINISHED
        if number < run.planning and read_whole(mark) is None:
            write_whole(mark, json.dumps({"finished_at": now, "planned_again": True}).encode())


def _plannings(root: StoragePath, slug: str) -> list[int]:
    """Return the numbers of the plannings that have a folder, in order."""
    try:
        names = child_names(root)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = (re.fullmatch(rf"{re.escape(slug)}(?:\.([0-9]+))?", name) for name in names)
    return sorted(int(match[1] or 1) for match in found if match)


def _folder(slug: str, number: int) -> str:
    return slug if number == 1 else f"{slug}.{number}"


def _is_planned(root: StoragePath, slug: str, number: int) -> bool:
    return read_whole(root / _folder(slug, number) / PLAN) is not None
