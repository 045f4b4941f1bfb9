"""Reading one image: for a handful of them, or ``.expand()`` over a list. Thousands are the batch's work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.compat import OCROperator, decides_retries
from airflow_provider_platerec_ocr.core.redact import redact_url
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.links import OCRAccountLink, OCRReferenceLink
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.compat import RetryPolicy
    from airflow_provider_platerec_ocr.hooks.single_read import SingleRead

_TEMPLATE_MARKS = ("{{", "{%", "{#")


class OCRReadOperator(OCROperator):
    """Read the VIN or trailer number off one image; the same image is never paid for twice.

    Returns a dict: ``identifiers`` (each with ``code``, ``code_normalized``, ``code_system``, ``check_digit_ok``,
    ``repaired``, ``orientation``, ``confidence``), ``image``, ``type``, ``fingerprint``, ``from_ledger``,
    ``calls_billed``, ``camera_id``, ``timestamp``, ``processing_time``, ``read_at`` and ``raw``.

    The call is made in a small child process with a session of its own: a call in flight is finished and saved whatever
    stops the task, a kill from the UI and ``execution_timeout`` included, and another try takes the answer.

    Set ``retries``: Airflow's default is none, and the retry policy needs some to honour a 429 or to send a call in
    doubt once more.

    :param image: absolute path or URI of the image, as ``s3://conn_id@bucket/key``; or ``upload_url``. (templated)
    :param upload_url: http or https URL that the API fetches itself. Its query, where signatures are, is shown
        nowhere: the rendered field ends at the path. (templated)
    :param type: ``vin``, ``trailer_id`` or another type that the API knows. (templated)
    :param camera_id: passed to the API. (templated)
    :param timestamp: when the image was taken, ISO 8601 with a time zone, or an aware datetime. (templated)
    :param image_version: tells two contents of one ``upload_url`` apart, such as an ETag. (templated)
    :param conn_id: connection of type ``platerec_ocr``. (templated)
    :param ledger: folder or prefix of the ledger of paid calls. Default: ``[platerec_ocr] ledger``. (templated)
    :param in_doubt: what to do with a call that may have been billed without an answer: ``resend`` once in a later
        try (default), ``hold``, or ``fail``; for one image the last two are the same. (templated)
    :param allowed_roots: folders that ``image`` may lie in, where its path comes from somebody else. Default: the
        image's own folder, wherever that is; symlinks out of it are refused. (templated)
    :param shrink: shrink an image over the upload limit (needs Pillow) instead of failing. Default: false. (templated)
    :param as_base64: send the bytes as base64 text instead of as a file. Default: false. (templated)
    :param identity_params: names of parameters of ``upload_url`` that say which image it is, as ``id`` in
        ``…/download?id=7&token=…``. Default: none; the query of a signed URL does not count. (templated)
    :param image_id: what the image is known by, instead of its place or URL. (templated)
    :param retry_policy: default: :class:`~..retry_policy.OCRRetryPolicy`.
    :param map_index_template: default: the image's file name.

    :raises OCRRejected: the API will never read this content; not sent again.
    :raises OCRImageError: the image is missing, empty, no image, too large, or outside the roots.
    :raises OCRInDoubt: a call may have been billed without an answer.
    :raises OCRStop: bad token, not enabled, quota used up, or the host is not the API.
    :raises OCRRunError: stopped early, or another task is reading the same image.
    :raises OCRUnavailable: the API refused over and over.
    :raises OCRLedgerError: the ledger cannot be used; nothing was sent without it.

    .. versionadded:: 0.2
       ``identity_params`` and ``image_id``.
    """

    template_fields: Sequence[str] = (
        "image",
        "upload_url",
        "type",
        "camera_id",
        "timestamp",
        "image_version",
        "conn_id",
        "ledger",
        "in_doubt",
        "allowed_roots",
        "shrink",
        "as_base64",
        "identity_params",
        "image_id",
    )
    ui_color = "#e6f4ea"
    operator_extra_links = (OCRAccountLink(), OCRReferenceLink())

    def __init__(  # the operator's own parameters, by name only
        self,
        *,
        image: str | None = None,
        upload_url: str | None = None,
        type: str = "vin",  # noqa: A002  # the API's own name
        camera_id: str | float | None = None,
        timestamp: str | datetime | None = None,
        image_version: str | None = None,
        conn_id: str = "platerec_ocr_default",
        ledger: str | None = None,
        in_doubt: str = InDoubtPolicy.RESEND,
        allowed_roots: Sequence[str] | str | None = None,
        shrink: bool | str = False,
        as_base64: bool | str = False,
        identity_params: Sequence[str] | str | None = None,
        image_id: str | None = None,
        retry_policy: RetryPolicy | None = None,
        map_index_template: str | None = "{{ task.label }}",
        **kwargs: Any,
    ) -> None:
        policy = retry_policy or OCRRetryPolicy()
        super().__init__(retry_policy=policy, map_index_template=map_index_template, **kwargs)
        self._upload_url: Any = None
        self.image = image
        self.upload_url = upload_url
        self.type = type
        self.camera_id = camera_id
        self.timestamp = timestamp
        self.image_version = image_version
        self.conn_id = conn_id
        self.ledger = ledger
        self.in_doubt = in_doubt
        self.allowed_roots = allowed_roots
        self.shrink = shrink
        self.as_base64 = as_base64
        self.identity_params = identity_params
        self.image_id = image_id
        self._single: SingleRead | None = None
        self._killed = False

    @property
    def upload_url(self) -> Any:
        """The URL as it may be shown: without its query, once it is rendered.

        Airflow stores and shows template fields as they are after rendering; the real URL stays in memory.
        """
        value = self._upload_url
        return redact_url(value) if isinstance(value, str) and not _is_template(value) else value

    @upload_url.setter
    def upload_url(self, value: Any) -> None:
        if value is None or value != self.upload_url:  # rendering hands back what it was shown
            self._upload_url = value

    @property
    def label(self) -> str:
        """What the grid shows for a mapped task: the last part of the image's name."""
        return str(self.image or self.upload_url or "").rstrip("/").rpartition("/")[2]

    @decides_retries
    def execute(self, context: Context) -> dict[str, Any]:
        """Have a child process make the call, wait for it, and return the read.

        A signal's handler runs in this thread while it waits, so :meth:`on_kill` reaches the child.
        """
        from airflow_provider_platerec_ocr.tasks import read

        with read.opened(self, context, upload_url=self._upload_url) as self._single:
            if self._killed:
                self._single.stop()
            return self._single.run()

    def on_kill(self) -> None:
        """Drain: Airflow raises nothing in the task, and kills it after 5 s; the child goes on until all is saved."""
        self._killed = True
        if self._single is not None:
            self._single.stop()


def _is_template(value: str) -> bool:
    return any(mark in value for mark in _TEMPLATE_MARKS)
