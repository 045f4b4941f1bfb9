"""Who looks at a page, and what they may see and change. Knows nothing of Airflow: it is handed in.

Every route of the app is behind the guard, which answers 401 or gives a viewer; a view asks the viewer before it shows
or changes anything of a DAG.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from fastapi import Request

if TYPE_CHECKING:
    from datetime import datetime


class Viewer(Protocol):
    """A signed-in user of Airflow."""

    @property
    def name(self) -> str:
        """Return the name that is logged with what they change."""

    def may_read(self, dag_id: str) -> bool:
        """Return whether they may read a DAG; an empty id stands for DAGs as such. May block."""

    def may_edit(self, dag_id: str) -> bool:
        """Return whether they may change a DAG, as pausing it does; an empty id stands for DAGs as such. May block."""

    def note(self, event: str, dag_id: str, text: str) -> None:
        """Write down what they changed where Airflow keeps such notes; never raises. May block."""


def may_see(viewer: Viewer, dag_id: str) -> bool:
    """Return whether somebody may see what a DAG wrote; what no DAG is known of is for who may edit all DAGs."""
    return viewer.may_read(dag_id) if dag_id else viewer.may_edit("")


def may_see_one(viewer: Viewer, dags: Iterable[str]) -> bool:
    """Return whether somebody may see what several DAGs wrote: who may read one of them; of none as :func:`may_see`."""
    return any(may_see(viewer, dag_id) for dag_id in tuple(dags) or ("",))


def may_change_one(viewer: Viewer, dags: Iterable[str]) -> bool:
    """Return whether somebody may change what several DAGs wrote: who may edit one of them; of none, all DAGs."""
    return any(viewer.may_edit(dag_id) for dag_id in tuple(dags) or ("",))


Guard = Callable[[Request], Viewer | Awaitable[Viewer]]
"""Says who asks; raises ``HTTPException`` (401, 403) where nobody does. FastAPI calls it, with its dependencies."""


def form_token(secret: bytes, viewer: str, now: datetime) -> str:
    """Return what a form of this user's page carries, so that no other site can send it in their name."""
    text = f"{viewer}\n{now:%Y-%m-%d}".encode()
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def is_form_token(given: str, secret: bytes, viewer: str, *days: datetime) -> bool:
    """Return whether a form carries the token of one of the days."""
    tokens = [form_token(secret, viewer, day) for day in days]
    return any(hmac.compare_digest(given.encode(), token.encode()) for token in tokens)
