"""Google's and Azure's object stores on loopback, where somebody has installed what they take.

The suite has neither: with their providers come some hundred packages, and Azurite needs Node.
docs/how-to/object-storage.md says what was tried with them, and how.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import subprocess
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from support.standalone import free_port
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

BUCKET = "lake"
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's account and its key, as its documentation has them."""


@dataclass(frozen=True)
class CloudStand:
    """A running store, as an Airflow connection reaches it."""

    scheme: str
    connection: Mapping[str, Any]
    """Fields of a connection to it."""
    bucket: str = BUCKET

    def variable(self, conn_id: str) -> tuple[str, str]:
        """Return name and value of the variable that defines the connection."""
        return f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(dict(self.connection))


@contextlib.contextmanager
def google_stand(_folder: Path) -> Iterator[CloudStand]:
    """Run gcp-storage-emulator, and have it keep the condition that a name is created once, as Google's own does.

    No server that stands in for Google's keeps it for the uploads by which gcsfs creates: Google's looks when an
    upload begins, and again when it ends.
    """
    _need("airflow.providers.google", "gcsfs", "gcp_storage_emulator")
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"  # else each open asks Google for the kind of the bucket
    server: Any = import_module("gcp_storage_emulator.server")  # installed by hand, if at all
    for _, handlers in server.HANDLERS:
        for method, handler in handlers.items():
            if handler in {server.objects.insert, server.objects.upload_partial}:
                handlers[method] = _once(handler)
    logging.getLogger("gcp_storage_emulator").setLevel(logging.CRITICAL)
    running = server.create_server("127.0.0.1", 0, in_memory=True)
    running.start()
    try:
        api = running._api  # noqa: SLF001  # it tells its port in no other way
        until("the server listens", lambda: api._httpd)  # noqa: SLF001  # as above
        url = f"http://127.0.0.1:{api._httpd.server_address[1]}"  # noqa: SLF001  # as above
        extra = {"gcs.endpoint": url, "is_anonymous": True, "project": "yard"}
        yield CloudStand("gs", {"conn_type": "google_cloud_platform", "extra": extra})
    finally:
        running.stop()


def _once(handler: Callable[..., None]) -> Callable[..., None]:
    """Return a handler of uploads that refuses a name which is taken, if it is asked to."""

    def handle(request: Any, response: Any, storage: Any, *more: Any) -> None:
        if request.query.get("ifGenerationMatch") == ["0"]:
            name = request.query["name"][0] if "name" in request.query else request.data["meta"]["name"]
            with contextlib.suppress(Exception):  # there is no such object: each version has its own kind
                storage.get_file_obj(request.params["bucket_name"], name)
                response.status = HTTPStatus.PRECONDITION_FAILED
                response.json({"error": {"code": 412, "message": "At least one of the pre-conditions did not hold."}})
                return
        handler(request, response, storage, *more)

    return handle


@contextlib.contextmanager
def azure_stand(folder: Path) -> Iterator[CloudStand]:
    """Run Azurite."""
    _need("airflow.providers.microsoft.azure", "adlfs")
    azurite = shutil.which("azurite-blob")
    if azurite is None:
        pytest.skip("Azurite is not installed: no azurite-blob is on PATH")
    port = free_port()
    url = f"http://127.0.0.1:{port}/{_ACCOUNT}"
    given = ("DefaultEndpointsProtocol=http", f"AccountName={_ACCOUNT}", f"AccountKey={_KEY}", f"BlobEndpoint={url}")
    extra = {"connection_string": ";".join(given)}
    command = [azurite, "--silent", "--skipApiVersionCheck", "--inMemoryPersistence", "--blobHost", "127.0.0.1"]
    with _running([*command, "--blobPort", str(port)], folder / "azurite.log", url):
        yield CloudStand("abfs", {"conn_type": "wasb", "login": _ACCOUNT, "extra": extra})


STANDS = {"google": google_stand, "azure": azure_stand}


def _need(*modules: str) -> None:
    for name in modules:
        try:
            there = find_spec(name) is not None
        except ModuleNotFoundError:  # not even what it is a part of
            there = False
        if not there:
            pytest.skip(f"{name} is not installed")


@contextlib.contextmanager
def _running(command: list[str], log: Path, url: str) -> Iterator[None]:
    with log.open("wb") as said:
        server = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=dict(os.environ))  # noqa: S603  # ours
        try:
            until("the store answers", lambda: server.poll() is not None or _answers(url))
            assert server.poll() is None, log.read_text()
            yield
        finally:
            server.terminate()
            server.wait()


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=5).close()  # noqa: S310  # loopback
    except OSError as error:
        return hasattr(error, "code")  # whatever it says, it is there
    return True
