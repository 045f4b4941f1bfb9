"""The ledger's command line: look up, settle and forget what was paid for. It only parses, calls and prints."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError, OCRInputError
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes, is_fingerprint
from airflow_provider_platerec_ocr.core.redact import redact, redact_url
from airflow_provider_platerec_ocr.core.settings import DEFAULT_BASE_URL, ClientSettings, normalize_base_url
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin, Verdict
from airflow_provider_platerec_ocr.engine.ledger.describe import describe, owner, state, verdict
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.storage.path import fsspec_path
from airflow_provider_platerec_ocr.storage.probe import prove_exclusive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.engine.ledger.admin import Found
    from airflow_provider_platerec_ocr.storage.path import StoragePath

FINE, FAILED, FINDINGS = 0, 1, 3
"""Exit codes; 2 is argparse's own, for a command that cannot be understood."""
_ABOUT = """\
Look into the ledger of paid calls, settle what is in doubt, and forget what is to be paid for again.

A call is *in doubt* when it was claimed, its lease is over and nobody wrote down how it ended: it may have been
billed. By default the next run sends it once more; a person who knows better says so with `settle`."""
_EXAMPLES = """\
examples:
  %(prog)s /srv/ocr-ledger doubts
  %(prog)s s3://bucket/ocr-ledger show yard/4711.jpg --type vin
  %(prog)s /srv/ocr-ledger settle 9f86d0… --answer webhook.json --why "from the webhook's mail"
  %(prog)s /srv/ocr-ledger settle 9f86d0… --released --why "the vendor's log has no such call"

exit codes: 0 fine, 1 refused or failed, 2 not understood, 3 something is in doubt or torn (doubts, check)"""


def main(arguments: Sequence[str] | None = None, *, clock: Clock | None = None) -> int:
    """Run one command and return its exit code."""
    given = _parser().parse_args(arguments)
    clock = clock or SystemClock()
    try:
        place = open_place(given.ledger)
        ledger = Ledger.peek(place, lease_s=ClientSettings().lease_s, clock=clock)
        admin = LedgerAdmin(ledger, clock)
        if not ledger.store.names():
            return _complain(f"There is no ledger in {place}: nothing is there. Check the path.")
        code: int = given.run(given, admin, ledger)
    except OCRError as error:
        return _complain(str(error))
    return code


def open_place(uri: str) -> StoragePath:
    """Return the place of a path or URI as fsspec alone opens it: with the credentials of this shell, not Airflow's.

    :raises OCRInputError: the URI names an Airflow connection, or nothing installed knows its scheme.
    """
    scheme, found, rest = uri.partition("://")
    if found and "@" in rest.partition("/")[0] and scheme not in {"abfs", "abfss", "wasb", "wasbs"}:
        message = (
            f"{redact_url(uri)} names an Airflow connection, which this command does not read. Leave out what is "
            "before the @, and give the credentials through the environment (for S3: AWS_PROFILE, AWS_ENDPOINT_URL, …)."
        )
        raise OCRInputError(message)
    try:
        return fsspec_path(uri)
    except (ValueError, ImportError) as error:
        message = f"{redact_url(uri) if found else uri} cannot be opened: {error}"
        raise OCRInputError(message) from error


