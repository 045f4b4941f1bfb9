"""Fetches an ``upload_url``, as the API does, with limits; what cannot be fetched is the caller's 400."""

from __future__ import annotations

import aiohttp

from airflow_provider_platerec_ocr.sandbox.state import replies

_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
_CHUNK_BYTES = 65_536


async def fetch(url: str, limit_bytes: int) -> bytes:
    """Fetch an image.

    :raises replies.Refusal: 400 naming ``upload_url`` when it cannot be fetched, 413 when it is over the limit.
    """
    data = bytearray()
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url) as response:
            response.raise_for_status()
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                data += chunk
                if len(data) > limit_bytes:
                    raise replies.Refusal(replies.too_large(limit_bytes))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        text = f"The file could not be downloaded ({type(error).__name__})."
        raise replies.Refusal(replies.bad_fields({"upload_url": [text]})) from error
    return bytes(data)
