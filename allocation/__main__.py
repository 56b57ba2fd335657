"""The command line. Heavy modules are imported by the commands that need them, so that help is fast."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from allocation.commands import consumer, doctor, outbox, parked, verify
from allocation.commands.reading_settings import give_up, settings_of_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from allocation.settings import Settings

app = typer.Typer(
    name="allocation",
    help="Allocates order lines to batches of stock. Settings are environment variables: see `allocation settings`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Adopt = Annotated[
    bool, typer.Option("--adopt", help="Use streams and consumers that exist with settings that matter otherwise.")
]
app.add_typer(parked.app)
app.add_typer(outbox.app)
app.add_typer(consumer.app)
app.command()(doctor.doctor)
app.command()(verify.verify)


@app.command()
def dev(*, adopt: Adopt = False) -> None:
    """Run the service with a broker of its own, everything in one data folder."""
    from allocation.bootstrap import run_dev  # noqa: PLC0415 - keeps help fast

    settings = settings_of_environment()
    _serve(settings, lambda announce: run_dev(settings, announce, adopt=adopt), _dev_lines(settings))


@app.command()
def serve(*, adopt: Adopt = False) -> None:
    """Run the service on the database and the brokers of the settings."""
    from allocation.bootstrap import run_serve  # noqa: PLC0415 - keeps help fast

    settings = settings_of_environment()
    lines = [f"gRPC on {settings.grpc_host}:{settings.grpc_port}{_with_tls(settings)}, NATS by ALLOCATION_NATS_URLS."]
    _serve(settings, lambda announce: run_serve(settings, announce, adopt=adopt), lines)


@app.command()
def settings(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every setting with its value, default and unit; secrets are hidden."""
    from allocation.settings import described  # noqa: PLC0415 - keeps help fast

    rows = list(described(settings_of_environment()))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        changed = "" if row["value"] == row["default"] else f"  (default {row['default']!r})"
        typer.echo(f"{row['name']}={row['value']}  [{row['unit']}]{changed}\n    {row['meaning']}")


def main() -> None:
    """Run the command line."""
    app()


def _serve(settings: Settings, service: Callable[[Callable[[], None]], Coroutine[Any, Any, None]], lines: list[str]) -> None:
    from allocation.adapters.jetstream.errors import BrokerTooOldError  # noqa: PLC0415 - keeps help fast
    from allocation.adapters.startup_error import StartupError  # noqa: PLC0415 - keeps help fast
    from allocation.entrypoints.address import AddressInUseError  # noqa: PLC0415 - keeps help fast
    from allocation.entrypoints.grpc_certificates import CertificateError  # noqa: PLC0415 - keeps help fast
    from allocation.logs import configure_logs  # noqa: PLC0415 - keeps help fast
    from allocation.service_layer.streams import StreamMismatchError  # noqa: PLC0415 - keeps help fast

    configure_logs(settings.log_level, settings.log_format)
    try:
        asyncio.run(service(lambda: typer.echo("\n".join(lines))))
    except (StartupError, AddressInUseError, CertificateError, BrokerTooOldError, StreamMismatchError) as error:
        give_up(error)
    typer.echo("Stopped.")


def _dev_lines(settings: Settings) -> list[str]:
    from pathlib import Path  # noqa: PLC0415 - keeps help fast

    folder = Path(settings.data_folder).resolve()
    grpc = f"{settings.grpc_host}:{settings.grpc_port}"
    return [
        "The allocation service is running.",
        f"  gRPC      {grpc}{_with_tls(settings)}  (reflection and health included)",
        f"  NATS      nats://127.0.0.1:{settings.nats_port}  (JetStream)",
        f"  data      {folder}  (kept: the next start finds it again)",
        "  stop      Ctrl-C",
        "Try this in another terminal:",
        f"  {Path(sys.executable).parent}/buf curl {_curl_options(settings)} \\",
        """    --data '{"batchReference": "batch-001", "sku": "SMALL-TABLE", "purchasedQuantity": 20}' \\""",
        f"    {'https' if settings.grpc_certificate_file else 'http'}://{grpc}/stock.allocation.v1.AllocationService/CreateBatch",
    ]


def _with_tls(settings: Settings) -> str:
    if settings.grpc_client_ca_file:
        return " with TLS, for clients that show a certificate"
    return " with TLS" if settings.grpc_certificate_file else ""


def _curl_options(settings: Settings) -> str:
    from pathlib import Path  # noqa: PLC0415 - keeps help fast

    if not settings.grpc_certificate_file:
        return "--http2-prior-knowledge --protocol grpc"
    # Whoever signed it, the certificate itself is enough to trust it.
    trusted = shlex.quote(str(Path(settings.grpc_certificate_file).absolute()))
    client = " --cert client.pem --key client-key.pem" if settings.grpc_client_ca_file else ""
    return f"--protocol grpc --cacert {trusted}{client}"


if __name__ == "__main__":
    main()
