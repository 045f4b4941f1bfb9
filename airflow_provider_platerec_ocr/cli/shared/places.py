"""Where things lie, as a person names them in a shell."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.redact import redact_url
from airflow_provider_platerec_ocr.storage.path import fsspec_path

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

OWN_USERS = frozenset({"abfs", "abfss", "wasb", "wasbs"})
"""Schemes in which the container may stand before an ``@``, and the host of its account, which has dots, after it."""


def names_connection(uri: str) -> bool:
    """Return whether a URI names an Airflow connection: ``s3://conn@bucket/…``, ``abfs://conn@container/…``."""
    scheme, found, rest = uri.partition("://")
    _, at, host = rest.partition("/")[0].rpartition("@")
    return bool(found and at) and not (scheme.lower() in OWN_USERS and "." in host)


def with_connection_of(named: str, other: str) -> str:
    """Return the URI ``other`` under the Airflow connection that ``named`` names: what lies beside it was opened by it.

    As it is where ``other`` says by itself how it is opened, or lies in another kind of store.
    """
    scheme, found, rest = other.partition("://")
    own, _, place = named.partition("://")
    host = rest.partition("/")[0]
    if not (found and names_connection(named)) or scheme != own or "@" in host:
        return other
    return f"{scheme}://{place.partition('/')[0].rpartition('@')[0]}@{rest}"


def open_place(uri: str) -> StoragePath:
    """Return the place of a path or URI as fsspec alone opens it: with the credentials of this shell, not Airflow's.

    :raises OCRInputError: it is empty, the URI names an Airflow connection, or nothing installed knows its scheme.
    """
    if not uri.strip():
        message = "LEDGER is empty. Say which one is meant: in a script, a variable may not be set."
        raise OCRInputError(message)
    if names_connection(uri):
        message = (
            f"{redact_url(uri)} names an Airflow connection, which this command does not read. Leave out what is "
            "before the @, and give the credentials through the environment (for S3: AWS_PROFILE, AWS_ENDPOINT_URL, …)."
        )
        raise OCRInputError(message)
    try:
        return fsspec_path(uri)
    except (ValueError, ImportError) as error:
        message = f"{redact_url(uri) if '://' in uri else uri} cannot be opened: {error}"
        raise OCRInputError(message) from error


def any_place(uri: str, name: str = "DATASET") -> StoragePath:
    """Return the place of a path or URI: opened with this shell's credentials, or by the Airflow connection it names.

    :param name: what is meant, should it be empty.
    :raises OCRInputError: it is empty or cannot be opened. :raises OCRConfigError: Airflow cannot open it.
    """
    if names_connection(uri):
        as_airflows_own_command()
        from airflow_provider_platerec_ocr.runtime.places import open_place as through_airflow

        return through_airflow(uri)
    if not uri.strip():
        message = f"{name} is empty. Say which one is meant: in a script, a variable may not be set."
        raise OCRInputError(message)
    return open_place(uri)


def place_that_is_there(uri: str, option: str) -> StoragePath:
    """Return the place of a folder that a person has named: one that is not there would change nothing, in silence.

    Of an object store nobody can say.

    :raises OCRInputError: there is no such local folder.
    """
    place = any_place(uri, option)
    if place.is_local and not Path(place.path).is_dir():
        message = f"There is no folder {place}. Check {option}."
        raise OCRInputError(message)
    return place


def as_airflows_own_command() -> None:
    """Have Airflow look up connections as its own commands do: in the database, too, and not only in the environment.

    From 3.1 on it asks this variable; before, it does so anyway.
    """
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def configured(option: str, folder: str) -> str | None:
    """Return what Airflow's configuration says, or its default where that is there; Airflow itself is not loaded.

    :param option: of ``[platerec_ocr]``.
    :param folder: its default, below ``platerec_ocr`` in ``AIRFLOW_HOME``.
    """
    if named := os.environ.get(f"AIRFLOW__PLATEREC_OCR__{option.upper()}", "").strip():
        return named
    home = Path(os.path.expandvars(os.environ.get("AIRFLOW_HOME", "~/airflow"))).expanduser()
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(home / "airflow.cfg")
    except (configparser.Error, UnicodeDecodeError):
        parser.clear()
    if named := parser.get("platerec_ocr", option, fallback="").strip():
        return named
    default = home / "platerec_ocr" / folder
    return str(default) if default.is_dir() else None
