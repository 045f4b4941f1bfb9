"""Jobs that a child process is given in tests: what they do beside reading is what a library may do there."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.worker.ended import Ended

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.events import Events
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.worker.job import ShardJob

FLOOD = 3_000
"""Lines of 100 characters: several times what a pipe holds."""


@dataclass(frozen=True)
class Job:
    """Does nothing."""

    settings: ClientSettings

    def read(self, started: Callable[[Callable[[Exception], None]], None], events: Events | None = None) -> Ended:  # noqa: ARG002  # nothing happens
        """Return at once."""
        started(lambda _: None)
        return Ended({"read": 0})

    def leave_note(self, ended: Ended, begun: datetime) -> None:
        """Leave none."""


class Prints(Job):
    """Prints in every way there is, more than any pipe holds."""

    def read(self, started: Callable[[Callable[[Exception], None]], None], events: Events | None = None) -> Ended:
        """Print, and return."""
        print("by print", "and more", end="")  # noqa: T201
        print(" on one line")  # noqa: T201
        sys.stderr.write("to standard error\n")
        for _ in range(FLOOD):
            with suppress(BlockingIOError):  # a library written in C does not even notice
                os.write(2, b"past Python" + b"." * 100 + b"\n")
        return super().read(started, events)


class Fails(Job):
    """Ends with an error that nobody expects."""

    def read(self, started: Callable[[Callable[[Exception], None]], None], events: Events | None = None) -> Ended:  # noqa: ARG002  # nothing happens
        """Raise."""
        started(lambda _: None)
        raise ZeroDivisionError


@dataclass(frozen=True)
class Chatty:
    """A shard's job that logs more than a pipe holds before and while it reads."""

    shard: ShardJob

    @property
    def settings(self) -> ClientSettings:
        """The shard's."""
        return self.shard.settings

    def read(self, started: Callable[[Callable[[Exception], None]], None], events: Events | None = None) -> Ended:
        """Log a lot, then read the shard."""
        for number in range(FLOOD):
            logging.getLogger("chatty").info("%d %s", number, "." * 100)
        return self.shard.read(started, events)

    def leave_note(self, ended: Ended, begun: datetime) -> None:
        """As the shard."""
        self.shard.leave_note(ended, begun)
