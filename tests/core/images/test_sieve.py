"""What a listing takes and what it leaves out, as a table: the same for folders, object stores and globs."""

from __future__ import annotations

import unicodedata

import pytest

from airflow_provider_platerec_ocr.core.images.patterns import Filter, Glob, cut_glob
from airflow_provider_platerec_ocr.core.images.sieve import DEFAULT_EXCLUDE, IMAGE_SUFFIXES, Kind, Sieve

TAKEN = ["a.jpg", "A.JPG", "day/b.jpeg", "c.jpe", "d.jfif", "e.png", "f.bmp", "g.gif", "h.webp", "i.tif", "j.tiff",
         "IMG_4711.HEIC", "k.heif", "l.hif", "m.avif", "a b/ü.jpg", "#1.jpg", "~a.jpg", "$5.jpg", "@home/x.jpg",
         "thumbnails/x.jpg", "recycle/x.jpg", "snapshot/x.jpg", "/a.jpg", "a//b.jpg", "./a.jpg", "../a.jpg",
         "Thumbs.db.jpg"]  # fmt: skip
LEFT_OUT = {
    ".hidden.jpg": (Kind.HIDDEN, ".hidden.jpg"),
    "._IMG_1.jpg": (Kind.HIDDEN, "._IMG_1.jpg"),
    ".thumbnails/a.jpg": (Kind.HIDDEN, ".thumbnails"),
    "x/.Trash-1000/files/a.jpg": (Kind.HIDDEN, "x/.Trash-1000"),
    ".@__thumb/a.jpg": (Kind.HIDDEN, ".@__thumb"),
    "@eaDir/a.jpg/SYNOFILE_THUMB_M.jpg": (Kind.EXCLUDED, "@eaDir"),
    "x/@EADIR/a.jpg": (Kind.EXCLUDED, "x/@EADIR"),
    "#recycle/a.jpg": (Kind.EXCLUDED, "#recycle"),
    "#snapshot/a.jpg": (Kind.EXCLUDED, "#snapshot"),
    "$RECYCLE.BIN/S-1/$I1.jpg": (Kind.EXCLUDED, "$RECYCLE.BIN"),
    "$Recycle.Bin/a.jpg": (Kind.EXCLUDED, "$Recycle.Bin"),
    "System Volume Information/a.jpg": (Kind.EXCLUDED, "System Volume Information"),
    "lost+found/a.jpg": (Kind.EXCLUDED, "lost+found"),
    "__MACOSX/yard/._a.jpg": (Kind.EXCLUDED, "__MACOSX"),
    "~$x.jpg": (Kind.EXCLUDED, "~$x.jpg"),
    "Thumbs.db": (Kind.EXCLUDED, "Thumbs.db"),
    "ehthumbs_vista.db": (Kind.EXCLUDED, "ehthumbs_vista.db"),
    "desktop.ini": (Kind.EXCLUDED, "desktop.ini"),
    "notes.txt": (Kind.NO_IMAGE, "notes.txt"),
    "part-0.parquet": (Kind.NO_IMAGE, "part-0.parquet"),
    "jpg": (Kind.NO_IMAGE, "jpg"),
    "a.jpg.part": (Kind.NO_IMAGE, "a.jpg.part"),
}


@pytest.mark.parametrize("path", TAKEN)
def test_what_looks_like_a_photograph_is_taken(path: str) -> None:
    assert Sieve().of_path(path) == (Kind.IMAGE, path)


@pytest.mark.parametrize(("path", "verdict"), LEFT_OUT.items())
def test_what_machines_leave_beside_photographs_is_left_out_and_has_a_kind(
    path: str, verdict: tuple[Kind, str]
) -> None:
    assert Sieve().of_path(path) == verdict


@pytest.mark.parametrize("path", [*TAKEN, *LEFT_OUT])
def test_a_bare_name_at_first_sight_says_nothing_that_the_rule_does_not(path: str) -> None:
    name = path.rpartition("/")[2]

    assert not Sieve().is_plain_image(name) or Sieve().of_file(name) is Kind.IMAGE


