"""What happens to a request: token, faults, size, quota, rate limit, form, work, bill, webhook; in this order.

Holds the sandbox's state. Knows nothing of sockets: it is given a body and gives a ``Reply``.
"""

from __future__ import annotations

import hashlib
import random
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_platerec_ocr.sandbox.api import outcomes
from airflow_provider_platerec_ocr.sandbox.api.fetch import fetch
from airflow_provider_platerec_ocr.sandbox.api.request_body import read_form
from airflow_provider_platerec_ocr.sandbox.ocr.reader import NotAnImageError, made_up
from airflow_provider_platerec_ocr.sandbox.state import replies
from airflow_provider_platerec_ocr.sandbox.state.accounts import Accounts
from airflow_provider_platerec_ocr.sandbox.state.call_log import CallLog
from airflow_provider_platerec_ocr.sandbox.state.clock import Clock, iso, parse_iso
from airflow_provider_platerec_ocr.sandbox.state.faults import Endpoint, Facts, FaultScript, Kind
from airflow_provider_platerec_ocr.sandbox.state.options import ReaderKind
from airflow_provider_platerec_ocr.sandbox.state.replies import Refusal
from airflow_provider_platerec_ocr.sandbox.state.webhooks import Processed, Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.sandbox.api.request_body import Form
    from airflow_provider_platerec_ocr.sandbox.ocr.reader import Identifier, Reader
    from airflow_provider_platerec_ocr.sandbox.state.accounts import Account
    from airflow_provider_platerec_ocr.sandbox.state.call_log import Call
    from airflow_provider_platerec_ocr.sandbox.state.faults import Fault
    from airflow_provider_platerec_ocr.sandbox.state.options import Options
    from airflow_provider_platerec_ocr.sandbox.state.replies import Reply

