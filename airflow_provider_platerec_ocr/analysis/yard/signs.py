"""Where a container's size and type were read: behind its number, or by themselves on an image of one container."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.analysis.rules.containers import size_type
from airflow_provider_platerec_ocr.analysis.yard.containers import container
from airflow_provider_platerec_ocr.core.identifiers import size_behind

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTAINER_SIGNS = 11
"""Characters of a container's number."""
ALONE = "^[1-4A-HK-NP][0-9C-FL-NP][A-Z][0-9A-Z]$"
"""What a sign for size and type looks like that stands by itself; four digits are as well a fleet's own number."""
_is_sign = re.compile(ALONE).match


def signs(images: Sequence[str | None], reads: Sequence[str | None], codes: Sequence[str | None]) -> list[str | None]:
    """Return for each code the sign for size and type that was read with it.

    It stands behind the number, or is a code by itself on the same image: the only such one, beside one container.

    :param images: the image of each code. :param reads: each as it was read. :param codes: each as it is kept.
    """
    found = [
        size_behind(read) if read and code and len(read) > CONTAINER_SIGNS and read != code else None
        for read, code in zip(reads, codes, strict=True)
    ]
    alone: dict[str, set[str]] = defaultdict(set)
    for image, code in zip(images, codes, strict=True):
        if image and code and _is_sign(code) and size_type(code):
            alone[image].add(code)
    if not alone:
        return found
    beside: dict[str, set[str]] = defaultdict(set)
    for image, code in zip(images, codes, strict=True):
        if image in alone and code and container(code) is not None:
            beside[image].add(code)
    for at, (image, code) in enumerate(zip(images, codes, strict=True)):
        if image and found[at] is None and beside.get(image) == {code} and len(alone[image]) == 1:
            (found[at],) = alone[image]
    return found
