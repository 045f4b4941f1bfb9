"""A cheap look at bytes: whether they are a whole image, judged by magic number and end marker alone.

Stands in for a decoder where none may be loaded (deterministic answers under load). Pure.
"""

from __future__ import annotations

_TAIL = 32
_PADDING = 8


def _whole_jpeg(data: bytes) -> bool:
    is_padded = len(data) - len(data.rstrip(data[-1:])) >= _PADDING  # which a decoder takes for pixels, in a scan
    return (is_padded and b"\xff\xda" in data) or b"\xff\xd9" in data[-_TAIL:]


def _whole_png(data: bytes) -> bool:
    return b"IEND" in data[-_TAIL:]


def _whole_webp(data: bytes) -> bool:
    return data[8:12] == b"WEBP" and int.from_bytes(data[4:8], "little") + 8 <= len(data)


def _whole_bmp(data: bytes) -> bool:
    return int.from_bytes(data[2:6], "little") <= len(data)


def _whole_tiff(data: bytes) -> bool:
    return int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big") < len(data)


_FORMATS = (
    (b"\xff\xd8\xff", _whole_jpeg),
    (b"\x89PNG\r\n\x1a\n", _whole_png),
    (b"RIFF", _whole_webp),
    (b"BM", _whole_bmp),
    (b"II*\x00", _whole_tiff),
    (b"MM\x00*", _whole_tiff),
)


def is_whole_image(data: bytes) -> bool:
    """Tell whether the bytes begin as JPEG, PNG, WebP, BMP or TIFF and do not end too early."""
    return any(data.startswith(magic) and is_whole(data) for magic, is_whole in _FORMATS)
