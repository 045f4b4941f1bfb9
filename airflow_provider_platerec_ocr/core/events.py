"""What happened, as values that others may hear of: one paid call that ended, and where a run is.

One seam for all who listen: log, metrics, spans, progress, a user's own. Whoever makes a call tells :class:`Events`
and goes on: telling never raises, and says nothing about who listens. Events are figures about the books, never the
books: some may be lost, and nothing is decided by them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import (
    OCRNotSent,
    OCROutcomeUnknown,
    OCRRateLimited,
    OCRRejected,
    OCRStop,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_platerec_ocr.core.models import Owner

BAD_REQUEST = 400


class CallEnd(StrEnum):
    """How one paid call ended."""

    ANSWERED = "answered"
    """A whole answer came, and was paid for."""
    REJECTED = "rejected"
    """The API will never read this content."""
    NOT_FETCHED = "not_fetched"
    """The API could not fetch the ``upload_url``."""
    REFUSED = "refused"
    """Turned away before any work: 429, 503."""
    NOT_SENT = "not_sent"
    """It never reached the API."""
    UNKNOWN = "unknown"
    """It may have been billed, and its answer is not known: a doubt."""
    STOPPED = "stopped"
    """Nothing further makes sense: bad token, quota gone, not the API."""


class RunStep(StrEnum):
    """Where a run is."""

    PLANNED = "planned"
    """The plan is made."""
    BEGUN = "begun"
    """A read task begins."""
    PROGRESS = "progress"
    """A read task is on its way; every 30 s."""
    READ = "read"
    """A read task has ended, well or badly."""
    PUBLISHED = "published"
    """The export has ended, well or badly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One paid call that ended. It holds no secret: signatures of URLs are cut.

    .. versionadded:: 0.2
    """

    at: str
    """When it ended; UTC, ISO 8601."""
    end: CallEnd
    """How."""
    elapsed_s: float
    """Seconds from its start."""
    type: str = ""
    """What was to be read: ``vin``, ``trailer_id``, …"""
    image: str = ""
    """What the image is known by."""
    row: int = 0
    """Row of the manifest, from 1."""
    fingerprint: str = ""
    """What the ledger knows it by: 64 hex digits."""
    attempt: int = 1
    """Number of the claim, from 1."""
    resent: bool = False
    """Whether it repeats a call in doubt."""
    billed: bool | None = None
    """Whether it was paid for; ``None`` where nobody says (unknown outcome, 503, rejected)."""
    error: str | None = None
    """Name of its error, such as ``OCRRateLimited``; ``None`` for an answer."""
    http_status: int | None = None
    """HTTP status; ``None`` where none came, and for an answer."""
    upload_bytes: int = 0
    """Bytes that were sent."""
    dag_id: str = ""
    """Whose call it was; empty outside Airflow."""
    run_id: str = ""
    """As above."""
    task_id: str = ""
    """As above."""
    map_index: int = -1
    """As above; -1 where the task is not mapped."""
    try_number: int = 1
    """As above."""

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Where a run is.

    .. versionadded:: 0.2
    """

    at: str
    """When; UTC, ISO 8601."""
    step: RunStep
    """Where."""
    counts: Mapping[str, Any] = field(default_factory=dict)
    """As the task returns them (of ``planned``: as the XCom ``plan`` has them)."""
    line: str = ""
    """The same as one line for people; may be empty."""
    done: int | None = None
    """Images that have ended, of a read task."""
    total: int | None = None
    """Its images."""
    in_flight: int | None = None
    """Its calls under way."""
    rate_per_s: float | None = None
    """Calls that it may start a second now."""
    calls_left: int | None = None
    """Of the account, where it was asked."""
    error: str | None = None
    """Name of the error with which the task ends; ``None`` where it goes on or ended well."""
    dag_id: str = ""
    """Whose task it is; empty outside Airflow."""
    run_id: str = ""
    """As above."""
    task_id: str = ""
    """As above."""
    map_index: int = -1
    """As above; -1 where the task is not mapped."""
    try_number: int = 1
    """As above."""

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON-ready data."""
        return asdict(self)


Event = CallEvent | RunEvent


def packed(event: Event) -> dict[str, Any]:
    """Return an event as a message for another process."""
    return {"call" if isinstance(event, CallEvent) else "run": event.to_json()}


def unpacked(message: Mapping[str, Any]) -> Event:
    """Return the event that :func:`packed` packed.

    :raises KeyError: it is none. :raises TypeError: as above. :raises ValueError: as above.
    """
    if "call" in message:
        call = message["call"]
        return CallEvent(**call | {"end": CallEnd(call["end"])})
    run = message["run"]
    return RunEvent(**run | {"step": RunStep(run["step"])})


def of_owner(owner: Owner) -> dict[str, Any]:
    """Return the fields of an event that say whose it is."""
    return {
        "dag_id": owner.dag_id,
        "run_id": owner.run_id,
        "task_id": owner.task_id,
        "map_index": owner.map_index,
        "try_number": owner.try_number,
    }


_ENDS = (
    (OCRStop, CallEnd.STOPPED, False),
    (OCROutcomeUnknown, CallEnd.UNKNOWN, None),
    (OCRNotSent, CallEnd.NOT_SENT, False),
    (OCRRejected, CallEnd.REJECTED, None),
    (OCRRateLimited, CallEnd.REFUSED, False),
)
"""Errors of calls, what they are told as, and whether they were billed; any other was refused, and nobody says."""


def end_of(error: Exception | None, *, is_url: bool = False) -> tuple[CallEnd, bool | None]:
    """Return how a call ended, and whether it was billed (``None``: nobody says).

    :param error: what came of it; ``None`` for an answer.
    :param is_url: whether the API was to fetch the image itself.
    """
    if error is None:
        return CallEnd.ANSWERED, True
    if isinstance(error, OCRRejected) and is_url and error.status == BAD_REQUEST:
        return CallEnd.NOT_FETCHED, False
    return next(((end, billed) for kind, end, billed in _ENDS if isinstance(error, kind)), (CallEnd.REFUSED, None))


class Events:
    """Where what happened is told. Telling never raises and asks for nothing where nobody listens.

    :param listeners: called with each event, in turn, by whoever tells; they must not wait for anything.
    :param calls: whether anybody wants to hear of single calls.
    :param failed: called with the first error of a listener; later ones are swallowed.
    """

    def __init__(
        self,
        *listeners: Callable[[Event], object],
        calls: bool = False,
        failed: Callable[[Exception], object] | None = None,
    ) -> None:
        self._listeners = listeners
        self._calls = calls and bool(listeners)
        self._failed = failed

    @property
    def wants_calls(self) -> bool:
        """Whether single calls are to be told: making their events costs time."""
        return self._calls

    def tell(self, make: Callable[[], Event]) -> None:
        """Tell everybody.

        :param make: makes the event; not called where nobody listens.
        """
        if not self._listeners:
            return
        try:
            event = make()
            for hear in self._listeners:
                hear(event)
        except Exception as error:  # noqa: BLE001  # nothing that only listens may touch a paid call
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(error)
