"""That a command works, where somebody watches: a bar or a turning wheel on a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


class Tell(Protocol):
    """Takes how far a command is."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """Say that ``done`` are done, of ``total`` where that is known."""


@contextmanager
def working(what: str, stream: TextIO | None = None) -> Iterator[Tell]:
    """Show that ``what`` is being done, until the block ends; on a terminal alone.

    Answers go to the standard output, so that this, on the standard error, never gets among them.

    :param what: such as "Reading the ledger".
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        yield _nobody
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as shown:
        task = shown.add_task(what, total=None)

        def tell(done: int, total: int | None = None) -> None:
            shown.update(task, completed=done, total=total)

        yield tell


def _nobody(done: int, total: int | None = None) -> None:
    """Tell nobody."""
