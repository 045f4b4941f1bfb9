"""From a manifest to shards: what is new, what may be read of it, and who reads it.

More is planned than may be paid, since the ledger may have answers; what is paid, the run's purse sees to.

Shards come first and ``plan.json`` last, so a plan is there whole or not at all. A run that is planned again (its plan
was cleared, or it was made again under the same id) gets a new plan in a new folder, see :mod:`.workspaces`: what the
table has by then is done, and what an earlier planning of the run has published stays in place.
"""

from __future__ import annotations

import json
import logging
import math
import tempfile
from dataclasses import replace
from itertools import compress, islice
from typing import IO, TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError, OCRManifestError
from airflow_provider_platerec_ocr.core.models import PlannedImage, format_timestamp
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.saying.choices import OnEmpty
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.layout.lines import to_line
from airflow_provider_platerec_ocr.dataset.layout.names import (
    BAD_ROWS,
    DEAD_LETTERS,
    OUTCOMES,
    PLAN,
    READS,
    REPEATS,
    SHARDS,
    beside,
    files_of_run,
    next_part,
    own_paths,
)
from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow, Search, read_manifest
from airflow_provider_platerec_ocr.dataset.manifest.notes import ManifestNotes
from airflow_provider_platerec_ocr.dataset.plan.done import done_keys
from airflow_provider_platerec_ocr.dataset.plan.keys import KeyList
from airflow_provider_platerec_ocr.dataset.plan.model import Plan, PlanRequest, RunRef, ShardRef
from airflow_provider_platerec_ocr.dataset.plan.tolerance import SHOWN, too_many_bad_rows
from airflow_provider_platerec_ocr.storage.files import (
    ordered_map,
    read_whole,
    relative,
    remove_folder,
    write_whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.plan.keys import DoneKeys
    from airflow_provider_platerec_ocr.storage.path import StoragePath

__all__ = ["Plan", "PlanRequest", "RunRef", "ShardRef", "load_bad_rows", "load_plan", "load_shard", "make_plan"]

log = logging.getLogger(__name__)
SPOOL_BYTES = 8_000_000
"""Planned rows beyond this wait on the local disk until their number, and so the size of the shards, is known."""
SPOOL_LINES = 10_000
"""Rows that are looked up, and written to the spool, at a time: each write of it asks how large it is."""
BAD_ROWS_PER_FILE = 50_000
WRITERS = 8
"""Files of a plan that are written at a time: a million images are 500 of them."""


def make_plan(request: PlanRequest, *, clock: Clock | None = None) -> Plan:
    """Return a new plan of the run, written to the workspace.

    Nothing is written for a manifest without rows where ``on_empty`` says ``skip``.

    :raises OCRManifestError: the manifest as a whole cannot be read, is empty, or has too many bad rows. A dry run
        says the last two in ``would_fail`` instead.
    :raises OCRDatasetError: the dataset has another schema version or a broken file.
    """
    now = format_timestamp((clock or SystemClock()).now())
    with _spool() as images, _spool() as bad_rows:
        sifted, lines = _sift(request, images, bad_rows)
        published = _published(request)
        files = [(place, folder) for folder, places in published.items() for place in places]
        kept = [relative(place, folder) for place, folder in files if place.name[0] != "."]
        plan = replace(
            sifted,
            kept=tuple(kept),
            first_part=max(map(next_part, published.values())),
            partition_date=request.partition_date,
            allowed_roots=request.allowed_roots,
            own_manifest=request.own_manifest,
            created_at=now,
        )
        if request.dry_run or (not plan.rows and request.on_empty is OnEmpty.SKIP):
            return plan
        remove_folder(request.workspace / OUTCOMES)  # of a plan that is gone: its row numbers mean other images
        shards = ((request.workspace / shard.path, shard.images) for shard in plan.shards)
        _write_parts(shards, lines)
        _write_parts(((place, BAD_ROWS_PER_FILE) for place in _bad_row_files(request.workspace, plan)), bad_rows)
    write_whole(request.workspace / PLAN, json.dumps(plan.to_json(), indent=1).encode())
    return plan


def _published(request: PlanRequest) -> dict[StoragePath, list[StoragePath]]:
    """Return the files that an earlier planning of the run has published, by folder.

    Asked for after what is done was looked up: an export of that planning may be at it still, and a file whose images
    count as done must be among the kept ones, else this planning's export takes it for a leftover.
    """
    return {
        folder: files_of_run(folder, table, request.run.slug)
        for folder, table in (
            (request.dataset, READS),
            (request.dead_letters, DEAD_LETTERS),
            (beside(request.dataset, "repeats"), REPEATS),
        )
    }


def _write_parts(parts: Iterable[tuple[StoragePath, int]], lines: Iterator[bytes]) -> None:
    """Write so many of ``lines`` to each place, several files at a time: each waits for its disk or store."""
    cut = ((place, b"".join(islice(lines, count))) for place, count in parts)
    for _ in ordered_map(lambda part: write_whole(*part), cut, threads=WRITERS):
        pass


def load_plan(workspace: StoragePath) -> Plan | None:
    """Return the run's plan, or ``None`` where none was finished."""
    data = read_whole(workspace / PLAN)
    if data is None:
        return None
    try:
        return Plan.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{workspace / PLAN} is not a plan ({error}). Remove it, and the run is planned anew."
        raise OCRDatasetError(message) from error


def load_shard(place: StoragePath) -> Iterator[PlannedImage]:
    """Yield the images of one shard: ``load_shard(workspace / shard.path)``."""
    data = read_whole(place)
    if data is None:
        message = f"There is no shard at {place}. Clear the plan task as well, so that the run is planned anew."
        raise OCRDatasetError(message)
    for line in data.splitlines():
        yield PlannedImage.from_json(json.loads(line))


def load_bad_rows(workspace: StoragePath, plan: Plan) -> Iterator[BadRow]:
    """Yield the manifest's bad rows in order."""
    for place in _bad_row_files(workspace, plan):
        for line in (read_whole(place) or b"").splitlines():
            data = json.loads(line)
            yield BadRow(data["row"], data.get("image"), data["message"])


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)


