"""The inbox: every payload that was received, once each, for good, in order of receipt, on any fsspec store.

::

    <inbox>/payloads/<aa>/<id>.json                          the record: written last, and what makes a payload exist
    <inbox>/by-time/<YYYY-MM-DD>/<HH>/<MMSSffffff>-<nonce>-<id>
                                                             a mark: its place in the order of receipt
    <inbox>/by-fingerprint/<aa>/<bb>/<fingerprint>.<id>      a mark, for answers to uploads of ours

*Order of writes*: the marks first, the record last, and by exclusive creation. A process that is killed in between
leaves marks without a record, which every reader skips; the sender got no answer, and its next delivery is new. Once
the record is there its marks are, so the same payload again costs one look.

*Late keys*: a mark may appear after marks with a later time, since several receivers write at once. The writer sees to
it that a mark appears within :data:`MARK_WITHIN_S` of its time (else it takes a new time), and :meth:`Inbox.scan` hands
out only what is older than :data:`SETTLE_S`, which leaves the rest for clocks that differ. A mark without a record
holds the scan for :data:`RECORD_WITHIN_S`, and after that is dead: a record that takes longer gets a new place. So a
cursor never passes anything that appears later.

It knows no HTTP, no Airflow and no ledger.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.fingerprint import is_fingerprint
from airflow_provider_platerec_ocr.storage.store import Store, StoreErrors
from airflow_provider_platerec_ocr.webhook.payload import (
    Payload,
    PayloadError,
    Receipt,
    check_payload,
    fingerprint_of,
    hook_of,
    is_payload_id,
    payload_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

__all__ = ["SETTLE_S", "Inbox", "InboxError", "Payload", "PayloadError", "Receipt"]

SETTLE_S = 4.0
"""Seconds after which a payload is handed out by :meth:`Inbox.scan`: whoever must see what was just put pauses so long
first, or asks with :meth:`Inbox.get` or :meth:`Inbox.find`, which see it at once."""
MARK_WITHIN_S = 2.0
"""Seconds within which a mark appears after the time in its name; the rest of SETTLE_S is for clocks that differ."""
RECORD_WITHIN_S = 60.0
"""Seconds within which a record follows its mark."""
_TRIES = 3
_FORMAT = 1
_FORGOTTEN = "forgotten"
"""Key of a record whose payload was deleted."""
_MARK = b'"forgotten": true}'
"""How such a record ends."""


class InboxError(OCRError):
    """The inbox cannot be read or written; the sender must try again later."""


_ERRORS = StoreErrors("inbox", InboxError, InboxError, "and the sender tries again")


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place in the order of receipt, and when it was taken on the writer's own monotonic clock."""

    cursor: str
    received_at: str
    since_s: float

    @property
    def mark(self) -> str:
        """The name of the mark."""
        return f"by-time/{self.cursor}"

    def record(self, id_: str, payload: dict[str, Any]) -> bytes:
        """Return the record of a payload that has this place."""
        head = {"format": _FORMAT, "id": id_, "cursor": self.cursor, "received_at": self.received_at}
        return json.dumps(head | payload).encode()


