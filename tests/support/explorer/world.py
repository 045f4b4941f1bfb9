"""Time, the store, the API and the tasks: one execution, step by step, as the search chooses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import greenlet

from airflow_provider_platerec_ocr.core.models import Owner
from support.clock import START
from support.explorer.choices import Choice, Point
from support.explorer.laws import EVER, FIRST_NIGHT, Books, LawBrokenError
from support.explorer.person import settle
from support.explorer.process import Process, images
from support.explorer.store import CREATE_FAULTS, CREATED_FAULTS, READ_FAULTS, WorldStore, short

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from support.explorer.choices import Scenario
    from support.explorer.rules import Rules

NIGHT_S = 86_400.0
MOST_STEPS = 1_500
"""After which an execution counts as one that never ends."""
_FAULTS = {
    "asks": ("inbox down",),
    "read": READ_FAULTS,
    "date": READ_FAULTS,
    "create": CREATE_FAULTS,
    "created": CREATED_FAULTS,
}
_STRUCK: dict[str, tuple[str, ...]] = {
    "full": (".answer",),
    "empty": (".claim", ".answer", ".drawn"),
    "torn": (".claim", ".answer", ".drawn"),
}


@dataclass
class WorkerSlot:
    """One task: its tries follow one another."""

    index: int
    owner: Owner
    tries: int
    process: Process | None = None

    @property
    def name(self) -> str:
        return "ABCDEFGH"[self.index]


class World:
    """One execution.

    :param spill: folder for spilled answers, which need not exist.
    """

    def __init__(self, scenario: Scenario, rules: Rules, spill: Path) -> None:
        self.scenario = scenario
        self.rules = rules
        self.spill = spill
        self.now_s = 0.0
        self.points: list[Point] = []
        self.trace: list[str] = []
        self.steps = 0
        self.used = {"crash": 0, "jump": 0, "fault": 0, "person": 0, "stop": 0, "signal": 0}
        self.images = images(scenario.images)
        self.inbox: dict[str, dict[str, Any]] = {}
        self.books = Books(self)
        self.store = WorldStore(self, exclusive=scenario.exclusive and rules.exclusive)
        self.acting: Process | None = None
        """Whose step this is."""
        self.night = 0
        self._read: Process | None = None
        """Whose read was the last step; a crash, a stall or a failure before its next one is the same as before."""
        self._hub = greenlet.getcurrent()  # the search's own; whoever runs in it is not stopped at requests
        self._actor = 0
        self.slots = [
            WorkerSlot(index, Owner("yard", FIRST_NIGHT, "read", index, 1), scenario.tries)
            for index in range(scenario.workers)
        ]
        for slot in self.slots:
            self._start(slot, 0.0)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.now_s)

    @property
    def undisturbed(self) -> bool:
        """Whether this is the last night."""
        return self.night > 0 and self.night == self.scenario.nights

    def choices(self, *, first: bool = False) -> list[Choice]:
        """Return what may happen next; the first is what happens undisturbed. Nothing, when all is over.

        :param first: return that one alone, which is quicker.
        """
        self.points = [point for point in self.points if not point.gone()]
        if not self.points and not self._next_night():
            return []
        default = self._default()
        found = [Choice("step", default)]
        if first or self.undisturbed:
            return found
        if self.scenario.thorough or not (default.reads and default.process is self._read):
            found += self._troubles(default)
        runnable = [point for point in self.points if point.due <= self.now_s and point is not default]
        found += [Choice("step", point) for point in runnable]
        later = [point for point in self.points if point.due > self.now_s and point is not default]
        if later and default.due <= self.now_s:
            found.append(Choice("step", min(later, key=lambda point: point.due)))
        return found

    def _troubles(self, default: Point) -> list[Choice]:
        """Return what may go wrong before or with the undisturbed step."""
        found: list[Choice] = []
        if self.used["fault"] < self.scenario.broken:
            found += [Choice("step", default, fault) for fault in default.faults]
        if default.process is not None and default.process.alive and self.used["crash"] < self.scenario.crashes:
            found.append(Choice("crash", default))
        if default.process is not None and default.process.stoppable and self.used["stop"] < self.scenario.stops:
            found.append(Choice("stop", default))
        if default.process is not None and default.process.alive and self.used["signal"] < self.scenario.signals:
            found.append(Choice("signal", default))
        if self.used["jump"] < self.scenario.jumps:
            found += [Choice("jump", seconds=seconds) for seconds in self.scenario.jumps_s]
        if self.scenario.person and not self.used["person"]:
            found.append(Choice("person"))
        return found

    def take(self, choice: Choice) -> None:
        """Let ``choice`` happen."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise LawBrokenError(EVER, f"no end after {MOST_STEPS} steps")
        if choice.kind != "step":
            self.used[choice.kind] += 1
        if choice.point is None:
            self._read = None
            self.say("", str(choice))
            if choice.kind == "person":
                settle(self)
            else:
                self.now_s += choice.seconds
                self.books.delayed("time jumped", choice.seconds)
        elif choice.kind == "crash":
            assert choice.point.process is not None
            self._actor = choice.point.actor
            self.crash(choice.point.process, f"crashes before: {choice.point.label}")
        else:
            self._step(choice, choice.point)
        if self.books.broken is not None:
            raise self.books.broken

    def _step(self, choice: Choice, point: Point) -> None:
        """Let a process do something, or tell it to stop."""
        process = point.process
        self._actor = point.actor
        if choice.kind in {"stop", "signal"}:
            assert process is not None
            self.say("", str(choice), process)
            self.acting, self._read = process, None
            self.saw(choice.kind)
            process.stop() if choice.kind == "stop" else process.signal()
        else:
            self.used["fault"] += bool(choice.fault)
            if point.due > self.now_s and any(other.due <= self.now_s for other in self.points):
                self.books.held_up_s += point.due - self.now_s  # somebody stands still while time passes
            self.now_s = max(self.now_s, point.due)
            self.points.remove(point)
            self.say("", str(choice), process)
            self.acting, self._read = process, process if point.reads else None
            self.saw(point.label)
            point.run(choice.fault)
        if process is not None:
            process.go_on()
        self.acting = None

    def point(self, operation: str, path: str) -> str:
        """Stop the job that runs until the search lets it go on; return the fault that strikes it."""
        job = greenlet.getcurrent()
        if job is self._hub or self.acting is None:
            return ""
        process = self.acting
        process.must_live()
        kinds = _FAULTS.get(operation, ())
        faults = tuple(fault for fault in kinds if fault in self.scenario.faults and _strikes(fault, path))
        label, reads = f"{operation} {short(path)}", operation in {"read", "date"}
        self.add(process, label, lambda fault: process.switch(job, fault), faults=faults, reads=reads)
        fault = str(self._hub.switch() or "")
        process.must_live()
        return fault

    def add(self, process: Process, label: str, run: Any, **more: Any) -> Point:
        """Put something that may happen before the search."""
        made = Point(process.slot.index, label, run, process, **more)
        self.points.append(made)
        return made

    def saw(self, what: object) -> None:
        """Have the process that acts remember what it saw: its state is a function of that."""
        if self.acting is not None:
            self.acting.saw(what)

    def say(self, who: str, what: str, process: Process | None = None) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.now_s:9.2f}  {who if process is None else process.label:4}  {what}")

    def crash_now(self, why: str) -> None:
        """End the process whose job runs."""
        assert self.acting is not None
        self.acting.alive = False
        self.acting.crashing = f"crashes {why}"
        self.acting.must_live()

    def crash(self, process: Process, why: str) -> None:
        """End a process where it stands; its task is tried again."""
        self.say("", why, process)
        process.kill()
        self._end(process, crashed=True)

    def signalled(self, process: Process) -> None:
        """End a process that a signal ends: nobody killed it, so that it answers for what it leaves."""
        process.kill()
        self._end(process)

    def finished(self, process: Process, statuses: list[str], reasons: list[str]) -> None:
        """Take note of a process that ended by itself, with how its images ended and why."""
        self.say("", f"ends: {', '.join(statuses)}", process)
        self.books.seen.update(f"ends: {status}" for status in statuses)
        process.alive = False
        if self.undisturbed:
            self.books.last_night(process, statuses, reasons)
        self._end(process, again="in_doubt" in statuses or "stopped" in statuses, wait="in_doubt" in statuses)

    def close(self) -> None:
        """End whatever still runs."""
        for slot in self.slots:
            if slot.process is not None:
                slot.process.kill()

    @property
    def key(self) -> tuple[Any, ...]:
        """What the rest of the execution depends on, whatever order led here."""
        return (
            round(self.now_s, 3),
            self._actor,
            self._read is not None,
            self.night,
            self.store.key,
            tuple(sorted((point.key for point in self.points), key=lambda key: key[0])),
            tuple((slot.owner.try_number, slot.process.key if slot.process else None) for slot in self.slots),
            tuple(self.used.items()),
            self.books.key,
            tuple(sorted((mark, raw["call"]) for mark, raw in self.inbox.items())),
            tuple(sorted(path.name.rsplit(".", 3)[0] for path in self.spill.iterdir())) if self.spill.is_dir() else (),
        )

    def _default(self) -> Point:
        """Return what happens undisturbed: who acted goes on; else the next; else time passes."""
        runnable = [point for point in self.points if point.due <= self.now_s]
        if not runnable:
            return min(self.points, key=lambda point: point.due)
        return min(runnable, key=lambda point: (point.actor != self._actor, point.actor))

    def _start(self, slot: WorkerSlot, due: float) -> None:
        def start(_fault: str) -> None:
            slot.process = process = Process(self, slot)
            self.acting = process
            process.begin()
            process.go_on()

        self.points.append(Point(slot.index, f"{slot.name}{slot.owner.try_number} starts", start, due=due))

    def _end(self, process: Process, *, crashed: bool = False, again: bool = True, wait: bool = False) -> None:
        self.books.ended(process, crashed=crashed)
        slot = process.slot
        if again and slot.owner.try_number < slot.tries:
            slot.owner = replace(slot.owner, try_number=slot.owner.try_number + 1)
            self._start(slot, self.now_s + (process.settings.lease_s + 1.0 if wait else 0.0))

    def _next_night(self) -> bool:
        if self.night >= self.scenario.nights:
            return False
        self.night += 1
        self.now_s += NIGHT_S
        self._actor = 0
        slot = self.slots[0]
        slot.owner, slot.tries = Owner("yard", f"night-{self.night + 1}", "read", 0, 1), 1
        self.say("", f"night {self.night + 1}")
        self._start(slot, self.now_s)
        return True


def _strikes(fault: str, path: str) -> bool:
    """Return whether a fault makes a difference for a file."""
    return path.endswith(_STRUCK.get(fault, ("",)))
