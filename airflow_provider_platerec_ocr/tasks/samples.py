"""Keeps somebody's untouched copy of the example DAG from paying for the sample images, which are made up."""

from __future__ import annotations

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.settings import is_loopback
from airflow_provider_platerec_ocr.dataset.manifest.manifest import names_samples
from airflow_provider_platerec_ocr.runtime.connection import load_settings
from airflow_provider_platerec_ocr.runtime.places import open_place


def refuse_samples(manifest: str, conn_id: str) -> None:
    """Return unless the manifest is that of the samples and the API is not a local one.

    :raises OCRManifestError: it is.
    """
    if not names_samples(manifest, open_place):
        return
    base_url = load_settings(conn_id).base_url
    if not is_loopback(base_url):
        message = (
            f"{manifest} names the made-up sample images, and {base_url} would bill each of them: set the parameter "
            "manifest to images of your own (copies of the samples in another folder count as yours)."
        )
        raise OCRManifestError(message)
