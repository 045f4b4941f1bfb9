"""The sandbox's own calls under ``/_sandbox/``: look at the books, change settings while running, begin anew.

No part of the API's contract; a client under test never uses them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_platerec_ocr.sandbox.state.call_log import GRACE_S, books
from airflow_provider_platerec_ocr.sandbox.state.clock import iso, parse_iso
from airflow_provider_platerec_ocr.sandbox.state.options import Latency
from airflow_provider_platerec_ocr.sandbox.state.rate_limit import RateLimit
from airflow_provider_platerec_ocr.sandbox.state.webhooks import WebhookForm

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.sandbox.api.api import Api
    from airflow_provider_platerec_ocr.sandbox.state.accounts import Account


class ControlError(ValueError):
    """A control call that cannot be understood; the message names the key and what would be right."""


def _is(kind: type | tuple[type, ...], what: str) -> Callable[[str, Any], Any]:
    def check(key: str, value: Any) -> Any:
        numeric = kind is not bool and isinstance(value, bool)
        if numeric or not isinstance(value, kind):
            msg = f"{key} needs {what}, not {value!r}"
            raise ControlError(msg)
        return value

    return check


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        msg = f"{key} needs a list of texts, not {value!r}"
        raise ControlError(msg)
    return tuple(value)


def _count(key: str, value: Any) -> int:
    number: int = _whole(key, value)
    if number < 0:
        msg = f"{key} is at least 0, not {value}"
        raise ControlError(msg)
    return number


_text, _flag, _whole = _is(str, "a text"), _is(bool, "true or false"), _is(int, "a whole number")
_number = _is((int, float, type(None)), "a number or null")

SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    "faults": _texts,
    "latency": lambda key, value: Latency.parse(_text(key, value)),
    "retry_after_header": _flag,
    "success_status": _whole,
    "rename_files": _flag,
    "max_upload_bytes": _whole,
}
WEBHOOK_SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    "webhooks": _texts,
    "webhook_form": lambda key, value: WebhookForm(_text(key, value)),
    "webhook_retries": _whole,
}
ACCOUNT_SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    "quota": _count,
    "used": _count,
    "enabled": _flag,
    "auto_reset": _flag,
    "resets_on": lambda key, value: parse_iso(_text(key, value)),
    "tokens": lambda key, value: set(_texts(key, value)),
}
LIMIT_SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    "rate": _number,
    "burst": _is((int, type(None)), "a whole number or null"),
}
OTHERS: dict[str, Callable[[str, Any], Any]] = {
    "account": _text,
    "new_period": _flag,
    "away": _is((int, float), "a number of seconds"),
}
KNOWN = SETTINGS | WEBHOOK_SETTINGS | ACCOUNT_SETTINGS | LIMIT_SETTINGS | OTHERS
_WEBHOOK_FIELDS = {"webhooks": "targets", "webhook_form": "form", "webhook_retries": "retries"}


def apply_control(api: Api, wishes: dict[str, Any]) -> None:
    """Change settings; all of them or, on an error, none.

    :raises ValueError: naming the key that is unknown or wrong.
    """
    unknown = [key for key in wishes if key not in KNOWN]
    if unknown:
        msg = f"unknown key {unknown[0]!r}; known: {', '.join(KNOWN)}"
        raise ControlError(msg)
    values = {key: KNOWN[key](key, value) for key, value in wishes.items()}
    account = api.accounts.get(values.get("account"))
    limit = _limit(account, values)
    changes = {key: values[key] for key in SETTINGS if key in values}
    hooks = {_WEBHOOK_FIELDS[key]: values[key] for key in WEBHOOK_SETTINGS if key in values}
    if hooks:
        changes["webhooks"] = replace(api.settings.webhooks, **hooks)
    api.change(**changes)
    account.limit = limit
    if values.get("new_period"):
        account.new_period(api.clock.now())
    for key in ACCOUNT_SETTINGS:
        if key in values:
            setattr(account, key, values[key])
    if values.get("away"):
        api.leave(values["away"])


def _limit(account: Account, values: dict[str, Any]) -> RateLimit:
    if "rate" in values:
        return RateLimit(values["rate"], values.get("burst"))
    if "burst" in values:
        return RateLimit(account.limit.rate_per_s, values["burst"])
    return account.limit


def state(api: Api) -> dict[str, Any]:
    """Describe settings and accounts; tokens are counted, never shown."""
    for account in api.accounts.all():
        account.roll_over(api.clock.now())
    return {
        "reader": api.settings.reader,
        "faults": list(api.settings.faults),
        "latency_s": [api.settings.latency.low_s, api.settings.latency.high_s],
        "retry_after_header": api.settings.retry_after_header,
        "success_status": api.settings.success_status,
        "rename_files": api.settings.rename_files,
        "max_upload_bytes": api.settings.max_upload_bytes,
        "webhooks": asdict(api.settings.webhooks),
        "posts": len(api.log.calls),
        "in_flight": api.log.in_flight,
        "held": api.faults.hold.calls,
        "peak_in_flight": api.log.peak_in_flight,
        "statistics_calls": api.log.statistics_calls,
        "monotonic_s": api.clock.monotonic(),
        "accounts": [_account_state(account) for account in api.accounts.all()],
    }


def _account_state(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "tokens": len(account.tokens),
        "quota": account.quota,
        "used": account.used,
        "in_work": account.in_work,
        "enabled": account.enabled,
        "auto_reset": account.auto_reset,
        "resets_on": iso(account.resets_on) if account.resets_on else None,
        "rate": account.limit.rate_per_s,
        "burst": account.limit.burst,
    }


def _query_number(request: web.Request, name: str, default: float) -> float:
    try:
        return float(request.query.get(name, default))
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"{name} needs a number") from error


def add_routes(app: web.Application, api: Api) -> None:
    """Mount the control calls."""

    async def show_state(_: web.Request) -> web.Response:
        return web.json_response(state(api))

    async def show_calls(request: web.Request) -> web.Response:
        since = int(_query_number(request, "since", 0))
        return web.json_response({"calls": [asdict(call) for call in api.log.calls[since:]]})

    async def show_books(request: web.Request) -> web.Response:
        return web.json_response(books(api.log, _query_number(request, "grace_s", GRACE_S)))

    async def show_deliveries(_: web.Request) -> web.Response:
        return web.json_response({"deliveries": api.log.deliveries})

    async def reset(_: web.Request) -> web.Response:
        await api.webhooks.close()
        api.reset()
        return web.json_response(state(api))

    async def change(request: web.Request) -> web.Response:
        try:
            wishes = await request.json()
            if not isinstance(wishes, dict):
                msg = "send a JSON object"
                raise ControlError(msg)
            apply_control(api, wishes)
        except (ValueError, json.JSONDecodeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(state(api))

    async def file(request: web.Request) -> web.Response:
        data = api.files.get(request.match_info["name"])
        return web.Response(status=404) if data is None else web.Response(body=data, content_type="image/jpeg")

    app.router.add_get("/_sandbox/state", show_state)
    app.router.add_get("/_sandbox/calls", show_calls)
    app.router.add_get("/_sandbox/books", show_books)
    app.router.add_get("/_sandbox/webhooks", show_deliveries)
    app.router.add_post("/_sandbox/reset", reset)
    app.router.add_post("/_sandbox/control", change)
    app.router.add_get("/_sandbox/files/{name}", file)
