"""What is asked of planning and what comes out of it, as frozen values; no file is touched here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.saying.choices import OnEmpty
from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of
from airflow_provider_platerec_ocr.dataset.layout.names import slug_of
from airflow_provider_platerec_ocr.dataset.layout.schema import SCHEMA_VERSION
from airflow_provider_platerec_ocr.dataset.plan.tolerance import ANY_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from airflow_provider_platerec_ocr.core.money import Price
    from airflow_provider_platerec_ocr.dataset.plan.tolerance import Tolerance
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath


LOOKS = 100_000
"""Images of a plan beyond its calls: moved and renamed ones cost nothing, and only their bytes tell which those are."""


@dataclass(frozen=True, slots=True)
class RunRef:
    """The run that plans, reads and publishes."""

    dag_id: str
    """Airflow's DAG id, or any name of the caller's."""
    run_id: str
    """Airflow's run id: names of files derive from it."""
    date: str
    """``YYYY-MM-DD``: the day of the run's data interval, which is the partition its rows go to."""
    group: str = ""
    """Task group within the DAG, or what else tells the batches of one run apart: they keep their files apart."""
    planning: int = 1
    """How often the run has been planned, with this time: each planning has a workspace and a report of its own."""

    @property
    def slug(self) -> str:
        """A file name for the run; files of the table have it, whichever planning wrote them."""
        return slug_of(f"{self.dag_id}.{self.group}" if self.group else self.dag_id, self.run_id)

    @property
    def workspace(self) -> str:
        """Name of the folder of this planning, and of its report."""
        return self.slug if self.planning == 1 else f"{self.slug}.{self.planning}"


