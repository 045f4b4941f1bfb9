"""Reading one shard: hundreds of calls in flight in one task, each paid for once, all saved before the task ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.compat import OCROperator, decides_retries
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy, OnQuota, WithoutStatistics
from airflow_provider_platerec_ocr.core.saying.places import as_text
from airflow_provider_platerec_ocr.links import RUN_LINKS
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.worker.parent import ChildProcess


class OCRReadBatchOperator(OCROperator):
    """Reads the images of one shard and writes their outcomes into the run's workspace.

    Made for ``.partial(…).expand(shard=plan.output)``. Shards of one account share its rate through the ledger's
    folder, within a run and between runs. The task's pool only bounds how many shards run at once.

    The calls live in a small child process with a session of its own. When the task is stopped (a stop error, the soft
    deadline, a kill) nothing new starts, calls in flight finish and are saved, and one typed error is raised; the child
    does so even where the task's own process is killed at once. Set ``execution_timeout`` to at least twice what one
    call may take.

    :param shard: (templated) one object that :class:`OCRPlanOperator` returned.
    :param ledger: (templated) folder of the ledger of paid calls. Default: the option ``[platerec_ocr] ledger``.
    :param conn_id: (templated) the Airflow connection.
    :param reserve: (templated) calls that the account must keep: the task drains when no more are left. Default: 0.
    :param on_quota: (templated) what to do when the quota ends, or ``reserve`` is reached, before the images do:
        ``carry_over`` (default: succeed, the next run plans the rest) or ``fail``.
    :param in_doubt: (templated) what to do with calls that may have been billed without an answer: ``resend`` once
        in a later try (default), ``hold``, or ``fail``.
    :param allowed_roots: (templated) folders that images may lie in. Default: those that the plan found.
    :param shrink: (templated) whether images over the upload limit are shrunk (needs Pillow) instead of becoming
        dead letters. Default: false.
    :param as_base64: (templated) send bytes as base64 text instead of as a file. Default: false.
    :param without_statistics: (templated) what to do where the account's statistics do not say how many calls are left
        and a ``reserve``, ``daily_limit`` or ``pace`` was asked for: ``stop`` (default: nothing starts) or ``go_on``.

    Returns counts: images by status, calls, from the ledger, refused.

    :raises OCRStop: nothing further makes sense: bad token, not enabled, wrong host.
    :raises OCRQuotaExhausted: the quota ended, and ``on_quota`` is ``fail``.
    :raises OCRDrained: stopped early; another try goes on where this one ended.
    :raises OCRInDoubt: calls may have been billed without an answer.
    :raises OCRLedgerError: the ledger cannot be used; nothing was sent without it.

    .. versionadded:: 0.2
       ``without_statistics``.
    """

    template_fields: Sequence[str] = (
        "shard",
        "ledger",
        "conn_id",
        "reserve",
        "on_quota",
        "in_doubt",
        "allowed_roots",
        "shrink",
        "as_base64",
        "without_statistics",
    )
    ui_color = "#e6f4ea"
    operator_extra_links = RUN_LINKS
    reads_shard = True
    """How an export finds the read tasks above it in the DAG."""

    def __init__(
        self,
        *,
        shard: dict[str, Any],
        ledger: str | os.PathLike[str] | None = None,
        conn_id: str = "platerec_ocr_default",
        reserve: int | str = 0,
        on_quota: str = OnQuota.CARRY_OVER,
        in_doubt: str = InDoubtPolicy.RESEND,
        allowed_roots: Sequence[str] | str | None = None,
        shrink: bool | str = False,
        as_base64: bool | str = False,
        without_statistics: str = WithoutStatistics.STOP,
        **kwargs: Any,
    ) -> None:
        presets: dict[str, Any] = {"retry_policy": OCRRetryPolicy(), "map_index_template": "{{ task.shard.label }}"}
        super().__init__(**(presets | kwargs))
        self.shard = shard
        self.ledger = as_text(ledger)
        self.conn_id = conn_id
        self.reserve = reserve
        self.on_quota = on_quota
        self.in_doubt = in_doubt
        self.allowed_roots = allowed_roots
        self.shrink = shrink
        self.as_base64 = as_base64
        self.without_statistics = without_statistics
        self._process: ChildProcess | None = None
        self._killed = False

    @decides_retries
    def execute(self, context: Context) -> dict[str, int]:
        """Have a child process make the calls, wait for it, and return how many images ended how.

        A signal's handler runs in this thread while it waits, so :meth:`on_kill` reaches the child.
        """
        from airflow_provider_platerec_ocr.tasks import read_batch

        with read_batch.started(self, context) as self._process:
            if self._killed:
                self._process.stop()
            ended = self._process.wait()
        if ended.error is not None:
            raise ended.error
        return ended.counts

    def on_kill(self) -> None:
        """Drain: Airflow raises nothing in the task, and kills it after 5 s; the child goes on until all is saved."""
        self._killed = True
        if self._process is not None:
            self._process.stop()
