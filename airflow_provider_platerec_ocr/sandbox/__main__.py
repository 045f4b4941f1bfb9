"""Start the sandbox from the command line and stop it cleanly on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.sandbox.api.server import serve
from airflow_provider_platerec_ocr.sandbox.state.options import options_from

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.sandbox.state.options import Options


def _say_ready(url: str) -> None:
    sys.stdout.write(f"sandbox listening on {url}\n")
    sys.stdout.flush()


async def _run(options: Options) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await serve(options, _say_ready, stopping)


def main(arguments: list[str] | None = None) -> int:
    """Run until stopped; 0 after a clean stop, 1 with one line on standard error when it cannot start."""
    options = options_from(arguments)
    try:
        asyncio.run(_run(options))
    except ImportError as error:
        hint = "install airflow-provider-platerec-ocr[sandbox] or use --reader deterministic"
        sys.stderr.write(f"sandbox: cannot start: {error}; {hint}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"sandbox: cannot start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
