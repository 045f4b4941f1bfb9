"""Places to put a ledger, a dataset or images: this machine's disk, and a real S3 protocol on loopback."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import s3fs
from botocore import xform_name
from fsspec.implementations.local import LocalFileSystem
from moto.server import ThreadedMotoServer

from airflow_provider_platerec_ocr.storage.path import StoragePath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def local_place(path: Path | str) -> StoragePath:
    """A folder on this machine's disk; it need not be there."""
    return StoragePath(LocalFileSystem(), os.fspath(path), "file")


def age_claims(root: Path, seconds: float) -> None:
    """Make every claim of a ledger on the local disk ``seconds`` older on the disk's own clock."""
    for claim in root.rglob("*.claim"):
        stat = claim.stat()
        os.utime(claim, (stat.st_atime - seconds, stat.st_mtime - seconds))


class CountingS3(s3fs.S3FileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """An S3 file system that writes down the name of each request.

    It asks the client for them, since which of its own methods a request goes through differs between versions of s3fs.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.requests: list[str] = []
        super().__init__(*args, **kwargs)

    async def set_session(self, *args: Any, **kwargs: Any) -> Any:
        client = await super().set_session(*args, **kwargs)
        client.meta.events.register("before-call.s3", self._note, unique_id="counted")
        return client

    def _note(self, model: Any, **_: Any) -> None:
        self.requests.append(xform_name(model.name))


class S3Stand:
    """A moto server, and file systems that speak to it over HTTP."""

    def __init__(self, endpoint: str, refusing: Refusing) -> None:
        self.endpoint = endpoint
        self.refusing = refusing

    def file_system(self) -> CountingS3:
        """A fresh one, with nothing cached: as another worker would have it."""
        return CountingS3(endpoint_url=self.endpoint, key="test", secret="test", skip_instance_cache=True)

    def place(self, name: str = "ledger") -> StoragePath:
        """A folder in a bucket of its own."""
        fs = self.file_system()
        bucket = f"bucket-{uuid.uuid4().hex[:12]}"
        fs.call_s3("create_bucket", Bucket=bucket)
        fs.requests.clear()
        return StoragePath(fs, f"{bucket}/{name}", "s3")

    def again(self, place: StoragePath) -> StoragePath:
        """The same folder through another worker's file system."""
        return StoragePath(self.file_system(), place.path, place.protocol)


class Refusing:
    """An S3 server that takes no writes for as long as it is told to: 503 SlowDown, as the real one says it."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self.now = False
        self.refused = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Answer one request."""
        if not self.now or environ["REQUEST_METHOD"] not in {"PUT", "POST"}:
            return self._app(environ, start_response)
        self.refused += 1
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("503 Slow Down", [("Content-Type", "application/xml")])
        return [b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"]


@contextlib.contextmanager
def s3_stand() -> Iterator[S3Stand]:
    """Run an S3 server on a free port of loopback."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        wsgi: Any = server._server  # noqa: SLF001  # moto gives no other way to the application
        wsgi.app = refusing = Refusing(wsgi.app)
        yield S3Stand(f"http://{host}:{port}", refusing)
    finally:
        server.stop()


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount a small disk of its own on ``folder``."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:  # noqa: S603
        pytest.skip("mounting a disk of one's own needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write into ``folder``: a disk of its own where root runs the tests, else by its permissions."""
    if os.geteuid() != 0:
        _set_mode(folder, 0o555)
        try:
            yield
        finally:
            _set_mode(folder, 0o755)
        return
    end = time.monotonic() + 30
    while subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=False, capture_output=True).returncode:  # noqa: S603, S607
        assert time.monotonic() < end, "a file stays open for writing"
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)  # noqa: S603, S607


def _set_mode(folder: Path, mode: int) -> None:
    for path in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        path.chmod(mode)