def _sift(request: PlanRequest, images: IO[bytes], bad_rows: IO[bytes]) -> tuple[Plan, Iterator[bytes]]:
    """Read the manifest once, keep what is new and what is bad, count it all, and return what is to be read."""
    done = _done(request)
    new, notes = KeyList(), ManifestNotes()
    rows = bad = 0
    first_bad: list[BadRow] = []
    signed = bytearray()
    some: list[PlannedImage] = []
    places = (request.dead_letters, request.workspace.parent, *request.own_places)
    ours = (*own_paths(request.dataset), *(place.path for place in places))
    search = Search(request.recursive, request.include, request.exclude, request.roots, ours)
    for item in _manifest_rows(request, search, notes):
        rows += 1
        if isinstance(item, BadRow):
            bad += 1
            bad_rows.write(to_line(item).encode())
            if bad <= SHOWN:
                first_bad.append(item)
            continue
        some.append(item)
        if len(some) >= SPOOL_LINES:
            images.write(_new_lines(some, done, (new, signed)))
            some.clear()
    images.write(_new_lines(some, done, (new, signed)))
    images.seek(0)
    bad_rows.seek(0)
    first = new.firsts()
    _warn_of_signed(signed, first)
    objection = _objection(request, rows, bad, first_bad)
    if objection is not None and not request.dry_run:
        raise objection  # before the grant is asked for, which reserves it
    wanted = first.count(1)
    is_skipped = not rows and request.on_empty is OnEmpty.SKIP
    granted, reason = (wanted, "") if request.grant is None or is_skipped else request.grant(wanted)
    to_pay = max(0, min(wanted, granted))
    planned = min(wanted, to_pay + request.looks)
    plan = Plan(
        manifest=redact(request.manifest),
        rows=rows,
        bad_rows=bad,
        times_unknown=notes.times_unknown,
        duplicates=rows - bad - done.found - wanted,
        done=done.found,
        planned=planned,
        to_pay=to_pay,
        left_over=wanted - to_pay,
        shards=_sizes(planned, request),
        limit_reason=reason if to_pay < wanted else "",
        left_aside={str(kind): number for kind, number in search.left.counts.items()},
        endings_left_aside=dict(search.left.endings),
        left_aside_text=search.left.describe(),
        would_fail=str(objection or ""),
    )
    return plan, islice(compress(images, first), planned)


def _manifest_rows(request: PlanRequest, search: Search, notes: ManifestNotes) -> Iterator[PlannedImage | BadRow]:
    return read_manifest(
        request.manifest,
        opener=request.opener,
        default_type=request.default_type,
        identity_params=request.identity_params,
        search=search,
        manifest_columns=request.manifest_columns,
        timezone=request.timezone,
        notes=notes,
    )


def _warn_of_signed(signed: bytearray, first: bytes) -> None:
    alike = sum(signed) and sum(compress(signed, (not each for each in first)))
    if alike:
        log.warning(
            "%s known under one name once their queries are cut. If they are different images, say so with "
            "identity_params or image_id.",
            count_of(alike, "signed URL"),
        )


def _objection(request: PlanRequest, rows: int, bad: int, first: list[BadRow]) -> OCRManifestError | None:
    """Return why the manifest is not to be read, though it can be."""
    manifest = redact(request.manifest)
    if not rows and request.on_empty is OnEmpty.FAIL:
        message = f"{manifest} is empty: it has no rows, and on_empty says fail. See whether it is the one you mean, "
        return OCRManifestError(f"{message}whether it is mounted, and whether what fills it has run.")
    if request.max_bad_rows.lets_pass(bad, rows):
        return None
    return too_many_bad_rows(manifest, bad, rows, request.max_bad_rows, first)


def _done(request: PlanRequest) -> DoneKeys:
    return done_keys(
        request.dataset,
        request.dead_letters,
        retry_rejected=request.retry_rejected,
        reopened=request.reopened,
        forgotten=request.forgotten,
    )


def _new_lines(some: list[PlannedImage], done: DoneKeys, new: tuple[KeyList, bytearray]) -> bytes:
    """Return the lines of those images that are not done, and note their keys and whether they are signed."""
    keys = [identity_key(image.type, image.image, image.image_version) for image in some]
    fresh = [
        (image, key)
        for image, key, known in zip(some, keys, done.look_up(keys), strict=True)
        if not known and (image.formerly is None or bytes.fromhex(image.formerly) not in done)
    ]
    new[0].add(key for _, key in fresh)
    new[1].extend(image.signed for image, _ in fresh)
    return "".join(to_line(image) for image, _ in fresh).encode()


def _sizes(planned: int, request: PlanRequest) -> tuple[ShardRef, ...]:
    """Return shards of nearly equal size, as few as the limit on their size allows, never more than the most."""
    number = min(math.ceil(planned / request.images_per_shard), request.max_shards)
    ends = [planned * index // number for index in range(1, number + 1)]
    starts = [0, *ends]
    return tuple(ShardRef(f"{SHARDS}/{index:05d}.jsonl", index, end - starts[index]) for index, end in enumerate(ends))


def _bad_row_files(workspace: StoragePath, plan: Plan) -> list[StoragePath]:
    number = math.ceil(plan.bad_rows / BAD_ROWS_PER_FILE)
    return [workspace / f"{BAD_ROWS}/{index:05d}.jsonl" for index in range(number)]