@dataclass(frozen=True, slots=True)
class ShardRef:
    """One slice of the plan, for one read task."""

    path: str
    """Relative to the run's workspace."""
    index: int
    """From 0; the map index of its task."""
    images: int
    """How many images it holds."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Everything that planning needs to know."""

    manifest: str
    """URI of the manifest, see :func:`~..manifest.manifest.read_manifest`."""
    opener: Opener
    """Opens the manifest."""
    dataset: StoragePath
    """Folder of the published reads; need not exist yet."""
    dead_letters: StoragePath
    """Folder of the published dead letters; need not exist yet."""
    workspace: StoragePath
    """Folder of this run alone."""
    run: RunRef
    """Who plans."""
    default_type: str | None = None
    """Type of rows that name none."""
    identity_params: tuple[str, ...] = ()
    """Parameters of URLs that say which image it is."""
    manifest_columns: tuple[str, ...] = ()
    """The manifest's own columns that come along; ``*`` for all."""
    timezone: str | None = None
    """IANA name of the zone of times that do not say theirs."""
    recursive: bool = True
    """Whether a folder's subfolders count."""
    include: tuple[str, ...] = ()
    """Patterns of the images of a folder or a glob that are meant, see :class:`...core.images.sieve.Sieve`."""
    exclude: tuple[str, ...] = ()
    """Patterns of what is left out, as above."""
    roots: tuple[StoragePath, ...] | None = None
    """Folders that links in a folder may lead to; ``None`` for any."""
    allowed_roots: tuple[str, ...] = ()
    """Folders that images may lie in, as they are given to the read tasks; the plan keeps them."""
    on_empty: OnEmpty = OnEmpty.SUCCEED
    """What to do where the manifest has no rows: ``fail`` raises, ``skip`` writes no plan."""
    max_bad_rows: Tolerance = ANY_NUMBER
    """Most rows that may be bad; beyond it nothing is planned."""
    retry_rejected: bool = False
    """Whether images with a permanent dead letter are planned again."""
    images_per_shard: int = 2000
    """Most images of a shard, unless that makes too many shards."""
    max_shards: int = 1000
    """Most shards: Airflow maps at most 1,024 tasks by default."""
    grant: Callable[[int], tuple[int, str]] | None = None
    """Asked once, with the calls that the new images need: returns those allowed (and reserved), and which limit binds,
    for the message about what is left over. ``None`` for no limit."""
    looks: int = LOOKS
    """Most images that are planned beyond the calls that may be made, since the ledger may have their answers."""
    own_places: tuple[StoragePath, ...] = ()
    """Other places that runs write to, such as the ledger: no table below is the manifest's."""
    reopened: Container[str] = frozenset()
    """Fingerprints whose answers the ledger has, and which can be read now: their images are still to be read."""
    forgotten: tuple[bytes, ...] = ()
    """Keys of images whose rows were deleted, and which are done all the same; several in one text."""
    dry_run: bool = False
    """Count only, write nothing."""
    partition_date: str = ""
    """``YYYY-MM-DD``: the partition that the rows are to go to; empty for the run's own day."""
    own_manifest: str = ""
    """Why no other run has this manifest, as part of a sentence; empty where others have it."""

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        for name in ("images_per_shard", "max_shards"):
            if getattr(self, name) < 1:
                message = f"{name} must be at least 1, not {getattr(self, name)}."
                raise OCRConfigError(message)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run is going to read."""

    manifest: str
    """URI of the manifest, without secrets."""
    rows: int = 0
    """Rows of the manifest, bad ones included."""
    bad_rows: int = 0
    """Rows that cannot be used; they become dead letters at export."""
    times_unknown: int = 0
    """Rows whose time is null although they say one: without a zone, or not to be understood."""
    duplicates: int = 0
    """Rows that name what an earlier row of the manifest names."""
    done: int = 0
    """In the dataset already, or a permanent dead letter."""
    planned: int = 0
    """Images in the shards."""
    from_ledger: int = 0
    """Always 0: which of them the ledger answers, only their bytes tell. Plans of older versions have a number."""
    to_pay: int = 0
    """Most calls that the run may make: images that have no answer in the ledger need one each."""
    left_over: int = 0
    """New images for which there is no call: those that the ledger does not answer are left to a later run."""
    limit_reason: str = ""
    """Which limit made them stay."""
    shards: tuple[ShardRef, ...] = ()
    """In the order of the manifest."""
    first_part: int = 0
    """Number of the first file that the export writes; above 0 where ``kept`` files exist."""
    kept: tuple[str, ...] = ()
    """Files of an earlier plan of the same run, whose images count as done: the export leaves them in place."""
    left_aside: dict[str, int] = field(default_factory=dict)
    """What a folder or a glob had beside its images, by kind, see :mod:`~..manifest.left_aside`; a folder that is left
    out counts once."""
    endings_left_aside: dict[str, int] = field(default_factory=dict)
    """Of these, files that are no images, by ending."""
    left_aside_text: str = ""
    """The same in words, with the first names of what is worth a look."""
    would_fail: str = ""
    """Of a plan that only counts: why one that reads would fail."""
    partition_date: str = ""
    """``YYYY-MM-DD``: the partition that was asked for; empty for the run's own day."""
    allowed_roots: tuple[str, ...] = ()
    """Folders that images may lie in; empty where an older version planned."""
    own_manifest: str = ""
    """Why no other run has this manifest, as part of a sentence; empty where others have it, or nobody can say."""
    created_at: str = ""
    """UTC, ISO 8601: when the plan was made."""
    schema_version: int = SCHEMA_VERSION
    """Of the tables that are to be written."""

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Return the plan that :meth:`to_json` wrote; keys of later versions are left aside."""
        given = {key: value for key, value in data.items() if key in cls.__slots__}
        given["shards"] = tuple(ShardRef(**shard) for shard in data["shards"])
        given |= {name: tuple(data.get(name, ())) for name in ("kept", "allowed_roots")}
        return cls(**given)

    def describe(self, price: Price | None = None) -> list[str]:
        """Return what a person wants to know, as sentences for the log.

        :param price: what calls cost; without one, the sentences speak of calls alone.
        """
        said = [f"{redact(self.manifest)} has {count_of(self.rows, 'row')}."]
        if not self.rows:
            said = [f"{redact(self.manifest)} is empty: it has no rows."]
        if self.left_aside_text:
            said.append(f"Left aside: {self.left_aside_text}.")
        if self.planned:
            shards = count_of(len(self.shards), "shard")
            said.append(f"{count_of(self.planned, 'image')} to read in {shards}, up to {self.most(price)}.")
        else:
            said.append("Nothing to read: no call will be made.")
        if self.from_ledger:
            is_paid = agree(self.from_ledger, "is", "are")
            said.append(f"{count_of(self.from_ledger, 'image')} {is_paid} already paid for: no call needed.")
        said.append(f"{self.done:,} already done.")
        if self.duplicates:
            said.append(f"{count_of(self.duplicates, 'duplicate row')} left aside.")
        if self.bad_rows:
            said.append(f"{count_of(self.bad_rows, 'row')} cannot be used: see the dead letters.")
        if self.left_over:
            why = f"Limit: {self.limit_reason}" if self.limit_reason else "No call is left for them."
            said.append(
                f"{count_of(self.left_over, 'new image')} left for a later run, unless the ledger has the answers. "
                f"{why}"
            )
        if self.would_fail:
            said.append(f"Without plan_only this would fail: {self.would_fail}")
        if self.own_manifest and (self.left_over or self.bad_rows):
            said.append(self.no_later_run())
        return said

    def most(self, price: Price | None) -> str:
        """Return how many calls the run may make at most, and what they cost: ``120 calls (1.49 EUR)``."""
        calls = count_of(self.to_pay, "call")
        return calls if price is None else f"{calls} ({price.say(self.to_pay)})"

    def no_later_run(self) -> str:
        """Return what becomes of what this run did not read, where the manifest is its own."""
        return (
            "No later run will find what this one leaves over, nor rows that are corrected and files that come late: "
            f"{self.own_manifest}. To have them read, clear its plan task and what comes after it: what is done stays "
            "done, and nothing is paid for twice."
        )
