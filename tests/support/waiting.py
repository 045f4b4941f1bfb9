"""Waiting for what another process or thread has to do first: for a condition, never for a number of seconds.

What stands still cannot be missed: let the sandbox hold its calls (see *Hold the stage still* in the contributing
page), and wait for that here. How long a wait may last proves nothing; it keeps a test that is wrong from hanging.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 600.0
"""After this long something hangs, however busy the machine is."""
Found = TypeVar("Found")


def until(what: str, check: Callable[[], Found], within_s: float = PATIENCE_S, *, every_s: float = 0.05) -> Found:
    """Return the first true value of ``check``.

    :param what: what did not happen, for whoever reads the failure.
    :param every_s: pause between two looks.
    """
    end = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < end, what
        time.sleep(every_s)
    return found
