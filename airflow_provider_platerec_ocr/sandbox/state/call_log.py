"""The call log: the sandbox's memory of every POST to the reader, and the books made from it.

It is the truth that money is checked against: which image was billed how often, and whether a client came back before
the time it had been given. Tokens are never written, only their account's name. Knows no HTTP.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.sandbox.state.clock import iso

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.sandbox.state.clock import Clock

GRACE_S = 0.1


@dataclass(slots=True, eq=False)
class Call:
    """One POST to the reader."""

    seq: int
    """Number in order of arrival, from 1."""
    arrived_s: float
    """Arrival of its head, on the monotonic clock."""
    arrived_at: str
    """Arrival on the wall clock, ISO 8601 UTC."""
    user_agent: str | None = None
    """The client's User-Agent."""
    account: str | None = None
    """The account's name; None for an unknown token."""
    image: str | None = None
    """SHA-256 of the bytes, or the URL without its signature."""
    sha256: str | None = None
    """SHA-256 of the bytes; None for a URL."""
    upload_url: str | None = None
    """The URL, without its signature; None for bytes."""
    size_bytes: int | None = None
    """Size of the image's bytes."""
    filename: str | None = None
    """The upload's file name."""
    type: str | None = None
    """What was to be read."""
    camera_id: str | None = None
    """The client's camera."""
    started_s: float | None = None
    """When its work began, monotonic; None when none was done."""
    ended_s: float | None = None
    """When the reply was made, monotonic; None while it is in flight."""
    status: int | None = None
    """Status sent; 0 for none (cut or hung); None while it is in flight."""
    billed: bool = False
    """Whether it was counted in the quota."""
    fault: str | None = None
    """The rule that made it fail."""
    retry_after_s: float | None = None
    """Seconds the client was asked to stay away."""
    codes: list[str] = field(default_factory=list)
    """What was read."""

    @property
    def key(self) -> str:
        """What may be billed once: the image together with what is read from it."""
        return f"{self.type}:{self.image}"


class CallLog:
    """All calls in memory and, if wished, as JSON lines in a file."""

    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        """Start empty; an existing file is appended to."""
        self._clock = clock
        self._file = path.open("a", encoding="utf-8") if path else None
        self.clear()

    def clear(self) -> None:
        """Forget all calls and deliveries; the file stays as it is."""
        self.calls: list[Call] = []
        self.deliveries: list[dict[str, Any]] = []
        self.in_flight = 0
        self.peak_in_flight = 0
        self.statistics_calls = 0

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def arrive(self, user_agent: str | None = None) -> Call:
        """Note a call's arrival."""
        now_s = self._clock.monotonic()
        call = Call(len(self.calls) + 1, now_s, iso(self._clock.now()), user_agent)
        self.calls.append(call)
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        return call

    def end(self, call: Call, status: int, retry_after_s: float | None = None) -> None:
        """Note the reply to a call; one that began before ``clear`` no longer counts."""
        call.ended_s, call.status, call.retry_after_s = self._clock.monotonic(), status, retry_after_s
        if self.calls[call.seq - 1 : call.seq] != [call]:
            return
        self.in_flight -= 1
        self._write({"event": "call", **asdict(call)})

    def delivered(self, delivery: dict[str, Any]) -> None:
        """Note one attempt to deliver a webhook."""
        self.deliveries.append(delivery)
        self._write({"event": "webhook", **delivery})

    def _write(self, line: dict[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


def books(log: CallLog, grace_s: float = GRACE_S) -> dict[str, Any]:
    """Sum up a log.

    :param grace_s: arrivals this soon after a refusal do not count as early: they were on their way already.
    """
    billed = Counter(call.key for call in log.calls if call.billed)
    early = early_starts(log.calls, grace_s)
    return {
        "posts": len(log.calls),
        "billed": billed.total(),
        "unique_images": len({call.key for call in log.calls if call.image}),
        "unique_billed": len(billed),
        "billed_more_than_once": {key: count for key, count in billed.items() if count > 1},
        "per_status": dict(Counter(str(call.status) for call in log.calls if call.status is not None)),
        "per_fault": dict(Counter(call.fault for call in log.calls if call.fault)),
        "early_starts": early,
        "early_resends": [item for item in early if item["same_image"]],
        "in_flight": log.in_flight,
        "peak_in_flight": log.peak_in_flight,
        "statistics_calls": log.statistics_calls,
        "webhooks": len(log.deliveries),
        "first_arrival_s": log.calls[0].arrived_s if log.calls else None,
        "last_end_s": max((call.ended_s for call in log.calls if call.ended_s is not None), default=None),
    }


def early_starts(calls: list[Call], grace_s: float = GRACE_S) -> list[dict[str, Any]]:
    """List the calls that came before a wait their account had been given was over.

    Each item names the early call (``seq``), the refusal it did not heed (``after``), how early it was (``early_s``),
    how long after the refusal it came (``since_s``) and whether it was for the same image and type (``same_image``).
    """
    refused = sorted((call for call in calls if call.retry_after_s), key=_ended_s)
    longest: dict[str | None, Call] = {}
    own: dict[tuple[str | None, str], Call] = {}
    found = []
    index = 0
    for call in calls:
        while index < len(refused) and _ended_s(refused[index]) < call.arrived_s - grace_s:
            refusal = refused[index]
            own[refusal.account, refusal.key] = refusal
            if refusal.account not in longest or _wait_over_s(refusal) > _wait_over_s(longest[refusal.account]):
                longest[refusal.account] = refusal
            index += 1
        in_force = (own.get((call.account, call.key)), longest.get(call.account))
        unheeded = next((one for one in in_force if one and call.arrived_s < _wait_over_s(one)), None)
        if unheeded:
            found.append(_early(call, unheeded))
    return found


def _ended_s(call: Call) -> float:
    return call.ended_s or 0.0


def _wait_over_s(refusal: Call) -> float:
    return _ended_s(refusal) + (refusal.retry_after_s or 0.0)


def _early(call: Call, refusal: Call) -> dict[str, Any]:
    return {
        "seq": call.seq,
        "after": refusal.seq,
        "early_s": _wait_over_s(refusal) - call.arrived_s,
        "since_s": call.arrived_s - _ended_s(refusal),
        "same_image": call.key == refusal.key,
    }
