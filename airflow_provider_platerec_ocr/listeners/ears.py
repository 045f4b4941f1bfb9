"""Hands events to listeners, each in a thread of its own with a queue that has an end.

A listener that is slow loses events, one that hangs is left behind, and one that raises is logged once; the task waits
for none of them, but for a few seconds at its end.
"""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.events import unpacked
from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.events import Event

log = logging.getLogger(__name__)
MOST_WAITING = 10_000
"""Events that wait for one listener; more are dropped, and counted."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One who listens."""

    name: str
    """For the log."""
    begin: Callable[[], Callable[[Event], object]] = field(repr=False)
    """Returns what is called with each event. It is called in the listener's thread: what it imports may hang."""
    wants_calls: bool = True
    """Whether it wants to hear of single calls."""


class Ears:
    """All who listen to one task.

    :param listeners: at least one; their threads begin at once.
    :param most: events that wait for one listener.
    """

    def __init__(self, listeners: Sequence[Listener], *, most: int = MOST_WAITING, clock: Clock | None = None) -> None:
        self.wants_calls = any(each.wants_calls for each in listeners)
        self._clock = clock or SystemClock()
        self._ears = [_Ear(each, most) for each in listeners]
        self.lost_before = 0
        """Events that never came here: the process of the calls had to drop them."""

    def take(self, message: Mapping[str, Any]) -> None:
        """Take one message of the process in which the calls live; what is no event is left aside."""
        try:
            if "dropped" in message:
                self.lost_before += int(message["dropped"])
            elif "event" in message:
                self.tell(unpacked(message["event"]))
        except Exception:
            log.exception("An event could not be read and is left out.")

    def tell(self, event: Event) -> None:
        """Hand an event to everybody, waiting for nobody."""
        for ear in self._ears:
            ear.put(event)

    def close(self, within_s: float) -> None:
        """Wait until what was told has been heard, but no longer than this; then leave them alone, and say so.

        :param within_s: seconds for all of them together.
        """
        try:
            for ear in self._ears:
                ear.end()
            until = self._clock.monotonic() + within_s
            for ear in self._ears:
                ear.join(max(0.0, until - self._clock.monotonic()))
                ear.say(within_s)
            if self.lost_before:
                were = agree(self.lost_before, "was", "were")
                log.warning("%s %s dropped before anybody could hear.", count_of(self.lost_before, "event"), were)
        except Exception:
            log.exception("Those who listen could not be told that the task ends.")


class _Ear:
    """One listener with its queue and its thread."""

    def __init__(self, listener: Listener, most: int) -> None:
        self._listener = listener
        self._waiting: queue.Queue[Event | None] = queue.Queue(most)
        self._dropped = self._failed = 0
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"platerec-ear-{listener.name}")
        self._thread.start()

    def put(self, event: Event) -> None:
        """Have the event heard later, or drop it where too many wait."""
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._dropped += 1

    def end(self) -> None:
        """Let the thread end once everything is heard; a full queue is left as it is."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            self._dropped += 1

    def join(self, within_s: float) -> None:
        """Wait for the thread."""
        self._thread.join(within_s)

    def say(self, waited_s: float) -> None:
        """Log what was lost, if anything was."""
        unheard = self._waiting.qsize() - (self._thread.is_alive() and 1)
        if self._thread.is_alive() and unheard > 0:
            log.warning(
                "The listener %s did not take %s within %g s and is left behind.",
                *(self._listener.name, count_of(unheard, "event"), waited_s),
            )
        if self._dropped:
            log.warning("The listener %s was too slow for %s.", self._listener.name, count_of(self._dropped, "event"))
        if self._failed > 1:
            log.warning("The listener %s failed on %s.", self._listener.name, count_of(self._failed, "event"))

    def _run(self) -> None:
        try:
            hear = self._listener.begin()
        except BaseException:
            log.exception("The listener %s cannot be used, and hears of nothing.", self._listener.name)
            return
        while (event := self._waiting.get()) is not None:
            try:
                hear(event)
            except BaseException:  # also of somebody's sys.exit()
                self._failed += 1
                if self._failed == 1:
                    log.exception("The listener %s failed; more of its failures are only counted.", self._listener.name)