def _show(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    found = admin.find(_fingerprint(given), given.type)
    for entry in found:
        _say(_title(entry))
        for line in describe(entry.history, ledger.lease_s):
            _say(f"  {line}")
        if given.raw:
            for attempt in entry.history:
                _say(json.dumps(attempt.payload, indent=2))
    if not found:
        return _complain("The ledger has no claim of it: it was never sent from here. The next run may send it.")
    return FINE


def _doubts(_given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    number = 0
    for number, found in enumerate(admin.doubts(), 1):  # noqa: B007  # counted for the line below
        for attempt in admin.in_doubt(found):
            _say(_title(found))
            _say(f"  attempt {attempt.number}: {state(attempt, ledger.lease_s)}; {owner(attempt)}")
    if not number:
        _say("Nothing is in doubt.")
        return FINE
    _say(f"{number} in doubt. Settle each with: … {ledger.root} settle FINGERPRINT --answer FILE | --released | …")
    return FINDINGS


def _settle(given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    for option in ("answer", "rejected", "why", "by"):
        if getattr(given, option) is not None and not str(getattr(given, option)).strip():
            message = f"--{option} is empty, so nothing was done. Is a variable of your script not set?"
            raise OCRInputError(message)
    found = _one(admin, given)
    prove_exclusive(ledger.store)
    end, answer = End.RELEASED, None
    if given.answer is not None:
        end, answer = End.ANSWER, _answer(Path(given.answer), found.fingerprint)
    elif given.rejected is not None:
        end = End.REJECTED
    why = given.why or given.rejected or "not said"
    number = admin.settle(found, Verdict(end, by=given.by, why=why, answer=answer), number=given.attempt)
    _say(f"Attempt {number} of {found.fingerprint} is settled as {end.value} by {given.by}: {why}")
    _say(verdict(_one(admin, given).history, ledger.lease_s))
    return FINE


def _forget(given: argparse.Namespace, admin: LedgerAdmin, _: Ledger) -> int:
    found = _one(admin, given)
    if not given.yes:
        what = redact(found.image) or "it"
        return _complain(f"Nothing was done: the next run may pay again for {what}. If you want that, add --yes.")
    _say(f"Forgotten; nothing was deleted, the files are in {admin.forget(found)}")
    return FINE


def _check(_given: argparse.Namespace, admin: LedgerAdmin, ledger: Ledger) -> int:
    code = FINE
    try:
        prove_exclusive(ledger.store)
        _say(f"{ledger.root} creates exclusively, as a ledger must.")
    except OCRError as error:
        code = _complain(str(error))
    tally = admin.check()
    for standing, count in sorted(tally.counts.items()):
        _say(f"{count:>10}  {standing}")
    _say(f"{tally.calls_twice:>10}  calls beyond the first for the same content, answered or in doubt")
    for found in tally.torn:
        _say(f"torn: {_title(found)}")
    for name in tally.strange:
        _say(f"not a file of the ledger, or an end without its claim: {name}")
    return code or (FINDINGS if tally.torn or tally.counts["in doubt"] else FINE)


def _title(found: Found) -> str:
    return f"{found.fingerprint}  type {found.type}  {redact(found.image)}".rstrip()


def _fingerprint(given: argparse.Namespace) -> str:
    """Return the fingerprint that was given, or that of the image that was."""
    name = str(given.what)
    if is_fingerprint(name):
        return name
    if not Path(name).is_file():
        message = f"{name!r} is neither a fingerprint (64 digits, lower-case hexadecimal) nor a file on this machine."
        raise OCRInputError(message)
    if not given.type:
        message = "For an image, say what was read from it with --type, such as --type vin."
        raise OCRInputError(message)
    return fingerprint_bytes(normalize_base_url(given.base_url), given.type, Path(name).read_bytes())


def _one(admin: LedgerAdmin, given: argparse.Namespace) -> Found:
    found = admin.find(_fingerprint(given), given.type)
    if len(found) == 1:
        return found[0]
    types = ", ".join(entry.type for entry in found)
    message = f"It was read as {types}: say which with --type." if found else "The ledger has no claim of it."
    raise OCRInputError(message)


def _answer(path: Path, fingerprint: str) -> dict[str, Any]:
    """Return the raw answer in a file: as the API gave it, or within a spilled answer or a line of the task log."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"{path} holds no JSON that can be read: {error}"
        raise OCRInputError(message) from error
    if isinstance(data, dict) and isinstance(data.get("answer"), dict) and "nonce" in data:
        if data.get("fingerprint") != fingerprint:
            message = f"{path} answers {data.get('fingerprint')}, not {fingerprint}."
            raise OCRInputError(message)
        data = data["answer"]
    if not isinstance(data, dict) or not isinstance(data.get("results"), list):
        message = f"{path} is no answer of the API: it has no list of results."
        raise OCRInputError(message)
    return data


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    prog = "python -m airflow_provider_platerec_ocr.ledger"
    parser = argparse.ArgumentParser(prog=prog, description=_ABOUT, epilog=_EXAMPLES, formatter_class=form)
    parser.add_argument("ledger", help="path or URI of the ledger; object stores with this shell's own credentials")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    show = _command(commands, "show", _show, "tell all that is known of one image")
    show.add_argument("--raw", action="store_true", help="print the raw answers too")
    _command(commands, "doubts", _doubts, "list every call in doubt, with its owner, age and image")
    settle = _command(commands, "settle", _settle, "write down how a call in doubt ended")
    how = settle.add_mutually_exclusive_group(required=True)
    how.add_argument("--answer", metavar="FILE", help="it was answered: the raw answer as JSON, or a spilled answer")
    how.add_argument("--released", action="store_true", help="it was certainly not billed: the next run may send it")
    how.add_argument("--rejected", metavar="REASON", help="the API will never read it: no run sends it again")
    settle.add_argument("--attempt", type=int, metavar="N", help="which attempt; needed where several are in doubt")
    settle.add_argument("--why", help="how you know; kept in the ledger")
    settle.add_argument("--by", default=_user(), help="who settles it; kept in the ledger (default: %(default)s)")
    forget = _command(commands, "forget", _forget, "move an image's claims aside, so that it is paid for again")
    forget.add_argument("--yes", action="store_true", help="really do it")
    _command(commands, "check", _check, "read the whole ledger: what is in it, what is torn, is the store fit")
    return parser


def _command(commands: Any, name: str, run: Any, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about[0].upper() + about[1:])
    parser.set_defaults(run=run)
    if name not in {"doubts", "check"}:
        parser.add_argument("what", metavar="FINGERPRINT|IMAGE", help="64 hex digits, or a file on this machine")
        parser.add_argument("--type", help="what was read (vin, trailer_id); needed for an image")
        parser.add_argument(
            "--base-url", default=DEFAULT_BASE_URL, help="host of the connection, for an image (default: %(default)s)"
        )
    return parser


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _complain(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