@pytest.mark.parametrize("path", LEFT_OUT)
def test_a_sign_of_exclamation_takes_the_default_back(path: str) -> None:
    all_of_it = Sieve(exclude=["!*"]).of_path(path)[0]

    assert all_of_it is (Kind.IMAGE if path.lower().endswith(IMAGE_SUFFIXES) else Kind.NO_IMAGE)


def test_one_name_of_the_default_can_be_taken_back_alone() -> None:
    sieve = Sieve(exclude=["!.old", "!x/@eaDir/"])

    assert sieve.of_path(".old/a.jpg")[0] is Kind.IMAGE
    assert sieve.of_path(".old/.a.jpg")[0] is Kind.HIDDEN
    assert sieve.of_path("x/@eaDir/a.jpg")[0] is Kind.IMAGE
    assert sieve.of_path("y/@eaDir/a.jpg")[0] is Kind.EXCLUDED


EXCLUDE = [
    ("archive", "archive/a.jpg", "archive"),
    ("archive", "x/archive/y/a.jpg", "x/archive"),
    ("archive", "archive.jpg", None),
    ("archive/", "archive/a.jpg", "archive"),
    ("/archive", "archive/a.jpg", "archive"),
    ("/archive", "x/archive/a.jpg", None),
    ("./archive", "archive/a.jpg", "archive"),
    ("ARCHIVE", "archive/a.jpg", "archive"),
    ("*_small.jpg", "x/a_small.JPG", "x/a_small.JPG"),
    ("*_small.jpg", "a_large.jpg", None),
    ("gate1/*", "gate1/a.jpg", "gate1/a.jpg"),
    ("gate1/*", "gate1/day/a.jpg", "gate1/day"),
    ("gate1/*.png", "gate1/day/a.png", "gate1/day/a.png"),
    ("gate1/*", "gate11/a.jpg", None),
    ("*/thumbs/*", "a/b/thumbs/x.jpg", "a/b/thumbs/x.jpg"),
    ("**/thumbs", "thumbs/x.jpg", "thumbs"),
    ("**/thumbs", "a/b/thumbs/x.jpg", "a/b/thumbs"),
    ("a/**/b", "a/b/x.jpg", "a/b"),
    ("a/**", "a/x.jpg", "a/x.jpg"),
    ("b/", "b", None),
    ("gate?", "gate7/a.jpg", "gate7"),
    ("gate[12]", "gate2/a.jpg", "gate2"),
    ("gate[!12]", "gate2/a.jpg", None),
    ("gate[!12]", "gate3/a.jpg", "gate3"),
    ("[z-a].jpg", "[z-a].jpg", "[z-a].jpg"),
    ("[[]1].jpg", "[1].jpg", "[1].jpg"),
    ("[a^].jpg", "^.jpg", "^.jpg"),
    ("[.jpg", "[.jpg", "[.jpg"),
    ("a(1).jpg", "a(1).jpg", "a(1).jpg"),
    ("*.jpg", "line\nbreak.jpg", "line\nbreak.jpg"),
    ("/", "a.jpg", None),
]


@pytest.mark.parametrize(("pattern", "path", "by"), EXCLUDE)
def test_a_pattern_without_a_slash_is_a_name_and_one_with_a_slash_is_a_path(
    pattern: str, path: str, by: str | None
) -> None:
    kind, decided = Sieve(exclude=[pattern]).of_path(path)

    assert (kind is Kind.EXCLUDED, decided) == (by is not None, by or path)


INCLUDE = [
    ("gate1", "gate1/day/a.jpg", True),
    ("gate1", "gate2/a.jpg", False),
    ("gate1/", "gate1", False),
    ("*.jpg", "x/A.JPG", True),
    ("*.jpg", "x/a.png", False),
    ("2026-03-*/*", "2026-03-01/gate/a.jpg", True),
    ("x/gate1/", "x/gate1/day/a.jpg", True),
]


@pytest.mark.parametrize(("pattern", "path", "taken"), INCLUDE)
def test_what_include_names_is_meant_and_what_is_in_a_folder_that_it_names(
    pattern: str, path: str, *, taken: bool
) -> None:
    kind = Sieve(include=[pattern]).of_path(path)[0]

    assert (kind is Kind.IMAGE) is taken