API_VERSION = 1
KEPT_FILES = 100
_PREFIX_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as the server received it."""

    authorization: str | None
    """The Authorization header."""
    content_type: str
    """The Content-Type header."""
    body: bytes
    """The whole body."""
    base_url: str = ""
    """Scheme, host and port the client used; files in webhooks are offered there."""


class Api:
    """The state of one sandbox and what it answers."""

    def __init__(self, options: Options, reader: Reader, clock: Clock | None = None) -> None:
        """Begin with fresh accounts and an empty log."""
        self.clock = clock or Clock()
        self.reader = reader
        self.log = CallLog(self.clock, options.log)
        self.leave: Callable[[float], None] = lambda _: None
        """Closes the port for so many seconds, where there is one."""
        self._start_options = options
        self.faults = FaultScript()
        self.reset()

    def reset(self) -> None:
        """Go back to how the sandbox was started."""
        self.settings = self._start_options
        self.accounts = Accounts(self.settings.accounts())
        self.log.clear()
        self.files: OrderedDict[str, bytes] = OrderedDict()
        self._random = random.Random(self.settings.seed)
        self.webhooks = Webhooks(self.settings.webhooks, self.clock, self.log.delivered)
        self.restart_faults()

    def restart_faults(self) -> None:
        """Count the calls of the fault script, and the seconds of its windows, from here; let go what is held."""
        self.faults.hold.let_go()
        self.faults = FaultScript(self.settings.faults, self.settings.seed)
        self._faults_since_s = self.clock.monotonic()

    async def statistics(self, authorization: str | None) -> tuple[Reply, Fault | None]:
        """Answer the statistics call; the fault, if any, says how long it takes."""
        self.log.statistics_calls += 1
        fault = None
        try:
            account = self.accounts.of_header(authorization)
            fault = self.faults.pick(Facts(self._since_s(), Endpoint.STATISTICS))
            await self._while_held(fault)
            reply = replies.reply_json(200, account.statistics(self.clock.now()))
        except Refusal as refusal:
            return refusal.reply, fault
        return self._finish(fault, reply), fault

    async def read(self, call: Call, incoming: Incoming) -> tuple[Reply, Fault | None]:
        """Answer one POST to the reader and write into the log's entry what became of it."""
        fault = None
        try:
            account = self.accounts.of_header(incoming.authorization)
            call.account = account.name
            form = read_form(incoming.content_type, incoming.body)
            _describe(call, form)
            fault = self.faults.pick(
                Facts(self._since_s(), Endpoint.READER, call.image or "", form.filename, form.type or "")
            )
            call.fault = fault.name if fault else None
            if fault and fault.before_work:
                return outcomes.refusal(fault, self.settings.max_upload_bytes), fault
            reply = await self._admit(account, call, form, fault, incoming.base_url)
        except Refusal as refusal:
            return refusal.reply, fault
        return self._finish(fault, reply), fault

    def _finish(self, fault: Fault | None, reply: Reply) -> Reply:
        if fault is None:
            return reply
        if fault.kind.refuses:
            return outcomes.refusal(fault, self.settings.max_upload_bytes)
        return outcomes.spoil(fault, reply)

    def _since_s(self) -> float:
        return self.clock.monotonic() - self._faults_since_s

    async def _admit(self, account: Account, call: Call, form: Form, fault: Fault | None, base_url: str) -> Reply:
        limit_bytes = self.settings.max_upload_bytes
        if form.image is not None and len(form.image) > limit_bytes:
            raise Refusal(replies.too_large(limit_bytes))
        account.begin(self.clock.now())
        try:
            wait_s = account.limit.start(self.clock.monotonic())
            if wait_s > 0:
                raise Refusal(replies.throttled(wait_s, header=self.settings.retry_after_header))
            if form.errors:
                raise Refusal(replies.bad_fields(form.errors))
            answer = await self._work(call, form, fault)
            call.billed = True
        finally:
            account.end(billed=call.billed)
        self._send_webhooks(call, form, answer, base_url)
        return replies.reply_json(self.settings.success_status, answer)

    async def _while_held(self, fault: Fault | None) -> None:
        if fault and fault.kind is Kind.HOLD:
            await self.faults.hold.wait()

    async def _work(self, call: Call, form: Form, fault: Fault | None) -> dict[str, Any]:
        await self._while_held(fault)
        call.started_s = self.clock.monotonic()
        latency = self.settings.latency
        takes_s = self._random.uniform(latency.low_s, latency.high_s)
        try:
            found = await self._identifiers(form)
        except NotAnImageError as error:
            raise Refusal(replies.not_an_image()) from error
        if fault and fault.kind is Kind.SLOW:
            takes_s += fault.seconds or 0.0
        if fault and fault.kind is Kind.EMPTY:
            found = []
        left_s = call.started_s + takes_s - self.clock.monotonic()
        if left_s > 0:
            await self.clock.sleep(left_s)
        call.codes = [identifier.code for identifier in found]
        return self._answer(form, found, self.clock.monotonic() - call.started_s)

    async def _identifiers(self, form: Form) -> list[Identifier]:
        type_ = form.type or ""
        if form.image is None:
            url = form.upload_url or ""
            fetches = self.settings.fetch_urls
            if not (self.settings.reader is ReaderKind.OCR if fetches is None else fetches):
                return [made_up(hashlib.sha256(url.encode()).digest(), type_)]
            form.image = await fetch(url, self.settings.max_upload_bytes)
        return await self.reader.read(form.image, type_)

    def _answer(self, form: Form, found: list[Identifier], took_s: float) -> dict[str, Any]:
        filename = form.filename
        if self.settings.rename_files:
            code = "".join(self._random.choices(_PREFIX_ALPHABET, k=5))
            filename = f"{self._random.randrange(1000, 10_000)}_{code}_{filename}"
        return {
            "processing_time": round(took_s * 1000, 3),
            "results": [identifier.as_result() for identifier in found],
            "filename": filename,
            "version": API_VERSION,
            "camera_id": form.camera_id,
            "timestamp": iso(parse_iso(form.timestamp) if form.timestamp else self.clock.now()),
        }

    def _send_webhooks(self, call: Call, form: Form, answer: dict[str, Any], base_url: str) -> None:
        if not self.settings.webhooks.targets:
            return
        name = f"{call.seq}-{form.filename}"
        self.files[name] = form.image or b""
        if len(self.files) > KEPT_FILES:
            self.files.popitem(last=False)
        self.webhooks.send(Processed(call.seq, answer, form.image, f"{base_url}/_sandbox/files/{quote(name)}"))

    def change(self, **settings: Any) -> None:
        """Replace settings while running; ``faults`` begin to count anew.

        :raises ValueError: for a setting that cannot be used; nothing has changed then.
        """
        self.settings = replace(self.settings, **settings)
        if "faults" in settings:
            self.restart_faults()
        self.webhooks.settings = self.settings.webhooks


def _describe(call: Call, form: Form) -> None:
    call.image = form.image_key
    if form.image is not None:
        call.sha256, call.size_bytes = call.image, len(form.image)
    else:
        call.upload_url = call.image
    call.filename, call.type, call.camera_id = form.filename, form.type, form.camera_id
