"""Where files lie, as Airflow sees it: URIs with connections become places, and options say where the ledger is.

Only the wiring calls this; the engine and the dataset are handed opened places and never learn of Airflow.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import fsspec
from airflow.sdk import ObjectStoragePath

from airflow_provider_platerec_ocr.compat import conf
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.redact import redact_url
from airflow_provider_platerec_ocr.dataset.manifest.names import is_windows_path
from airflow_provider_platerec_ocr.storage.file_uri import file_uri_path, is_file_uri
from airflow_provider_platerec_ocr.storage.path import StoragePath, local_path

SECTION = "platerec_ocr"
"""Section of Airflow's configuration that holds our options."""
_ONE_MACHINE = frozenset({"LocalExecutor", "SequentialExecutor"})
_PROVIDERS = {"s3": "amazon", "s3a": "amazon", "gs": "google", "gcs": "google", "abfs": "microsoft-azure"}
_log = logging.getLogger(__name__)


def open_place(uri: str | os.PathLike[str]) -> StoragePath:
    """Return the place of a path or URI, with its file system opened; nothing is created and nothing is read.

    :param uri: an absolute path, ``file://…``, or an object store's URI whose user part is an Airflow connection, as
        in ``s3://conn_id@bucket/prefix`` (see ``airflow.sdk.ObjectStoragePath``). A scheme that no installed provider
        knows is opened by fsspec with the worker's own credentials, where the URI names no connection.
    :raises OCRConfigError: the path is relative, or nothing installed knows the scheme.
    """
    text = os.fspath(uri)
    if is_file_uri(text):
        place = _local(file_uri_path(text))
        _refuse_former(text, place)
        return place
    scheme, found, _ = text.partition("://")
    return _remote(scheme, text) if found else _local(text)


def _local(path: str) -> StoragePath:

    expanded = Path(path).expanduser()
    if not expanded.is_absolute():
        message = f"{path!r} is a relative path, and a task can run in any folder: give an absolute path or a URI."
        if is_windows_path(path):
            message = f"{path!r} is a path of Windows: give the path under which the workers have it, with / between."
        raise OCRConfigError(message)
    return local_path(os.path.normpath(expanded))


def _refuse_former(uri: str, place: StoragePath) -> None:
    """Refuse a folder that versions before 0.2 took this URI for: with a new ledger, all would be paid for again."""
    former = f"/{uri.partition(':')[2].lstrip('/')}"
    if "%" in uri and not Path(place.path).exists() and Path(former).exists():
        message = (
            f"{uri} is the path {place.path}, and there is nothing; but there is {former}, which older versions took "
            f"it for. Rename that, or give it as a path: {former}."
        )
        raise OCRConfigError(message)


def _remote(scheme: str, uri: str) -> StoragePath:
    conn_id: str | None = uri.split("/")[2].rpartition("@")[0]
    try:
        path = ObjectStoragePath(uri)
        fs, name = path.fs, f"{scheme}://{path.path.lstrip('/')}"
    except (ValueError, ImportError) as error:
        if conn_id:  # a connection needs the provider that knows it
            raise _unknown_scheme(scheme, uri, error) from error
        try:
            fs, name, conn_id = fsspec.filesystem(scheme), uri, None
        except (ValueError, ImportError) as unknown:
            raise _unknown_scheme(scheme, uri, unknown) from unknown
    return StoragePath(fs, fs._strip_protocol(name).rstrip("/"), scheme, conn_id)  # noqa: SLF001  # fsspec has no public way


def _unknown_scheme(scheme: str, uri: str, error: Exception) -> OCRConfigError:
    provider = _PROVIDERS.get(scheme)
    hint = f"Install apache-airflow-providers-{provider}" if provider else "Install the provider that knows it"
    message = f"{redact_url(uri)} cannot be opened: {error}. {hint} on the workers, or use a path that all of them see."
    return OCRConfigError(message)


def airflow_home() -> Path:
    """Return ``AIRFLOW_HOME`` as Airflow itself takes it from the environment."""
    return Path(os.path.expandvars(os.environ.get("AIRFLOW_HOME", "~/airflow"))).expanduser().absolute()


def option(name: str) -> str:
    """Return the option ``name`` of ``[platerec_ocr]``, empty where it is not set."""
    return (conf.get(SECTION, name, fallback="") or "").strip()


def ledger_uri(ledger: str | os.PathLike[str] | None = None) -> str:
    """Return where the ledger is: the argument, else the option, else a folder under ``AIRFLOW_HOME``.

    The last resort is announced with a warning wherever tasks may run on several machines: two machines with a ledger
    each pay twice for the same image.
    """
    given = os.fspath(ledger).strip() if ledger else ""
    if given:
        return given
    if configured := option("ledger"):
        return configured
    default = str(airflow_home() / "platerec_ocr" / "ledger")

    executor = conf.get("core", "executor", fallback="LocalExecutor") or "LocalExecutor"
    if not runs_on_one_machine(executor):
        _log.warning(
            "The ledger of paid calls is the local folder %s, but tasks of %s can run on several machines, and each "
            "would pay for the same images again. Set [platerec_ocr] ledger (AIRFLOW__PLATEREC_OCR__LEDGER) to a place "
            "that all workers share, such as s3://conn_id@bucket/ocr-ledger.",
            default,
            executor,
        )
    return default


def open_ledger_place(ledger: str | os.PathLike[str] | None = None) -> StoragePath:
    """Return :func:`ledger_uri` as an opened place."""
    return open_place(ledger_uri(ledger))


def spill_folder() -> Path:
    """Return the worker's local folder for answers that the ledger did not take."""
    configured = option("spill_folder")
    return Path(configured).expanduser() if configured else airflow_home() / "platerec_ocr" / "spill"


def thumbnail_folder() -> Path:
    """Return this machine's folder for the small pictures of the page."""
    configured = option("thumbnails")
    return Path(configured).expanduser() if configured else airflow_home() / "platerec_ocr" / "thumbnails"


def runs_on_one_machine(executor: str) -> bool:
    """Return whether every executor in Airflow's ``[core] executor`` runs tasks on the scheduler's own machine."""
    names = [name for team in executor.split(";") for name in team.rpartition("=")[2].split(",") if name.strip()]
    return all(name.strip().rpartition(":")[2].rpartition(".")[2] in _ONE_MACHINE for name in names)
