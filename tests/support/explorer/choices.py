"""What may happen next, and how a search says which of it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.explorer.process import Process


@dataclass(eq=False)
class Point:
    """Something that happens when the scheduler says so."""

    actor: int
    """Whose it is; an actor goes on until it waits, unless the search deviates."""
    label: str
    """For the trace and for telling states apart."""
    run: Callable[[str], None]
    """Do it; the argument is the fault that strikes it, or nothing."""
    process: Process | None = None
    """The process it happens in."""
    survives: bool = False
    """Whether it happens although its process is gone."""
    due: float = 0.0
    """Not before, in the world's seconds."""
    faults: tuple[str, ...] = ()
    """What may go wrong with it."""
    reads: bool = False
    """Whether it only reads from the store."""
    gone: Callable[[], bool] = field(default=lambda: False)
    """Whether it was called off."""

    @property
    def key(self) -> tuple[int, str, float]:
        return (self.actor, self.label, self.due)


@dataclass(frozen=True)
class Choice:
    """One of the things that may happen next."""

    kind: str
    """``step``, ``crash``, ``stop``, ``signal``, ``jump`` or ``person``."""
    point: Point | None = None
    """What is done, or whose process crashes, gets a signal or is told to stop."""
    fault: str = ""
    """What goes wrong with the step."""
    seconds: float = 0.0
    """How far a jump goes."""

    def __str__(self) -> str:
        if self.kind == "jump":
            return f"time jumps by {self.seconds:g} s"
        if self.kind == "person":
            return "a person settles what is in doubt, as it really was"
        where = "" if self.point is None else self.point.label
        if self.kind == "crash":
            return f"crash before: {where}"
        if self.kind == "stop":
            return f"is told to stop before: {where}"
        if self.kind == "signal":
            return f"gets SIGTERM before: {where}"
        return f"{where}{f' [{self.fault}]' if self.fault else ''}"


@dataclass(frozen=True)
class Scenario:
    """Who works, and what may go wrong."""

    name: str
    """For the table."""
    workers: int = 2
    """Tasks that want the same image at once."""
    tries: int = 3
    """Of each task, in the first night."""
    nights: int = 2
    """Further runs of one task; nothing disturbs the last one."""
    images: int = 1
    """Images that each task wants."""
    policy: str = "resend"
    """What to do with a call in doubt."""
    replies: tuple[str, ...] = ()
    """What the calls get, in order; an answer when they are used up."""
    faults: tuple[str, ...] = ()
    """What may go wrong with a request or a call, see :mod:`.store` and :mod:`.process`."""
    jumps_s: tuple[float, ...] = ()
    """By how much time may jump while nobody moves."""
    crashes: int = 2
    """Most crashes in one execution."""
    jumps: int = 2
    """Most jumps in one execution."""
    stops: int = 0
    """How many processes may be told to stop, as at the soft deadline."""
    signals: int = 0
    """How many processes may get SIGTERM, at any time."""
    broken: int = 2
    """Most other faults in one execution."""
    skew_s: tuple[float, ...] = (3 * 3600.0, -5 * 3600.0, 0.0)
    """How far each task's wall clock is ahead of the store's."""
    call_s: tuple[float, ...] = (4.0, 4.0, 4.0)
    """Each task's longest call."""
    late_s: float = 3.0
    """For how long a store that is slow hides a write."""
    down_s: float = 3.0
    """For how long a store that fails refuses everything."""
    latency_s: float = 0.3
    """From a call to its reply."""
    rate_per_s: float = 10_000.0
    """Most calls a second."""
    inbox: bool = False
    """Whether answers also come to an inbox of webhooks."""
    person: bool = False
    """Whether a person may settle what is in doubt, once, with what really happened."""
    exclusive: bool = True
    """Whether the store honours exclusive creation."""
    one_by_one: bool = False
    """Whether a task begins an image when it has ended the one before."""
    grant: int | None = None
    """Calls that the first night may make, for all of its tasks; ``None``: no purse."""
    holds_back: bool = False
    """Whether rejections wait, as in a batch, for something that tells whether they are about the images."""
    opens: bool = False
    """Whether each process opens the ledger with its probe, as the product does."""
    thorough: bool = False
    """Whether troubles may also come between two reads, where they are the same as before the first."""
    depth: int = 2
    """Deviations from the undisturbed course, in the everyday search; the deep one goes to three."""
