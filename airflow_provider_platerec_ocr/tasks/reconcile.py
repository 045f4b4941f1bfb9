"""Holding reads against a list of units, as a task does it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.results.nights import Summary, with_summary
from airflow_provider_platerec_ocr.analysis.rules.sightings import Cameras
from airflow_provider_platerec_ocr.analysis.yard.expected import checked, expected_of, read_expected
from airflow_provider_platerec_ocr.analysis.yard.files import remove_stale, write_all, write_parquet
from airflow_provider_platerec_ocr.analysis.yard.knowledge import decoder, learned
from airflow_provider_platerec_ocr.analysis.yard.outcome import NO_UNITS, describe, looked_at
from airflow_provider_platerec_ocr.analysis.yard.reads import RECONCILED, load, newest_day
from airflow_provider_platerec_ocr.analysis.yard.reconcile import reconcile
from airflow_provider_platerec_ocr.analysis.yard.seen import sight, sightings_table, signs_by_code
from airflow_provider_platerec_ocr.analysis.yard.what import Told, with_what
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRUnitsMissing
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.plan.tolerance import Tolerance
from airflow_provider_platerec_ocr.dataset.report.analysis_memory import Elsewhere, remember
from airflow_provider_platerec_ocr.runtime import arguments, task
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.tasks.telling.told_assets import tell_assets
from airflow_provider_platerec_ocr.tasks.telling.yard_section import add_to_pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.analysis.yard.expected import Expected
    from airflow_provider_platerec_ocr.analysis.yard.knowledge import Learned
    from airflow_provider_platerec_ocr.analysis.yard.outcome import Reconciled
    from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
    from airflow_provider_platerec_ocr.storage.path import StoragePath

NAMED = 10
"""Missing units that an error names."""
_MOST_EDITS = 2
log = logging.getLogger(__name__)


def run(operator: Any, context: Context) -> dict[str, Any]:
    """Reconcile as the operator was told, and return the counts."""
    return task.given(ReconcileTask, operator).run(context)


@dataclass(frozen=True, slots=True)
class ReconcileTask:
    """One reconciliation; the fields are the operator's arguments, rendered."""

    reads: str
    expected: Any
    code_column: str
    since: Any
    until: Any
    run_id: str | None
    type: str | None
    corrected: bool | str
    corrections: str | None
    results: str | None
    sightings: str | None
    reports: str | None
    window_minutes: int | str
    neighbours: Any
    max_edits: int | str
    last_characters: int | str | None
    confusions: str | None
    max_missing: Any
    outlets: Sequence[Any]

    def run(self, context: Context) -> dict[str, Any]:
        """Reconcile, write, tell the assets, and return the counts; fail last, where too many are missing."""
        limit = Tolerance.of(self.max_missing, "max_missing", default=1.0)
        edits = task.whole_number(self.max_edits, "max_edits", empty=1) or 0
        if edits > _MOST_EDITS:
            message = f"max_edits must be 0, 1 or 2, not {self.max_edits!r}: with more, any code is near to any other."
            raise OCRConfigError(message)
        units = self._units()
        since, until = self._span()
        log.info("The list has %s.", count_of(len(units), "row"))
        table = self._reads(since, until)
        reads = table.num_rows
        log.log(logging.INFO if reads else logging.WARNING, "%s", looked_at(since, until, reads))
        known = self._learned()
        minutes = task.whole_number(self.window_minutes, "window_minutes", empty=10) or 0
        last = task.whole_number(self.last_characters, "last_characters", low=1)
        evidence: dict[str, Any] = {"confusions": known.confusions, "decodes": decoder()}
        ref = task.run_ref(context, batch=context["ti"].task_id)
        day = until or date.fromisoformat(ref.date)
        self._remember()
        found, agreed = sight(table, window=timedelta(minutes=minutes), cameras=self._cameras(), **evidence)
        told, number = Told(signs_by_code(agreed)), len(found)
        sightings = self._write_sightings(sightings_table(found, told), ref.slug, day)
        del found, table  # of a million reads, what is written makes room for the rest
        result = reconcile(agreed, units, max_edits=edits, partial=last, **evidence)
        self._tell(result)
        summary = self._summary(result, ref, (since, until), known)
        first, *rest = self._write(summary, with_what(result.table, told), ref.slug, day)
        files = [place.uri for place in (first, sightings, *rest)]
        share = round(result.missing_share, 6)
        seen = result.counts
        counts = {**seen, "reads": reads, "sightings": number, "missing_share": share, "date": day.isoformat()}
        counts["confusions"] = known.summary()
        where = {"dataset": self.reads, "dag_id": ref.dag_id, "run_id": ref.run_id}
        tell_assets(context, self.outlets or (), self.reads, counts | where)
        if not limit.lets_pass(seen["missing"], seen["units"]):
            raise _missing(result, limit, counts, files)
        return counts | {"files": files}

    def _tell(self, result: Reconciled) -> None:
        """Log what came out, and what of the list nobody can have meant."""
        for line in result.units.warnings():
            log.warning("%s", line)
        if self.type and (number := result.units.not_of(self.type)):
            log.warning(
                "%s can be no read of the type %s, and only those are looked at.", count_of(number, "unit"), self.type
            )
        for line in describe(result.counts):
            log.log(logging.WARNING if line == NO_UNITS else logging.INFO, "%s", line)

    def _learned(self) -> Learned:
        places = open_place(self.reads), open_place(self.corrections or task.beside(self.reads, "corrections"))
        found = learned(self.confusions, *places, opener=open_place)
        log.info("%s", found)
        return found

    def _units(self) -> Sequence[Expected]:
        """Return the list of units: a file's, or a task's result, also where a template made text of it."""
        given = self.expected
        if isinstance(given, str) and given.strip() and (rows := arguments.listed(given)) is not None:
            given = rows
        if isinstance(given, str):
            if not given.strip():
                message = "expected is empty. Give the file with the list of units, or the result of a task."
                raise OCRConfigError(message)
            return checked(read_expected(given, opener=open_place, code_column=self.code_column), given)
        if given is None or isinstance(given, (bytes, dict)):
            message = f"expected must be a file or a list of units, not {type(given).__name__}."
            raise OCRConfigError(message)
        return checked(expected_of(given, self.code_column), "the expected units")

    def _span(self) -> tuple[date | None, date | None]:
        """Return the first and the last day whose reads count."""
        since, until = (arguments.day(value, name) for value, name in ((self.since, "since"), (self.until, "until")))
        if self.run_id and not (since or until):
            return None, None
        last = date.fromisoformat(until) if until else newest_day(open_place(self.reads))
        first = date.fromisoformat(since) if since else last
        if first > last:
            message = f"since is {first} and until is {last}: nothing lies between them."
            raise OCRConfigError(message)
        return first, last

    def _summary(
        self, result: Reconciled, ref: RunRef, span: tuple[date | None, date | None], known: Learned
    ) -> Summary:
        """Return what the file says of itself."""
        since, until = (day.isoformat() if day else "" for day in span)
        given = self.expected if isinstance(self.expected, str) else ""
        return Summary(
            counts=result.counts,
            dag_id=ref.dag_id,
            run_id=ref.run_id,
            task_id=ref.group,
            written_at=task.now(),
            since=since,
            until=until,
            confusions=str(known) if known.pairs else "",
            expected="" if arguments.listed(given) else redact(given),
        )

    def _reads(self, since: date | None, until: date | None) -> Any:
        corrected = task.truth(self.corrected, "corrected")
        corrections = open_place(self.corrections or task.beside(self.reads, "corrections")) if corrected else None
        types = [self.type] if self.type else None
        run_id = self.run_id or None
        span: dict[str, Any] = {"since": since, "until": until, "types": types, "run_id": run_id}
        return load(open_place(self.reads), corrections, **span, columns=RECONCILED)

    def _cameras(self) -> Cameras:
        given = arguments.mapping(self.neighbours, "neighbours")
        return Cameras({camera: arguments.stripped(others.split(",")) for camera, others in given.items()})

    def _remember(self) -> None:
        """Write down where the files go, for those who delete; who may only read the table writes nothing there."""
        given = {name: getattr(self, name) for name in ("results", "sightings", "reports")}
        usual = {"results": "reconciliations"}
        far = {
            name: str(place).rstrip("/")
            for name, place in given.items()
            if place and open_place(place).uri != open_place(task.beside(self.reads, usual.get(name, name))).uri
        }
        try:
            remember(open_place(self.reads), Elsewhere(**far))
        except Exception as error:  # noqa: BLE001  # it is worth no reconciliation
            log.warning(
                "Nobody can write down beside the table where the files go (%s: %s): name the folders to those who "
                "delete, with --results, --sightings and --reports.",
                type(error).__name__,
                error,
            )

    def _write_sightings(self, sightings: Any, slug: str, day: date) -> StoragePath:
        folder = open_place(self.sightings or task.beside(self.reads, "sightings")) / f"date={day.isoformat()}"
        place = write_parquet(sightings, folder / f"sightings-{slug}.parquet")
        log.info("Written: %s", place)
        return place

    def _write(self, summary: Summary, table: Any, slug: str, day: date) -> list[StoragePath]:
        results = open_place(self.results or task.beside(self.reads, "reconciliations")) / f"date={day.isoformat()}"
        people = open_place(self.reports or task.beside(self.reads, "reports"))
        name = f"reconciliation-{slug}"
        written = [write_parquet(with_summary(table, summary), results / f"{name}.parquet")]
        for_people = write_all(table, people, name)
        remove_stale(for_people, people, name)
        written += for_people
        pages = add_to_pages(people, open_place(self.reads), table, summary, self.run_id or None)
        for place in [*written, *pages]:
            log.info("Written: %s", place)
        return written


def _missing(result: Reconciled, limit: Tolerance, counts: dict[str, Any], files: list[str]) -> OCRUnitsMissing:
    rows = zip(result.table["status"].to_pylist(), result.table["code"].to_pylist(), strict=True)
    missing = [code for status, code in rows if status == "missing"]
    named = ", ".join(code or "(no code)" for code in missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
    message = (
        f"{len(missing):,} of {counts['units']:,} expected units are missing, and max_missing lets {limit} pass: "
        f"{named}. All of them, and what was seen, are in {files[-1]}."
    )
    return OCRUnitsMissing(message, retry=False, counts=counts)
