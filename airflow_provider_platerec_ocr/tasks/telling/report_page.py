"""Writing a run's page beside its report: collects what it shows, bounded in time, and fails nothing.

The table is published and the report written when this begins; whatever goes wrong here is logged once, and the run
stays as it is.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.results.reviewed import accuracy_of, reviewed
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.dataset.layout.names import beside
from airflow_provider_platerec_ocr.dataset.plan.planned import places_of
from airflow_provider_platerec_ocr.dataset.report.nights import last_nights
from airflow_provider_platerec_ocr.dataset.report.took import Took
from airflow_provider_platerec_ocr.dataset.report_page.page import ENDING, page_of
from airflow_provider_platerec_ocr.dataset.report_page.view import Material
from airflow_provider_platerec_ocr.engine.images.file import read_file
from airflow_provider_platerec_ocr.engine.images.roots import AllowedRoots
from airflow_provider_platerec_ocr.engine.images.thumbnail import can_draw, thumbnail
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.files import read_whole, threads_for, write_whole
from airflow_provider_platerec_ocr.storage.path import place_below

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_platerec_ocr.dataset.figures.model import Doubtful, Figures
    from airflow_provider_platerec_ocr.dataset.plan.model import Plan
    from airflow_provider_platerec_ocr.dataset.report.nights import Night
    from airflow_provider_platerec_ocr.dataset.report_page.accuracy import Accuracy
    from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
    from airflow_provider_platerec_ocr.storage.path import StoragePath

PICTURES_S = 20.0
"""Most seconds that the pictures of a page take; what is not there by then is left out."""
PICTURES_BYTES = 200_000
"""Most bytes of all pictures of a page, as text."""
REVIEWED_DAYS = 90
"""Days whose reviewed reads the section on accuracy rests on."""
REVIEWED_S = 10.0
"""Most seconds of looking for them."""
ONE_PICTURE_BYTES = 9_000
"""Most bytes of one, where there are few."""
LARGEST_IMAGE = 12_000_000
"""Bytes of an image of which a picture is made; a larger one is left out."""
_PREFIX = "data:image/jpeg;base64,"
log = logging.getLogger(__name__)


def facts_of(plan: Plan, result: ExportResult, figures: Figures, rate_per_s: float | None) -> dict[str, Any]:
    """Return what the report says of the run's time and of what it read.

    :param rate_per_s: calls that may start in a second, where the connection says so.
    """
    took = Took.of(
        plan.created_at,
        figures.read_until,
        calls=result.calls_billed,
        rate_per_s=rate_per_s,
        slowest_call_s=figures.calls.slowest_s,
    )
    return {"took": took.to_json(), "figures": figures.to_json()}


def write_page(
    place: StoragePath,
    plan: Plan,
    workspace: StoragePath,
    figures: Figures,
    *,
    dataset: StoragePath | None = None,
) -> StoragePath | None:
    """Write the page of a run and return where; ``None`` where that failed, which is logged.

    :param place: the run's report, beside which the page goes.
    :param workspace: the run's own, which knows where its images are.
    :param dataset: the table, of whose corrections the page says how sure the codes are; ``None``: it says nothing.
    """
    try:
        name = place.name.removesuffix(".json")
        report = json.loads(read_whole(place) or b"")
        pictures, why = _pictures(plan, workspace, figures)
        material = Material(
            name, report, figures, _nights(place.parent), pictures, why, _accuracy(dataset, report["date"])
        )
        page = place.parent / f"{name}{ENDING}"
        write_whole(page, page_of(material))
    except Exception as error:  # noqa: BLE001  # a page is worth no run
        log.warning("The page of the report could not be written (%s: %s).", type(error).__name__, error)
        return None
    return page


def _nights(reports: StoragePath) -> list[Night]:
    try:
        return last_nights(reports)
    except OCRError as error:
        log.info("The page of the report has no nights before: %s", error)
        return []


def _accuracy(dataset: StoragePath | None, day: str) -> Accuracy | None:
    """Return how sure the codes are, by what persons looked at of the days before; ``None`` where they did not."""
    if dataset is None:
        return None
    try:
        since = date.fromisoformat(day) - timedelta(days=REVIEWED_DAYS)
        return accuracy_of(reviewed(dataset, beside(dataset, "corrections"), since=since, seconds=REVIEWED_S))
    except Exception as error:  # noqa: BLE001  # a section is worth no page
        log.info("The page of the report says nothing of accuracy (%s: %s).", type(error).__name__, error)
        return None


def _pictures(plan: Plan, workspace: StoragePath, figures: Figures) -> tuple[dict[int, str], str]:
    """Return the pictures of the doubtful reads, and why there are none."""
    if not figures.doubtful:
        return {}, ""
    if not can_draw():
        return {}, "There are no pictures: Pillow is not installed. Add the extra images to the workers."
    if not plan.allowed_roots:
        return {}, "There are no pictures: the plan does not say which folders images may be read from."
    try:
        roots = [open_place(root) for root in plan.allowed_roots]
        drawing = Drawing(roots, _wanted(plan, workspace, figures.doubtful))
        drawing.start()
    except (OCRError, OSError, ValueError, KeyError) as error:
        log.info("The page of the report has no pictures: %s", error)
        return {}, "There are no pictures: the images could not be opened where they were read from."
    found = drawing.take(PICTURES_S)
    return found, "" if found else "There are no pictures: none of the images could be opened."


def _wanted(plan: Plan, workspace: StoragePath, reads: Sequence[Doubtful]) -> dict[int, str]:
    """Return where the images of the reads are, by the place of each in ``reads``; URLs have no place."""
    rows: dict[int, set[int]] = {}
    for read in reads:
        if read.row is not None:
            rows.setdefault(read.shard, set()).add(read.row)
    places: dict[int, str] = {}
    for shard, wanted in rows.items():
        places |= places_of(workspace / plan.shards[shard].path, wanted)
    found = {number: places.get(read.row or 0, "") for number, read in enumerate(reads)}
    return {number: place for number, place in found.items() if place}


@dataclass(slots=True)
class Drawing:
    """Makes small pictures of images below the allowed roots, in threads that nobody has to wait for."""

    roots: Sequence[StoragePath]
    wanted: Mapping[int, str]
    """Path or URI of each image."""
    most_bytes: int = PICTURES_BYTES
    """Most bytes of all of them, as text."""
    read: Any = read_file
    """Reads a file, see :func:`~..engine.images.file.read_file`."""
    _drawn: dict[int, str] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin; the threads end with the process at the latest, whatever they hang in."""
        admitted, waiting = AllowedRoots(self.roots), deque(self.wanted.items())
        number = min(len(waiting), max(1, max(map(threads_for, self.roots)) // 2))
        for index in range(number):
            name = f"ocr-pictures-{index}"
            thread = threading.Thread(target=self._work, args=(admitted, waiting), daemon=True, name=name)
            thread.start()
            self._threads.append(thread)

    def take(self, seconds: float) -> dict[int, str]:
        """Return the ``data:`` URIs that are made within so many seconds: a share that hangs holds up no export."""
        clock = SystemClock()
        until = clock.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - clock.monotonic()))
        self._over.set()
        return bounded(dict(self._drawn), self.most_bytes)

    def _work(self, admitted: AllowedRoots, waiting: deque[tuple[int, str]]) -> None:
        while not self._over.is_set():
            try:
                place, uri = waiting.popleft()
            except IndexError:
                return
            source = self._draw(admitted, uri)
            if source and not self._over.is_set():
                self._drawn[place] = source

    def _draw(self, admitted: AllowedRoots, uri: str) -> str | None:
        try:
            content = self.read(admitted.admit(place_below(self.roots, uri)), LARGEST_IMAGE + 1, SystemClock())
        except Exception as error:  # noqa: BLE001  # each store has errors of its own, and the page goes without
            log.debug("No picture of an image: %s", error)
            return None
        most = (self.most_bytes // len(self.wanted) - len(_PREFIX)) * 3 // 4 - 2  # base64 makes 4 of 3
        small = thumbnail(content, min(most, ONE_PICTURE_BYTES)) if len(content) <= LARGEST_IMAGE else None
        return None if small is None else _PREFIX + base64.b64encode(small).decode()


def bounded(drawn: Mapping[int, str], most_bytes: int) -> dict[int, str]:
    """Return the first pictures that fit together into so many bytes."""
    totals = accumulate(len(source) for _, source in sorted(drawn.items()))
    return {place: drawn[place] for place, total in zip(sorted(drawn), totals, strict=True) if total <= most_bytes}
