"""What kind of image some bytes are, and whether they surely stop in the middle.

Sending what cannot be an image would cost a call, and refusing what is one would lose a read: so a format is known by
its first bytes, and only what is certainly cut off is called so. This file must not know where the bytes came from.
"""

from __future__ import annotations

from enum import StrEnum

from airflow_provider_platerec_ocr.engine.images.cut import (
    bmp_is_cut,
    gif_is_cut,
    heif_is_cut,
    jpeg_is_cut,
    png_is_cut,
    tiff_is_cut,
    webp_is_cut,
)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


class ImageFormat(StrEnum):
    """Formats that are sent; the value is the extension that an upload gets."""

    JPEG = "jpg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    BMP = "bmp"
    TIFF = "tif"
    HEIC = "heic"
    AVIF = "avif"


KNOWN_FORMATS = ", ".join(each.name for each in ImageFormat)
"""For messages."""


def image_format(content: bytes) -> ImageFormat | None:
    """Return the format that the first bytes tell, or ``None`` where they are of no known image format."""
    head = content[:32]
    for signature, found in (
        (b"\xff\xd8\xff", ImageFormat.JPEG),
        (_PNG_SIGNATURE, ImageFormat.PNG),
        (b"GIF87a", ImageFormat.GIF),
        (b"GIF89a", ImageFormat.GIF),
        (b"II*\x00", ImageFormat.TIFF),
        (b"MM\x00*", ImageFormat.TIFF),
        (b"II+\x00", ImageFormat.TIFF),
        (b"MM\x00+", ImageFormat.TIFF),
    ):
        if head.startswith(signature):
            return found
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return ImageFormat.BMP  # "BM" alone would also be a text that begins with it
    return _boxed(head)


def _boxed(head: bytes) -> ImageFormat | None:
    """Return HEIC or AVIF by the major brand of the ISO base media ``ftyp`` box."""
    if head[4:8] != b"ftyp":
        return None
    if head[8:12] in _AVIF_BRANDS:
        return ImageFormat.AVIF
    return ImageFormat.HEIC if head[8:12] in _HEIF_BRANDS else None


def is_truncated(content: bytes) -> bool:
    """Return whether the image surely stops in the middle: part of its first picture's pixels is not there.

    Bytes after the end are fine (cameras pad, phones append videos), an end marker that is missing is, and so is
    anything that is not understood: the API knows more formats than this file.
    """
    found = image_format(content)
    return found is not None and _IS_CUT[found](content)


_IS_CUT = {
    ImageFormat.JPEG: jpeg_is_cut,
    ImageFormat.PNG: png_is_cut,
    ImageFormat.WEBP: webp_is_cut,
    ImageFormat.GIF: gif_is_cut,
    ImageFormat.BMP: bmp_is_cut,
    ImageFormat.TIFF: tiff_is_cut,
    ImageFormat.HEIC: heif_is_cut,
    ImageFormat.AVIF: heif_is_cut,
}
