"""One image to be read, as a task opens it: the request checked, its secrets masked, its places resolved."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk.log import mask_secret

from airflow_provider_platerec_ocr import compat
from airflow_provider_platerec_ocr.hooks.single_read import SingleRead
from airflow_provider_platerec_ocr.runtime import task
from airflow_provider_platerec_ocr.runtime.connection import load_settings
from airflow_provider_platerec_ocr.runtime.read_request import ReadRequest
from airflow_provider_platerec_ocr.tasks.interruption import ends_the_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from airflow.sdk import Context


@contextmanager
def opened(operator: Any, context: Context, *, upload_url: Any) -> Iterator[SingleRead]:
    """Open what reading the operator's image needs; Ctrl-C within the block ends the run.

    :param upload_url: the URL with its signature, which the operator shows to nobody.
    """
    with ends_the_run():
        yield task.given(ReadTask, operator, upload_url=upload_url).open(context)


@dataclass(frozen=True, slots=True)
class ReadTask:
    """One image; the fields are the operator's arguments, rendered."""

    image: Any
    type: str
    camera_id: Any
    timestamp: Any
    image_version: str | None
    conn_id: str
    ledger: str | None
    identity_params: Sequence[str] | str | None
    image_id: Any
    in_doubt: str
    allowed_roots: Sequence[str] | str | None
    shrink: bool | str
    as_base64: bool | str
    execution_timeout: timedelta | None
    upload_url: Any

    def open(self, context: Context) -> SingleRead:
        """Resolve what needs Airflow: the connection, and the places of image and ledger."""
        compat.tell_of_container_stops()
        request = ReadRequest.given(
            type=self.type,
            image=self.image,
            upload_url=self.upload_url,
            camera_id=self.camera_id,
            timestamp=self.timestamp,
            image_version=self.image_version,
            identity_params=self.identity_params,
            image_id=self.image_id,
            as_base64=self.as_base64,
            shrink=self.shrink,
            allowed_roots=self.allowed_roots,
            in_doubt=self.in_doubt,
        )
        for secret in request.secrets():
            mask_secret(secret)
        settings = load_settings(self.conn_id)
        timeouts = settings.timeouts
        return SingleRead.open(
            settings,
            request,
            task.owner_of(context),
            ledger=self.ledger,
            soft_timeout_s=task.soft_timeout_s(self.execution_timeout, timeouts.call_s, timeouts.save_s),
        )
