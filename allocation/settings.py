"""Every setting, read once from the environment; no other module looks there."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "ALLOCATION_"


class SettingsError(Exception):
    """A setting is unknown or has a value that it cannot have; one line that says what to do."""


def _unit(unit: str) -> dict[str, str]:
    return {"unit": unit}


def _checked_reference(value: str) -> str:
    if not re.fullmatch(r"([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}){1,256}", value):
        raise PydanticCustomError(
            "uri_reference", "must be a URI reference of 1 to 256 characters, percent-encoded where needed"
        )
    return value


Port = Annotated[int, Field(ge=1, le=65_535, json_schema_extra=_unit("port"))]
Count = Annotated[int, Field(ge=1, json_schema_extra=_unit("count"))]
Seconds = Annotated[float, Field(gt=0, le=86_400, json_schema_extra=_unit("seconds"))]
Age = Annotated[float, Field(ge=1, le=100 * 365 * 86_400, json_schema_extra=_unit("seconds"))]
Bytes = Annotated[int, Field(ge=1 << 20, json_schema_extra=_unit("bytes"))]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$", json_schema_extra=_unit("name"))]
Path = Annotated[str, Field(json_schema_extra=_unit("path"))]
Url = Annotated[str, Field(json_schema_extra=_unit("URL"))]
UriReference = Annotated[str, AfterValidator(_checked_reference), Field(json_schema_extra=_unit("URI reference"))]
# A Literal takes no text for a number, and the environment has nothing but text.
Replicas = Annotated[
    Literal[1, 3, 5],
    BeforeValidator(lambda value: int(value) if str(value).isdecimal() else value),
    Field(json_schema_extra=_unit("count")),
]
Address = Annotated[str, Field(min_length=1, json_schema_extra=_unit("address"))]


class Settings(BaseModel):
    """Environment variables of the prefix ALLOCATION_; durations in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_folder: Path = Field("./allocation-data", description="where everything is kept that the service writes")
    database_url: Url = Field("", description="of `serve`; empty: SQLite in the data folder")
    nats_urls: Url = Field("nats://127.0.0.1:4222", description="of `serve`; several are separated by commas")
    nats_credentials_file: Path = Field("", description="of `serve`: a NATS user's credentials; empty: none")
    nats_port: Port = Field(4222, description="of the broker that `dev` runs, on 127.0.0.1")
    grpc_host: Address = Field("127.0.0.1", description="the address that gRPC listens on")
    grpc_port: Port = Field(50051, description="the port that gRPC listens on")
    grpc_certificate_file: Path = Field("", description="PEM: the certificate that gRPC shows, and its chain; empty: no TLS")
    grpc_key_file: Path = Field("", description="PEM: the private key of that certificate")
    grpc_client_ca_file: Path = Field("", description="PEM: who signs the certificates that clients must show; empty: none")
    admin_port: Port = Field(50052, description="the port that operators' tools find the service at, on 127.0.0.1")
    event_source: UriReference = Field("/stock/allocation", description="the ce-source of every event")
    inbound_stream: Name = Field("ALLOCATION_INBOUND", description="the stream that is consumed")
    inbound_consumer: Name = Field("allocation", description="its durable consumer")
    event_stream: Name = Field("ALLOCATION_EVENTS", description="the stream that events are published to")
    stream_replicas: Replicas = Field(1, description="of streams created here: 1, on a cluster 3 or 5")
    inbound_stream_bytes_max: Bytes = Field(1 << 30, description="of the inbound stream; a full one refuses its publishers")
    event_stream_bytes_max: Bytes = Field(4 << 30, description="of the event stream; a full one drops its oldest events")
    group_commands_max: Count = Field(256, description="commands that share one transaction")
    waiting_commands_max: Count = Field(10_000, description="commands that wait; more are refused with RESOURCE_EXHAUSTED")
    promises_per_transaction_max: Count = Field(1_000, description="lines that one change moves in one transaction")
    fetch_messages_max: Count = Field(256, description="inbound messages that are fetched at once")
    deliveries_max: Count = Field(40, description="deliveries after which a message is parked unseen")
    unknown_wait_seconds: Seconds = Field(30.0, description="how long a quantity waits for its batch to be created")
    publish_events_max: Annotated[int, Field(ge=1, le=1_000, json_schema_extra=_unit("count"))] = Field(
        500, description="events that are published at once"
    )
    poll_seconds: Seconds = Field(5.0, description="how often the outbox is looked at without being woken")
    read_seconds_max: Seconds = Field(5.0, description="how long a query may take")
    shutdown_seconds: Seconds = Field(10.0, description="how long a shutdown waits for calls, and for events to go out")
    inbox_retention_seconds: Age = Field(
        45 * 86_400.0, description="how old a consumed message becomes before it is forgotten, once its stream has it no more"
    )
    log_retention_seconds: Age = Field(
        90 * 86_400.0, description="how old an event becomes before it is forgotten, if it is no line's and no batch's history"
    )
    parked_retention_seconds: Age = Field(
        90 * 86_400.0, description="how long a parked message that was replayed or discarded is kept; one that waits always is"
    )
    retention_interval_seconds: Seconds = Field(300.0, description="how often old rows are looked for")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(json_schema_extra=_unit("word"))] = Field(
        "info", description="what is logged, to standard error"
    )
    log_format: Annotated[Literal["auto", "text", "json"], Field(json_schema_extra=_unit("word"))] = Field(
        "auto", description="auto: text on a terminal, else json"
    )


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: naming what is unknown or invalid, its value, and what would do.

    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            hint = f"did you mean {near[0]}?" if near else "`allocation settings` lists them all"
            raise SettingsError(f"unknown setting {name}: {hint}")
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name in known}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise SettingsError(f"{name}={str(first['input'])!r}: {first['msg'][0].lower()}{first['msg'][1:]}") from None
    _check_streams(settings)
    _check_certificates(settings)
    return settings


