"""The demo's two commands: ``run`` (make demo) and ``up`` (make up)."""

from __future__ import annotations

import json
import secrets
import signal
import sys
import time

from airflow_provider_platerec_ocr.demo import processes, summary, web
from airflow_provider_platerec_ocr.demo.home import TOKEN, DemoError, DemoHome

DAG_ID = "nightly_ocr_batch"
INGEST_DAG_ID = "webhook_ingest"
UP = """
Ready.
  Airflow   {web_url} (no login). Trigger nightly_ocr_batch.
  Sandbox   {url} (its books: {url}/_sandbox/books). It sends each answer to Airflow as a webhook.
  A phone's call, which webhook_ingest turns into a row within a minute:
    curl -F upload=@{samples}/vin_plate_01.jpg -F type=vin -H 'Authorization: Token {token}' {url}/v1/ocr/reader/
Ctrl-C stops it all."""
"""What a person can do once all is up."""


def say(text: str) -> None:
    """Print at once, so that a person sees that something happens."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _database(home: DemoHome, environment: dict[str, str]) -> None:
    if not (home.airflow / "airflow.db").exists():
        say("Making Airflow's database ...")
        processes.airflow(home, environment, "db", "migrate", log="migrate")


def run(home: DemoHome) -> None:
    """Run the nightly DAG over the sample images, in four shards, and show what came of it."""
    home.root.mkdir(exist_ok=True)
    started_at = time.time()
    say("Starting the sandbox, a local OCR API that really reads images ...")
    with processes.sandbox(home) as url:
        environment = home.environment(url)
        _database(home, environment)
        say(f"Running the DAG {DAG_ID} over {home.samples.relative_to(home.clone)} with real Airflow ...")
        conf = {
            "manifest": str(home.samples / "manifest.csv"),
            "dataset": str(home.dataset),
            "images_per_shard": 6,
        }
        processes.airflow(home, environment, "dags", "test", DAG_ID, "--conf", json.dumps(conf), log="dag")
        books = processes.books(url)
    lines = summary.compare(home)
    say("\n" + summary.table(lines))
    say(summary.HOW_SURE)
    summary.accuracy(home)
    say(summary.closing(home, lines, books, summary.planned(home, since=started_at)))
    say(f"It took {time.time() - started_at:.0f} s; Airflow's log is {home.log('dag').relative_to(home.clone)}.")


def up(home: DemoHome) -> None:
    """Start everything, webhooks too, and leave it running until Ctrl-C."""
    home.root.mkdir(exist_ok=True)
    secret, port = secrets.token_urlsafe(32), home.web_port()
    web_url = f"http://localhost:{port}"
    say("Starting the sandbox ...")
    with processes.sandbox(home) as url:
        environment = home.environment(url, web_port=port, webhook_secret=secret)
        _database(home, environment)
        web.send_webhooks(url, f"http://127.0.0.1:{port}/platerec_ocr/webhook/{secret}")
        say(f"Starting Airflow at {web_url}; this takes about a minute ...")
        with processes.standalone(home, environment) as airflow:
            try:
                web.unpause(web_url, INGEST_DAG_ID, airflow, home)
                say(UP.format(web_url=web_url, url=url, token=TOKEN, samples=home.samples.relative_to(home.clone)))
                airflow.wait()
            except KeyboardInterrupt:
                say("Stopping ...")


def _listen() -> None:
    """Have Ctrl-C, ``kill`` and a closed terminal end everything.

    A shell that starts this in the background has SIGINT ignored, which is no wish of anybody's; SIGHUP is ignored
    where somebody wrote ``nohup``, which is one.
    """
    endings = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        endings.append(signal.SIGHUP)

    def stop(*_: object) -> None:
        for each in endings:
            signal.signal(each, signal.SIG_IGN)  # the second one would leave half of it running
        raise KeyboardInterrupt

    for each in endings:
        signal.signal(each, stop)


def main() -> int:
    """Run the command that was asked for."""
    commands = {"run": run, "up": up}
    name = sys.argv[1] if len(sys.argv) > 1 else "run"
    if name not in commands:
        say("usage: python -m airflow_provider_platerec_ocr.demo [run|up]")
        return 2
    _listen()
    try:
        commands[name](DemoHome.find())
    except DemoError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
