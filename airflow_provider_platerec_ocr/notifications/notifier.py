"""A notifier that speaks only where something of a run needs a person, and hands that on to Airflow's notifiers.

It is called when a task has ended, and can change nothing of how it did: each notifier has so much time, what it
raises is logged, and the next one is called.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from airflow_provider_platerec_ocr import compat
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.page_urls import absolute, run_url
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.notifications.findings import Alert, Most, Rules, Seen, findings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from datetime import datetime

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.core.clock import Clock

log = logging.getLogger(__name__)
NAME = "ocr"
"""What templates of the other notifiers call the alert."""


class OCRNotifier(BaseNotifier):
    """Tells people what of a run needs them, by other notifiers; where nothing does, it is silent.

    Give it to :class:`OCRManifestTaskGroup` or :class:`OCRReconcileOperator` as ``notify``, or to an export as
    ``on_success_callback`` and ``on_failure_callback``. The templates of the other notifiers find the alert as ``ocr``:
    ``{{ ocr.title }}``,
    ``{{ ocr.text }}``, ``{{ ocr.html }}``, ``{{ ocr.findings }}`` (a sentence by kind), ``{{ ocr.counts }}``,
    ``{{ ocr.report }}``, ``{{ ocr.page }}``.

    .. versionadded:: 0.2

    :param notifiers: Airflow's notifiers, or any functions that take a context; called one after the other.
    :param quota_under: tell where fewer calls are left. Default: do not.
    :param dead_letters_over: tell where more images could not be read: a number, or a share of the run's images such
        as ``"5%"``. Default: do not.
    :param doubts: tell of images in doubt that wait for a person: twice in doubt, or once where the read tasks'
        ``in_doubt`` is ``hold`` or ``fail``. Default: false.
    :param silent_webhook: tell where no webhook came for so long, although the run made calls: the API switches one off
        that fails too often. No effect where there is no inbox. Default: do not.
    :param failed: tell where the task failed. Default: false.
    :param missing_over: tell where more units of the expected list were not seen, after an
        :class:`OCRReconcileOperator`: a number, or a share of the list's units such as ``"5%"``. Default: do not.
    :param within: most time that one notifier gets. Default: 30 s.
    :param inbox: place of the inbox of webhooks. Default: the option ``[platerec_ocr] inbox``.
    :param clock: where time comes from.

    :raises OCRConfigError: there is nobody to tell, nothing to tell of, or a value that cannot be used.
    """

    template_fields = ()

    def __init__(
        self,
        *notifiers: Callable[[Context], object],
        quota_under: int | None = None,
        dead_letters_over: float | str | None = None,
        doubts: bool = False,
        silent_webhook: timedelta | None = None,
        failed: bool = False,
        within: timedelta = timedelta(seconds=30),
        inbox: str | os.PathLike[str] | None = None,
        clock: Clock | None = None,
        missing_over: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        letters = None if dead_letters_over is None else Most.of(dead_letters_over)
        missing = None if missing_over is None else Most.of(missing_over, "missing_over", "units")
        self.rules = Rules(quota_under, letters, doubts, silent_webhook, failed, missing)
        if not notifiers or not self.rules.any:
            what = (
                "a notifier, such as SmtpNotifier(…)" if not notifiers else "something to tell of, such as doubts=True"
            )
            message = f"OCRNotifier needs {what}."
            raise OCRConfigError(message)
        self.notifiers = notifiers
        self.within = within
        self.inbox = inbox
        self._clock = clock or SystemClock()

    def notify(self, context: Context) -> None:
        """Tell what needs a person, if anything does."""
        seen = self._seen(context)
        found = findings(self.rules, seen)
        if not found:
            log.info("Nothing of this run needs a person, so nobody is told.")
            return
        ti = context["ti"]
        alert = Alert(ti.dag_id, ti.run_id, found, seen.counts, reports_of(seen.counts), page_of(ti.dag_id, ti.run_id))
        log.info("%s", alert.text)
        for notifier in self.notifiers:
            within_time(notifier, {**context, NAME: alert}, self.within)

    def _seen(self, context: Context) -> Seen:
        error = context.get("exception")
        counts = counts_of(context)
        has_inbox, webhook_at = False, None
        if self.rules.silent_webhook is not None and counts.get("calls_billed"):
            has_inbox, webhook_at = last_webhook(self.inbox, self._clock)
        return Seen(
            counts=counts,
            now=self._clock.now(),
            policy=policy_of(context.get("task")),
            has_inbox=has_inbox,
            webhook_at=webhook_at,
            error=None if error is None else f"{context['ti'].task_id} failed: {said(error)}",
        )


def reports_of(counts: Mapping[str, Any]) -> str:
    """Return where a person reads the run's report: its page, else its JSON; of several plans all, with commas."""
    pages = counts.get("report_pages") or [counts.get("report_page")]
    reports = counts.get("reports") or [counts.get("report")]
    found = [page or report for page, report in zip(pages, [*reports, *[None] * len(pages)], strict=False)]
    return ", ".join(str(each) for each in found if each)


