"""The API as a task sees it: a call is received, worked on, billed or not, and answered or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import (
    OCRNotSent,
    OCROutcomeUnknown,
    OCRRateLimited,
    OCRRejected,
    OCRUnauthorized,
    OCRUnavailable,
)
from airflow_provider_platerec_ocr.core.models import Read

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.explorer.laws import Call
    from support.explorer.process import Process

NOT_BILLED: dict[str, Callable[[], Exception]] = {
    "refused": lambda: OCRRateLimited("429", status=429),
    "unavailable": lambda: OCRUnavailable("503", status=503),
    "not sent": lambda: OCRNotSent("connection refused"),
    "rejected": lambda: OCRRejected("422", status=422),
    "stop": lambda: OCRUnauthorized("401", status=401),
    "cut before": lambda: OCROutcomeUnknown("cut before the work"),
}
BILLED: dict[str, Callable[[], Exception]] = {
    "cut after": lambda: OCROutcomeUnknown("cut after the work"),
    "500": lambda: OCROutcomeUnknown("500", status=500),
}
ANSWERS = ("answer", "unread")
"""What arrives whole; the latter is no read."""
REPLIES = (*NOT_BILLED, *BILLED, "unread")


class Api:
    """Stands where the product's client stands."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def prepare(self, *, filename: str, **_: Any) -> str:
        return filename

    async def send(self, filename: str) -> Read:
        process, world = self._process, self._process.world
        call = world.books.posted(process, filename)
        reply: Any = process.loop.create_future()
        sent_s = world.now_s

        def works(fault: str) -> None:
            script = world.scenario.replies
            kind = fault or (script[call.index] if call.index < len(script) else "answer")
            world.say("API", f"works on call {call.name}: {kind}")
            process.saw(kind)
            if kind in NOT_BILLED:
                world.books.not_billed(call, refused=kind != "cut before")
            else:
                world.books.billed(call)
                if world.scenario.inbox:
                    world.inbox.setdefault(call.fingerprint, call.raw)
            if process.alive:
                label = f"gets the reply of call {call.name}: {kind}"
                world.add(process, label, lambda _fault: arrives(kind), due=world.now_s + world.scenario.latency_s)

        def arrives(kind: str) -> None:
            timed_out = world.now_s - sent_s > process.settings.timeouts.call_s
            error: Exception | None = {**NOT_BILLED, **BILLED}[kind]() if kind not in ANSWERS else None
            if timed_out:
                error = OCROutcomeUnknown("timed out")
            world.books.replied(call, error)
            if error is None:
                world.books.seen.update({"an answer that is no read"} if kind == "unread" else ())
                reply.set_result(answer(call, understood=kind == "answer"))
            else:
                reply.set_exception(error)

        faults = tuple(kind for kind in REPLIES if kind in world.scenario.faults)
        world.add(process, f"call {call.name} reaches the API", works, faults=faults, survives=True)
        found: Read = await reply
        return found


def answer(call: Call, *, understood: bool) -> Read:
    """Return the answer of a call, which no other call has."""
    return Read((), None, None, None, None, None, raw=call.raw, understood=understood)
