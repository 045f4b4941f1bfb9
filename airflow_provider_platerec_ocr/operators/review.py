"""Asking a person about doubtful reads: Airflow's own human-in-the-loop task, one a run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.param import ParamsDict

from airflow_provider_platerec_ocr.assets import place_of
from airflow_provider_platerec_ocr.compat import HITLOperator, decides_retries
from airflow_provider_platerec_ocr.core.saying.places import as_text
from airflow_provider_platerec_ocr.links import REVIEW_LINKS
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from airflow.sdk import Context

SAVE, LATER = "Save", "Leave open"
"""The answers that a person can give; no answer in time is the second one."""


class OCRReviewOperator(HITLOperator):
    """Shows a person the reads that need eyes, and keeps what they say beside the table, as corrections.

    Each read is a field of one form, with the code as it was read: left as it is, the code is accepted; another code
    corrects it; an empty field says that there is no such code. Nothing is kept before *Save*. Where more reads need
    eyes than a form can bear, the form has a link to the page's review view instead. Where none do, nobody is asked.
    What was decided is not asked again. It makes no call, and no run touches what it keeps. Needs Airflow 3.1.

    :param dataset: (templated) folder of the published table; also as an ``Asset`` with a URI.
    :param corrections: (templated) where decisions are kept. Default: ``<dataset>_corrections``.
    :param days: (templated) how many days of the table are looked at, today's included; by partition. Default: 7.
    :param confidence_below: (templated) codes that the API was less sure of; empty: whatever it says. Default: 0.8.
    :param check_digit: (templated) codes whose check digit does not fit, where they must have one. Default: true.
    :param several: (templated) images with more than one identifier. Default: true.
    :param expected: (templated) a CSV with the codes that should be there, in a column ``code``, and with ``image``
        where it says which image has which; codes that are not there need eyes. Default: none.
    :param expected_type: (templated) as which type the codes of the list are normalized. Default: ``vin``.
    :param most: (templated) most reads that a form shows; where there are more, it leads to the page. Default: 20.
    :param answer_within: how long a person is waited for; then the reads stay open. ``None`` waits for good.
        Default: 24 hours. Not templated.
    :param kwargs: for Airflow's ``HITLOperator``, such as ``notifiers`` and ``assigned_users``.

    Returns how many reads needed eyes, and what was said: ``needs_eyes``, ``accepted``, ``corrected``, ``rejected``,
    ``left_open``.

    :raises OCRConfigError: an argument cannot be used.
    :raises OCRDatasetError: there is no dataset, or it cannot be read.

    .. versionadded:: 0.2
    """

    template_fields: Sequence[str] = (
        "dataset",
        "corrections",
        "days",
        "confidence_below",
        "check_digit",
        "several",
        "expected",
        "expected_type",
        "most",
    )
    ui_color = "#fef7e0"
    operator_extra_links = REVIEW_LINKS

    def __init__(
        self,
        *,
        dataset: str | os.PathLike[str],
        corrections: str | os.PathLike[str] | None = None,
        days: int | str = 7,
        confidence_below: float | str | None = 0.8,
        check_digit: bool | str = True,
        several: bool | str = True,
        expected: str | os.PathLike[str] | None = None,
        expected_type: str = "vin",
        most: int | str = 20,
        answer_within: timedelta | None = timedelta(hours=24),
        **kwargs: Any,
    ) -> None:
        presets: dict[str, Any] = {
            "retry_policy": OCRRetryPolicy(),
            "subject": "Look at the doubtful reads",
            "options": [SAVE, LATER],
            "defaults": [LATER],
            "response_timeout": answer_within,
        }
        super().__init__(**(presets | kwargs))
        self.dataset = place_of(dataset)
        self.corrections = as_text(corrections)
        self.days = days
        self.confidence_below = confidence_below
        self.check_digit = check_digit
        self.several = several
        self.expected = as_text(expected)
        self.expected_type = expected_type
        self.most = most
        self.answer_within = answer_within

    @decides_retries
    def execute(self, context: Context) -> Any:
        """Ask a person about what needs eyes, and wait; return at once where nothing does."""
        from airflow_provider_platerec_ocr.tasks import review

        form = review.form(self, context)
        if form is None:
            return review.nothing()
        self.subject, self.body = form.subject, form.body
        self.params = review.fields_of(form)
        return super().execute(context)

    @decides_retries
    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Keep what a person said."""
        from airflow_provider_platerec_ocr.tasks import review

        self.params = ParamsDict()  # those of the form are not here any more, and Airflow compares
        answer: Any = super().execute_complete(context, event)
        saved = answer["chosen_options"] == [SAVE]
        return review.kept(self, context, answer, saved=saved)