def said(error: object) -> str:
    """Return an error in words that may go anywhere."""
    text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
    return shorten(redact(text))


def counts_of(context: Context) -> dict[str, Any]:
    """Return the counts of the task that has ended: from its error, else from itself, else from XCom."""
    executed = getattr(context["ti"], "task", None)  # a copy: that of the context was never executed
    lineage = getattr(executed, "lineage", None)
    counts = getattr(context.get("exception"), "counts", None) or getattr(lineage, "counts", None)
    if not counts and context.get("exception") is None:
        ti = context["ti"]
        index = -1 if ti.map_index is None else ti.map_index
        counts = ti.xcom_pull(task_ids=ti.task_id, map_indexes=index)
    return dict(counts) if isinstance(counts, Mapping) else {}


def page_of(dag_id: str, run_id: str) -> str:
    """Return the address of the page in Airflow on a run; empty where Airflow does not know its own address."""
    airflow = compat.conf.get("api", "base_url", fallback="") or ""
    return absolute(airflow, run_url(dag_id, run_id)) if airflow.startswith("http") else ""


def policy_of(task: Any) -> str | None:
    """Return ``in_doubt`` of the read tasks above a task in its DAG; ``None`` where they do not agree on one."""
    found, waiting, looked = set(), [task] if task is not None else [], set()
    while waiting:
        each = waiting.pop()
        if getattr(each, "task_id", None) in looked:
            continue
        looked.add(getattr(each, "task_id", None))
        given = getattr(each, "partial_kwargs", None) or vars(each)
        if "in_doubt" in given:
            found.add(str(given["in_doubt"]))
        waiting += list(getattr(each, "upstream_list", ()) or ())
    return found.pop() if len(found) == 1 else None


def last_webhook(inbox: str | os.PathLike[str] | None, clock: Clock) -> tuple[bool, datetime | None]:
    """Return whether there is an inbox that anything can be said of, and when the last webhook came."""
    from airflow_provider_platerec_ocr.runtime.inbox_access import open_inbox

    try:
        opened = open_inbox(inbox, clock=clock)
        return opened is not None, None if opened is None else opened.last_receipt()
    except Exception as error:  # noqa: BLE001  # each store has its own kinds, and the other findings count
        log.warning("The inbox of webhooks cannot be looked at: %s", said(error))
        return False, None


def within_time(notifier: Callable[[Any], object], context: dict[str, Any], within: timedelta) -> None:
    """Call one notifier, and wait for it no longer than ``within``; whatever it does changes nothing of the task."""
    name = getattr(notifier, "__name__", type(notifier).__name__)

    def call() -> None:
        try:
            notifier(context)
        except BaseException:
            log.exception("%s could not tell anybody.", name)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(call,), daemon=True, name="platerec-notify")
    thread.start()
    thread.join(within.total_seconds())
    if thread.is_alive():
        log.error("%s did not end within %s; nobody waits for it any longer.", name, within)