def _check_streams(settings: Settings) -> None:
    if settings.inbound_stream == settings.event_stream:
        raise SettingsError(
            f"{PREFIX}INBOUND_STREAM and {PREFIX}EVENT_STREAM are both {settings.inbound_stream!r}: what is consumed and what "
            "is published are held by two streams, for a full one of the first must refuse, one of the second must forget; "
            "give them two names"
        )


def _check_certificates(settings: Settings) -> None:
    certificate, key = PREFIX + "GRPC_CERTIFICATE_FILE", PREFIX + "GRPC_KEY_FILE"
    if bool(settings.grpc_certificate_file) != bool(settings.grpc_key_file):
        given, missing = (certificate, key) if settings.grpc_certificate_file else (key, certificate)
        raise SettingsError(f"{given} is set and {missing} is not: set both, or neither for gRPC without TLS")
    if settings.grpc_client_ca_file and not settings.grpc_certificate_file:
        raise SettingsError(
            f"{PREFIX}GRPC_CLIENT_CA_FILE is set, but clients show certificates over TLS only: set {certificate} and {key} too"
        )


def described(settings: Settings) -> Iterator[dict[str, Any]]:
    """Describe every setting: name, value, default, unit and meaning; passwords in URLs are hidden."""
    for name, field in Settings.model_fields.items():
        unit = field.json_schema_extra["unit"] if isinstance(field.json_schema_extra, dict) else ""
        value = getattr(settings, name)
        yield {
            "name": PREFIX + name.upper(),
            "value": _without_passwords(value) if unit == "URL" else value,
            "default": field.default,
            "unit": unit,
            "meaning": field.description,
        }


def _without_passwords(urls: str) -> str:
    return ",".join(_without_password(url) for url in re.split(r",\s*", urls))


def _without_password(url: str) -> str:
    scheme, separator, rest = url.rpartition("://")
    place, question, query = rest.partition("?")
    credentials, at, host = place.rpartition("@")
    if at and not place.startswith("/"):
        user, colon, _ = credentials.partition(":")
        # A NATS token stands where a user would, without a password: it is as secret.
        place = f"{user}:***@{host}" if colon else f"***@{host}"
    query = re.sub(r"(?i)((?:^|&)[^=&]*(?:password|secret|token)[^=&]*=)[^&]*", r"\1***", query)
    return f"{scheme}{separator}{place}{question}{query}"
