"""The values that flow from manifest to dataset, as frozen objects.

They know how they look as JSON (for shards, outcomes and ledger files), and nothing about where that JSON lies.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy, OnQuota

__all__ = [
    "NOT_WHOLE_YET",
    "Identifier",
    "InDoubtPolicy",
    "OnQuota",
    "Outcome",
    "Owner",
    "PlannedImage",
    "Read",
    "ReadStatus",
    "Reason",
    "Statistics",
    "format_timestamp",
    "is_for_good",
    "parse_timestamp",
    "to_utc",
]
"""The two choices of a user are public under this name, too."""


class ReadStatus(StrEnum):
    """How one planned image ended in one try of a read task."""

    READ = "read"
    """An answer is there, from this call or from the ledger."""
    REJECTED = "rejected"
    """It can never be read as it is: a permanent dead letter."""
    FAILED = "failed"
    """It could not be read this time: a dead letter that is planned again."""
    IN_DOUBT = "in_doubt"
    """A call may have been billed and its answer is not known."""
    HELD_ELSEWHERE = "held_elsewhere"
    """Another task holds a live claim on it: planned again, no dead letter."""
    CARRIED_OVER = "carried_over"
    """The quota ended before its call could begin: planned again, no dead letter."""
    FORGOTTEN = "forgotten"
    """It was paid for and its content was deleted since: it is neither sent nor published again."""


class Reason(StrEnum):
    """Why an image is a dead letter."""

    ROW_INVALID = "row_invalid"
    """The manifest's row cannot be used."""
    IMAGE_MISSING = "image_missing"
    """No such file or object."""
    IMAGE_EMPTY = "image_empty"
    """Zero bytes."""
    IMAGE_NOT_AN_IMAGE = "image_not_an_image"
    """The first bytes are of no known image format."""
    IMAGE_TRUNCATED = "image_truncated"
    """The image stops in the middle."""
    IMAGE_TOO_LARGE = "image_too_large"
    """Over the upload limit, and shrinking is off or did not help."""
    IMAGE_OUTSIDE_ROOTS = "image_outside_roots"
    """The path leads out of the allowed roots."""
    IMAGE_UNREADABLE = "image_unreadable"
    """The storage refused to hand it out."""
    API_REJECTED = "api_rejected"
    """The API answered 400, 413, 415, 422 or a 2xx with an error."""
    URL_NOT_FETCHED = "url_not_fetched"
    """The API answered 400 for an ``upload_url``: it could not fetch it, and the next run lets it try again."""
    API_UNAVAILABLE = "api_unavailable"
    """The API refused it (429, 503) or could not be reached, over and over."""
    IN_DOUBT = "in_doubt"
    """One call with unknown outcome; the next run settles it by the policy."""
    IN_DOUBT_TWICE = "in_doubt_twice"
    """Two calls with unknown outcome: left alone until a person settles it."""


NOT_WHOLE_YET = frozenset({Reason.IMAGE_EMPTY, Reason.IMAGE_NOT_AN_IMAGE, Reason.IMAGE_TRUNCATED})
"""What a file is called that may have been on its way."""


def is_for_good(reason: str | None, image_version: str | None) -> bool:
    """Return whether a rejection holds for the next run, too.

    What the bytes said does so where a version tells that they are the same ones; else they are looked at again, which
    costs no call.
    """
    return image_version is not None or reason not in NOT_WHOLE_YET


def to_utc(moment: datetime, name: str = "timestamp") -> datetime:
    """Return ``moment`` in UTC; a naive one is refused, since the API reads it as UTC whatever was meant."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        message = (
            f"{name} {moment.isoformat()} has no time zone, and the API would take it for UTC. "
            f"Say which it is: {moment.isoformat()}Z for UTC, or e.g. {moment.isoformat()}+02:00."
        )
        raise OCRConfigError(message)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        message = f"{name} {moment.isoformat()} lies outside the years 1 to 9999 in UTC."
        raise OCRConfigError(message) from None


def parse_timestamp(text: str, name: str = "timestamp") -> datetime:
    """Return the ISO 8601 ``text`` as a UTC datetime; text without a time zone is refused."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        message = f"{name} {text[:60]!r} is not an ISO 8601 time such as 2026-03-01T22:15:00Z."
        raise OCRConfigError(message) from None
    return to_utc(moment, name)


def format_timestamp(moment: datetime) -> str:
    """Return ``moment`` as the API and our files write it: UTC, ``Z``, microseconds only where there are some."""
    return to_utc(moment).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=16)
def _names_of(kind: Any) -> frozenset[str]:
    """Return the names of a dataclass's fields, which a million answers ask for."""
    return frozenset(each.name for each in fields(kind))


class _Json:
    """To and from plain JSON objects, for dataclasses of plain values."""

    def to_json(self) -> dict[str, Any]:
        """Return the value as JSON-ready data."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]  # every subclass is a dataclass

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the value that ``to_json`` wrote; keys of later versions are left aside."""
        known = _names_of(cls)  # type: ignore[arg-type]  # mypy takes no class for hashable
        return cls(**{key: value for key, value in data.items() if key in known})


