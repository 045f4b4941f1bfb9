"""The API behind the connection of a stage, for the tests that run whole nights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a running sandbox."""
    with running_sandbox() as running:
        yield running