class Inbox:
    """A folder of payloads. Blocking, and may be used by several threads and processes at once.

    :param place: the folder; the first :meth:`put` creates it.
    :param clock: where time comes from.
    """

    def __init__(self, place: StoragePath, *, clock: Clock) -> None:
        self.place = place
        self._clock = clock
        self._store = Store(place, _ERRORS, makes_root=True)

    def put(self, payload: dict[str, Any]) -> Receipt:
        """Keep a payload; it is durable when this returns, and the same answer twice is one.

        :param payload: ``{"hook": …, "data": {…}}``; ``hook`` may be missing.
        :raises PayloadError: it is no payload.
        :raises InboxError: the store refuses; nothing is promised, and the sender must try again.
        """
        data: dict[str, Any] = check_payload(payload)["data"]
        id_ = payload_id(data)
        if self._store.read(_record(id_)) is not None:
            self._store.secure(_record(id_))
            return Receipt(id_, new=False)
        fingerprint = fingerprint_of(data["filename"]) if isinstance(data.get("filename"), str) else None
        if fingerprint:
            self._store.mark(_by_fingerprint(fingerprint, id_))
        return Receipt(id_, new=self._keep(id_, {"hook": hook_of(payload), "data": data}))

    def is_used(self) -> bool:
        """Return whether anything was ever put; one LIST, and nothing is created."""
        return bool(self._store.bare_names("by-time"))

    def last_receipt(self) -> datetime | None:
        """Return when the last payload came (UTC), ``None`` where none ever did; three LISTs, and nothing is created.

        A mark without a record counts: somebody did send.
        """
        place = "by-time"
        for _ in range(2):
            names = sorted(self._store.bare_names(place))
            if not names:
                return None
            place = f"{place}/{names[-1]}"
        marks = sorted(self._store.bare_names(place))
        if not marks:
            return None
        _, day, hour = place.split("/")
        return datetime.strptime(f"{day}{hour}{marks[-1].partition('-')[0]}", "%Y-%m-%d%H%M%S%f").replace(tzinfo=UTC)

    def get(self, id_: str) -> Payload | None:
        """Return one payload by its id, also one that was put a moment ago."""
        if not is_payload_id(id_):
            return None
        return self._load(id_)

    def find(self, fingerprint: str) -> list[Payload]:
        """Return the answers to an upload of ours in order of receipt, also those put a moment ago; one LIST.

        :param fingerprint: 64 hex digits; anything else finds nothing.
        """
        if not is_fingerprint(fingerprint):
            return []
        names = self._store.bare_names(_fingerprint_folder(fingerprint))
        ids = [name.rpartition(".")[2] for name in names if name.startswith(f"{fingerprint}.")]
        found = [payload for id_ in ids if (payload := self.get(id_))]
        return sorted(found, key=lambda payload: payload.cursor)

    def ids(self) -> Iterator[str]:
        """Yield the id of every payload that was ever put; what was forgotten is among them."""
        for folder in self._store.bare_names("payloads"):
            for name in self._store.bare_names(f"payloads/{folder}"):
                if is_payload_id(id_ := name.removesuffix(".json")):
                    yield id_

    def raw(self, id_: str) -> bytes | None:
        """Return the record of a payload as it lies in its file, ``None`` where there is none or it was forgotten."""
        data = self._store.read(_record(id_))
        return None if data is None or _is_forgotten(data) else data

    def forget(self, id_: str) -> None:
        """Delete what a payload says; its id stays, so that the same one, delivered again, is not new.

        :raises InboxError: the store refuses.
        """
        data = self._store.read(_record(id_)) or b"{}"
        try:
            before = json.loads(data)
        except ValueError:
            before = {}
        before = before if isinstance(before, dict) else {}
        head = {"format": _FORMAT, "id": id_} | {k: before[k] for k in ("cursor", "received_at") if k in before}
        self._store.replace(_record(id_), json.dumps(head | {_FORGOTTEN: True}).encode())

    def scan(self, after: str = "", limit: int | None = None, *, settle_s: float = SETTLE_S) -> Iterator[Payload]:
        """Yield payloads in order of receipt.

        Ends before what is too young for its place in the order to be certain; the next scan has it.

        :param after: :attr:`Payload.cursor` of the last one seen; empty for all.
        :param limit: at most so many.
        :param settle_s: age from which on payloads are handed out; less than the default can miss late ones for good.
        """
        now = self._clock.now()
        until = _cursor(now - timedelta(seconds=settle_s), "")
        dead = _cursor(now - timedelta(seconds=max(settle_s, RECORD_WITHIN_S)), "")
        left = limit
        for cursor in self._cursors(after, until):
            if left is not None and left <= 0:
                return
            payload = self._load(cursor.rpartition("-")[2])
            if payload is None and cursor > dead:
                return
            if payload is not None and payload.cursor == cursor:
                yield payload
                left = None if left is None else left - 1

    def waits(self, after: str, before: datetime) -> bool:
        """Return whether :meth:`scan` still holds something back: after a cursor, and taken before a moment.

        :param after: cursor of the last payload that a scan gave.
        """
        dead = _cursor(self._clock.now() - timedelta(seconds=RECORD_WITHIN_S), "")
        for cursor in self._cursors(after, _cursor(before, "")):
            payload = self._load(cursor.rpartition("-")[2])
            if (payload is None and cursor > dead) or (payload is not None and payload.cursor == cursor):
                return True
        return False

    def _take_slot(self, id_: str) -> _Slot:
        """Return a place in the order whose mark appeared in time."""
        for _ in range(_TRIES):
            since_s, now = self._clock.monotonic(), self._clock.now()
            nonce = secrets.token_hex(4)
            slot = _Slot(_cursor(now, f"{nonce}-{id_}"), now.isoformat(timespec="microseconds"), since_s)
            self._store.mark(slot.mark)
            if self._clock.monotonic() - since_s <= MARK_WITHIN_S:
                return slot
        message = f"The inbox {self.place} takes longer than {MARK_WITHIN_S:.0f} s to create a file."
        raise InboxError(message)

    def _keep(self, id_: str, payload: dict[str, Any]) -> bool:
        """Create the record at a place that no scan has passed; return whether it is this delivery's."""
        slot = self._take_slot(id_)
        try:
            created = self._store.create_once(_record(id_), slot.record(id_, payload))
        except InboxError:
            self._store.remove(slot.mark)
            raise
        if not created and self._owner(id_) != slot.cursor:  # a repeated request meets its own record
            self._store.remove(slot.mark)
            self._store.secure(_record(id_))
            return False
        for _ in range(_TRIES):
            if self._clock.monotonic() - slot.since_s <= RECORD_WITHIN_S:
                return True
            slot = self._take_slot(id_)
            self._store.replace(_record(id_), slot.record(id_, payload))
        message = f"The inbox {self.place} takes longer than {RECORD_WITHIN_S:.0f} s for one payload."
        raise InboxError(message)

    def _owner(self, id_: str) -> str:
        """Return the place in the order of the record that is there."""
        there = self._load(id_)
        return there.cursor if there else ""

    def _cursors(self, after: str, until: str) -> Iterator[str]:
        """Yield the positions between two, in order."""
        for day in self._between("by-time", "", after, until):
            for hour in self._between(f"by-time/{day}", day, after, until):
                for name in self._store.bare_names(f"by-time/{day}/{hour}"):
                    cursor = f"{day}/{hour}/{name}"
                    if after < cursor < until and is_payload_id(name.rpartition("-")[2]):
                        yield cursor

    def _between(self, folder: str, prefix: str, after: str, until: str) -> list[str]:
        """Return the folders in ``folder`` that can hold positions between two."""
        found = []
        for name in self._store.bare_names(folder):
            path = f"{prefix}/{name}" if prefix else name
            if after[: len(path)] <= path <= until[: len(path)]:
                found.append(name)
        return found

    def _load(self, id_: str) -> Payload | None:
        raw = self._store.read(_record(id_))
        if raw is None:
            return None
        if _is_forgotten(raw):
            return None
        try:
            record = json.loads(raw)
            return Payload(id_, record["cursor"], record["received_at"], dict(record["data"]), dict(record["hook"]))
        except (ValueError, KeyError, TypeError) as error:
            message = f"{_record(id_)} in the inbox {self.place} is damaged; move it away and have it delivered again."
            raise InboxError(message) from error


def _cursor(moment: datetime, rest: str) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d/%H/%M%S%f}-{rest}"


def _record(id_: str) -> str:
    return f"payloads/{id_[:2]}/{id_}.json"


def _fingerprint_folder(fingerprint: str) -> str:
    return f"by-fingerprint/{fingerprint[:2]}/{fingerprint[2:4]}"


def _by_fingerprint(fingerprint: str, id_: str) -> str:
    return f"{_fingerprint_folder(fingerprint)}/{fingerprint}.{id_}"


def _is_forgotten(data: bytes) -> bool:
    if _MARK not in data[-len(_MARK) :]:
        return False
    try:
        record = json.loads(data)
    except ValueError:
        return False
    return isinstance(record, dict) and record.get(_FORGOTTEN) is True and "data" not in record