def test_exclude_counts_more_than_include_and_the_default_counts_with_both() -> None:
    sieve = Sieve(include=["gate1"], exclude=["*_small.jpg"])

    assert [sieve.of_path(f"gate1/{name}")[0] for name in ("a.jpg", "a_small.jpg", ".a.jpg", "a.txt")] == [
        Kind.IMAGE,
        Kind.EXCLUDED,
        Kind.HIDDEN,
        Kind.NO_IMAGE,
    ]


def test_an_accent_is_the_same_however_a_disk_spells_it() -> None:
    one, two = (unicodedata.normalize(form, "Müll") for form in ("NFC", "NFD"))

    assert one != two
    assert Sieve(exclude=[one]).of_path(f"{two}/a.jpg")[0] is Sieve(exclude=[two]).of_path(f"{one}/a.jpg")[0]
    assert Sieve(exclude=[one]).of_path(f"{two}/a.jpg")[0] is Kind.EXCLUDED


def test_patterns_of_nothing_name_nothing() -> None:
    assert not Filter(["", "/", "./"])
    assert not Sieve().of_folder("any")


def test_every_name_of_the_default_is_left_out() -> None:
    names = [pattern.replace("?", "x").replace("*", "y") for pattern in DEFAULT_EXCLUDE]

    assert [Sieve().of_folder(name) is None for name in names] == [False] * len(names)


GLOB = [
    ("*.jpg", {"a.jpg": True, "a.JPG": False, "x/a.jpg": False}, {"x": False}),
    ("*/*.jpg", {"a.jpg": False, "x/a.jpg": True, "x/y/a.jpg": False}, {"x": True, "x/y": False}),
    ("**/*.jpg", {"a.jpg": True, "x/y/a.jpg": True}, {"x": True, "x/y": True}),
    ("2026-*/**", {"2026-1/a.jpg": True, "2025-1/a.jpg": False}, {"2026-1": True, "2025-1": False, "2026-1/x": True}),
    ("x/**/y/*.jpg", {"x/y/a.jpg": True, "x/z/y/a.jpg": True, "x/a.jpg": False}, {"x": True, "y": False}),
    ("[ab].*", {"a.jpg": True, "c.jpg": False}, {}),
    ("**.jpg", {"a.jpg": True, "x/a.jpg": False}, {}),
]


@pytest.mark.parametrize(("pattern", "files", "folders"), GLOB)
def test_a_glob_walks_down_part_by_part(pattern: str, files: dict[str, bool], folders: dict[str, bool]) -> None:
    glob = Glob(pattern)

    assert {path: bool(glob.matches(path)) for path in files} == files
    assert {path: glob.enters(path) for path in folders} == folders


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/yard/*.jpg", ("/yard", "*.jpg")),
        ("/yard/a/**/b?.jpg", ("/yard/a", "**/b?.jpg")),
        ("/*.jpg", ("/", "*.jpg")),
        ("bucket/day-[12]/a.jpg", ("bucket", "day-[12]/a.jpg")),
        ("bucket*/a.jpg", ("", "bucket*/a.jpg")),
        ("/yard [[]1]/*.jpg", ("/yard [1]", "*.jpg")),
        ("/a[*]b/c[?]/day-[12]/*.jpg", ("/a*b/c?", "day-[12]/*.jpg")),
        ("/yard [1]/*.jpg", ("/", "yard [1]/*.jpg")),
        ("/yard [[1]/*.jpg", ("/", "yard [[1]/*.jpg")),
    ],
)
def test_a_glob_has_a_fixed_folder(path: str, parts: tuple[str, str]) -> None:
    assert cut_glob(path) == parts


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a/part-0.parquet", None),
        ("a/.part-0.parquet", (Kind.HIDDEN, "a/.part-0.parquet")),
        ("b/part-0.parquet", (Kind.NOT_INCLUDED, "b/part-0.parquet")),
        ("a/old/part-0.parquet", (Kind.EXCLUDED, "a/old")),
    ],
)
def test_a_table_in_a_folder_is_left_out_by_the_rules_for_images_but_for_its_ending(
    path: str, why: tuple[Kind, str] | None
) -> None:
    assert Sieve(include=["a"], exclude=["old"]).why_not(path) == why