@dataclass(frozen=True, slots=True)
class PlannedImage(_Json):
    """One image of the plan: a row of the manifest that is still to be read."""

    row: int
    """Number of the manifest's data row, from 1."""
    image: str
    """Its identity: absolute path, object URI, or the URL in its normal form without secrets, see
    :mod:`.images.identity`; or what the manifest's ``image_id`` says."""
    type: str
    """What to read: ``vin``, ``trailer_id`` or another type the API knows."""
    uri: str | None = None
    """Where the bytes are; ``None`` for an ``upload_url``."""
    upload_url: str | None = None
    """URL that the API fetches itself, without its secrets where it is ``signed``: a plan is written down."""
    signed: bool = False
    """Whether part of the manifest's ``upload_url`` is a secret: the read task looks it up there, by identity."""
    image_version: str | None = None
    """ETag, or size and modification time, where the listing or the manifest gave it."""
    camera_id: str | None = None
    """Passed to the API and kept in the table."""
    timestamp: str | None = None
    """UTC, ISO 8601 with ``Z``."""
    formerly: str | None = None
    """Key in hex under which version 0.1 planned and published it, where that was another: done then is done."""
    image_name: str | None = None
    """What the manifest itself calls it, without secrets; ``None`` where that is ``image``."""
    manifest_columns: str | None = None
    """The manifest's own columns of this row that come along, as one JSON object; ``None`` where none do."""

    @property
    def identity(self) -> tuple[str, str | None]:
        """What it is known by, whatever row it stands in: its name and its version."""
        return self.image, self.image_version


@dataclass(frozen=True, slots=True)
class Identifier(_Json):
    """One code in a read."""

    code: str
    """As the API gave it."""
    orientation: str | None
    """``horizontal``, ``vertical``, or what else the API said."""
    confidence: float | None
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Read:
    """The API's answer for one image."""

    identifiers: tuple[Identifier, ...]
    """In the API's order; empty where nothing was found, which is a normal answer."""
    processing_time: float | None
    """As the API gave it; the document names no unit."""
    filename: str | None
    """As the API echoed it."""
    version: int | None
    """The API's version of the answer."""
    camera_id: str | None
    """As the API echoed it."""
    timestamp: str | None
    """As the API gave it, UTC."""
    raw: dict[str, Any] = field(repr=False)
    """The whole answer, unknown keys included; an object around its body where that is none."""
    body: bytes | None = field(default=None, repr=False, compare=False)
    """The answer's body to the byte, where it has just come."""
    understood: bool = True
    """Whether the answer is a read at all; else only ``raw`` and ``body`` say something."""


@dataclass(frozen=True, slots=True)
class Statistics(_Json):
    """The answer of the statistics call, which costs nothing."""

    calls: int
    """Calls made in this period."""
    total_calls: int
    """The most calls of a period; 100 % is a hard stop."""
    month: int | None = None
    """Month of the period."""
    year: int | None = None
    """Year of the period."""
    resets_on: str | None = None
    """ISO 8601 time of the reset; it may lie in the past, which means that it is not known."""

    @property
    def remaining(self) -> int:
        """Calls left, never below 0."""
        return max(0, self.total_calls - self.calls)


@dataclass(frozen=True, slots=True)
class Owner(_Json):
    """Who made a claim."""

    dag_id: str = ""
    """Empty outside Airflow."""
    run_id: str = ""
    """Run that pays; ``calls_billed`` of the table counts by it."""
    task_id: str = ""
    """Task that holds the claim."""
    map_index: int = -1
    """Shard's index, -1 where the task is not mapped."""
    try_number: int = 1
    """Airflow's try, from 1."""
    batch: str | None = None
    """Which plan of the run it belongs to; ``None`` where nobody said, and then it is that of its task group."""

    @property
    def group(self) -> str:
        """What tells the batches of one run apart: the task group, unless it holds several plans."""
        return self.task_id.rpartition(".")[0] if self.batch is None else self.batch


@dataclass(frozen=True, slots=True)
class Outcome(_Json):
    """How one planned image ended; the line that a read task writes for the export."""

    row: int
    """Number of the manifest's data row."""
    image: str
    """As planned."""
    type: str
    """As planned."""
    status: str
    """A :class:`ReadStatus`."""
    image_version: str | None = None
    """As planned, so that the next plan finds it by the same key."""
    camera_id: str | None = None
    """As planned."""
    timestamp: str | None = None
    """As planned."""
    fingerprint: str | None = None
    """64 hex digits; ``None`` where no bytes could be read."""
    answer: str | None = None
    """The raw answer as JSON text, for ``read``."""
    read_at: str | None = None
    """When the answer was saved; UTC."""
    calls_billed: int = 0
    """Calls of this run for this row that were answered or are in doubt."""
    from_ledger: bool = False
    """Whether the answer was there before this task, so that nothing was paid."""
    reason: str | None = None
    """A :class:`Reason`, for dead letters."""
    message: str | None = None
    """One sentence for a person."""
    http_status: int | None = None
    """HTTP status of the last call, if any."""
    at: str | None = None
    """When it ended; UTC."""
    call_s: float | None = None
    """Seconds from the request to the whole answer, where this task made the call."""
