"""The account of a command: its Airflow connection and its ledger. Loads Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli.shared.places import any_place, as_airflows_own_command, place_that_is_there
from airflow_provider_platerec_ocr.compat import AirflowNotFoundException
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.runtime.connection import DEFAULT_CONN_ID
from airflow_provider_platerec_ocr.runtime.places import ledger_uri

if TYPE_CHECKING:
    import argparse

    from airflow_provider_platerec_ocr.storage.path import StoragePath

_ADD = """airflow connections add {conn_id} --conn-type platerec_ocr --conn-password "$TOKEN\""""


def takes_account(parser: argparse.ArgumentParser) -> None:
    """Have a command be about the account of a connection, and its ledger."""
    parser.add_argument("--conn-id", default=DEFAULT_CONN_ID, help="the Airflow connection (default: %(default)s)")
    parser.add_argument("--ledger", help="place of the ledger of paid calls (default: as Airflow's configuration says)")


def hook_of(conn_id: str) -> PlateRecOCRHook:
    """Return the hook of a connection, which is there and can be used.

    :raises OCRInputError: there is no such connection. :raises OCRConfigError: it cannot be used.
    """
    as_airflows_own_command()
    hook = PlateRecOCRHook(conn_id)
    try:
        hook.settings()
    except AirflowNotFoundException:
        message = f"There is no connection {conn_id!r}. Make one: {_ADD.format(conn_id=conn_id)}"
        raise OCRInputError(message) from None
    return hook


def ledger_place(ledger: str | None) -> StoragePath:
    """Return the place of the ledger: the argument's, else that of Airflow's configuration."""
    return any_place(ledger_uri(), "--ledger") if ledger is None else place_that_is_there(ledger, "--ledger")
