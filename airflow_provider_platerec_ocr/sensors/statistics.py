"""The gate in front of paid work: waits until the account has calls left, at the price of nothing.

The rules are in :mod:`~..runtime.gate`; this file fits them into Airflow's three ways to wait.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from airflow_provider_platerec_ocr import compat
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.links import OCRAccountLink, OCRReferenceLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.runtime.gate import Gate

EVENT_VERSION = 1
"""Version of the trigger's events that this sensor understands."""


class OCRStatsSensor(BaseSensorOperator):
    """Wait until at least ``min_remaining`` calls are left above the reserve; returns the statistics.

    It succeeds with a dict of ``calls``, ``total_calls``, ``remaining``, ``month``, ``year`` and ``resets_on``. While
    calls are missing it sleeps until ``resets_on``, and looks every six hours all the same, since a larger plan frees
    calls at once. Where that date is past or unknown it looks every ``poke_interval``. A call that fails in passing
    (network, 5xx, 429) is repeated within a minute, with a warning.

    It fails at once, without retries, on a refused token, where OCR is not enabled, where the host is not the API, and
    where the plan has fewer calls per period than it waits for; with ``soft_fail`` as well, which skips only where the
    time is over.

    :param min_remaining: calls that must be left. Default: 1. (templated)
    :param reserve: calls on top of it that are kept for others. Default: 0. (templated)
    :param conn_id: connection of type ``platerec_ocr``. (templated)
    :param plan_only: the run asks only what it would cost: look once and go on, open or not. Default: false.
        (templated)
    :param deferrable: wait in the triggerer, which takes no worker slot. Default: ``[operators] default_deferrable``.
        With it, ``mode`` has no effect.
    :param poke_interval: seconds between two looks where nobody knows when calls come back. Default: 1800.
    :param timeout: seconds after which it gives up. Default: 35 days, since a reset can be a month away.
    :param mode: ``reschedule`` (default; frees the worker slot between looks) or ``poke``.
    :param clock: where time comes from; for tests.

    .. versionadded:: 0.2
       ``plan_only``.
    """

    template_fields: Sequence[str] = ("conn_id", "min_remaining", "reserve", "plan_only")
    ui_color = "#e3eefc"
    operator_extra_links = (OCRAccountLink(), OCRReferenceLink())

    def __init__(  # the operator's own parameters, by name only
        self,
        *,
        min_remaining: int | str = 1,
        reserve: int | str = 0,
        conn_id: str = "platerec_ocr_default",
        plan_only: bool | str = False,
        deferrable: bool | None = None,
        poke_interval: timedelta | float = 1800,
        timeout: timedelta | float = timedelta(days=35),
        mode: str = "reschedule",
        clock: Clock | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, mode=mode, **kwargs)
        self.conn_id = conn_id
        self.min_remaining = min_remaining
        self.reserve = reserve
        self.plan_only = plan_only
        if deferrable is None:
            deferrable = compat.conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self._clock = clock
        self._wait_s = self.poke_interval

    def execute(self, context: Context) -> Any:
        """Look once; then wait in the chosen way."""
        if not self.deferrable:
            with self._red_for_good():
                return super().execute(context)
        first = self.poke(context)
        if not first.is_done:
            self._defer()
        return first.xcom_value

    def _defer(self) -> None:
        from airflow_provider_platerec_ocr.triggers.statistics import OCRStatsTrigger

        gate = self._gate()
        self.defer(
            trigger=OCRStatsTrigger(
                conn_id=self.conn_id, min_remaining=gate.min_remaining, reserve=gate.reserve, poll_s=gate.poll_s
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002  # Airflow's signature
        """Look once; remembers how long it makes sense to wait before the next look."""
        from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
        from airflow_provider_platerec_ocr.runtime.gate import as_xcom, is_final

        try:
            gate = self._gate()
            statistics = PlateRecOCRHook(self.conn_id, clock=self._clock).statistics()
            verdict = gate.judge(statistics, self._now())
        except OCRError as error:
            if is_final(error):
                raise compat.AirflowFailException(error.message) from error
            if self._is_dry():
                self.log.warning("%s Plan only, so the gate does not wait.", error.message)
                return PokeReturnValue(is_done=True)
            self._wait_s = gate.wait_after(error)
            self.log.warning("%s Next look in %.0f s.", error.message, self._wait_s)
            return PokeReturnValue(is_done=False)
        self.log.info(verdict.message)
        self._wait_s = verdict.wait_s
        dry = not verdict.open and self._is_dry()
        if dry:
            self.log.info("Plan only, so the gate does not wait: nothing will be paid for.")
        done = verdict.open or dry
        return PokeReturnValue(is_done=done, xcom_value=as_xcom(statistics) if done else None)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Take the trigger's event; see :meth:`_red_for_good`."""
        with self._red_for_good():
            return super().resume_execution(next_method, next_kwargs, context)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ARG002
        """Return the statistics of the trigger's event, or fail with its message.

        :raises OCRError: an event of another version, which means that triggerer and worker run different versions of
            this package; another try asks again.
        """
        event = event if isinstance(event, dict) else {"event": event}
        statistics = event.get("statistics")
        if event.get("version") == EVENT_VERSION:
            if event.get("status") == "success" and isinstance(statistics, dict):
                self.log.info(event.get("message"))
                return statistics
            if event.get("status") == "error":
                raise compat.AirflowFailException(str(event.get("message")))
        message = (
            f"The trigger sent an event that this version does not know (version {event.get('version')!r}, status "
            f"{event.get('status')!r}). Install the same version of the provider on triggerers and workers."
        )
        raise OCRError(message)

    @contextmanager
    def _red_for_good(self) -> Iterator[None]:
        """Have ``soft_fail`` skip what a wait could have fixed, and no refused token: nobody would look at it."""
        try:
            yield
        except compat.AirflowSkipException as skipped:
            if isinstance(skipped.__cause__, compat.AirflowFailException) and not self.never_fail:
                raise skipped.__cause__ from None
            raise

    def _gate(self) -> Gate:
        from airflow_provider_platerec_ocr.runtime.gate import Gate

        return Gate(
            min_remaining=_whole(self.min_remaining), reserve=_whole(self.reserve), poll_s=float(self.poke_interval)
        )

    def _is_dry(self) -> bool:
        from airflow_provider_platerec_ocr.runtime.task import truth

        return truth(self.plan_only, "plan_only")

    def _now(self) -> datetime:
        return (self._clock or SystemClock()).now()

    def _get_next_poke_interval(
        self,
        started_at: datetime | float,  # noqa: ARG002  # Airflow's signature
        run_duration: Callable[[], float],
        poke_count: int,  # noqa: ARG002
    ) -> float:
        """Return what the last look found, but not beyond the timeout, which is checked after the next look."""
        return max(1.0, min(self._wait_s, self.timeout - run_duration() + 1.0))


def _whole(value: int | str) -> Any:
    """Return a rendered template's text as the number that it is; what is none is left for the gate to refuse."""
    return int(value) if isinstance(value, str) and value.strip().lstrip("-").isdigit() else value
