"""Settings: what is unknown or invalid is told, and what is secret is not."""

from __future__ import annotations

import pytest

from allocation.settings import PREFIX, Settings, SettingsError, described, read_settings


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    """Set a setting, and answer what is shown of it."""
    monkeypatch.setenv(PREFIX + name, value)
    (row,) = (row for row in described(read_settings()) if row["name"] == PREFIX + name)
    return str(row["value"])


def test_everything_has_a_default() -> None:
    settings = read_settings({})
    assert (settings.grpc_port, settings.data_folder) == (50051, "./allocation-data")


def test_a_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOCATION_GRPC_PORT", "1234")
    assert read_settings().grpc_port == 1234


def test_a_setting_is_read_from_the_environment_that_is_given() -> None:
    assert read_settings({"ALLOCATION_GRPC_PORT": "1234"}).grpc_port == 1234


def test_what_others_set_is_none_of_our_business() -> None:
    read_settings({"PATH": "/bin", "ALLOCATIONS_TOTAL": "7"})


def test_a_misspelt_setting_is_refused_with_what_was_meant() -> None:
    with pytest.raises(SettingsError, match=r"^unknown setting ALLOCATION_GRCP_PORT: did you mean ALLOCATION_GRPC_PORT\?$"):
        read_settings({"ALLOCATION_GRCP_PORT": "1234"})


def test_a_setting_like_no_other_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^unknown setting ALLOCATION_COLOUR: `allocation settings` lists them all$"):
        read_settings({"ALLOCATION_COLOUR": "red"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GRPC_PORT", "70000", "input should be less than or equal to 65535"),
        ("GRPC_PORT", "fifty", "input should be a valid integer, unable to parse string as an integer"),
        ("GROUP_COMMANDS_MAX", "0", "input should be greater than or equal to 1"),
        ("POLL_SECONDS", "0", "input should be greater than 0"),
        ("STREAM_REPLICAS", "2", "input should be 1, 3 or 5"),
        ("INBOUND_STREAM", "NO.DOTS", "string should match pattern '^[A-Za-z0-9_-]{1,128}$'"),
        ("EVENT_SOURCE", "/stock/größe 100%", "must be a URI reference of 1 to 256 characters, percent-encoded where needed"),
        ("EVENT_SOURCE", "/stock/100%", "must be a URI reference of 1 to 256 characters, percent-encoded where needed"),
        ("EVENT_SOURCE", "", "must be a URI reference of 1 to 256 characters, percent-encoded where needed"),
        ("PUBLISH_EVENTS_MAX", "1001", "input should be less than or equal to 1000"),
        ("LOG_LEVEL", "loud", "input should be 'debug', 'info', 'warning' or 'error'"),
        ("GRPC_HOST", "", "string should have at least 1 character"),
    ],
)
def test_an_invalid_value_is_refused_with_what_would_do(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert str(caught.value) == f"{PREFIX}{name}={value!r}: {said}"


def test_what_is_consumed_and_what_is_published_cannot_be_one_stream() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"ALLOCATION_INBOUND_STREAM": "COMPANY", "ALLOCATION_EVENT_STREAM": "COMPANY"})
    assert str(caught.value) == (
        "ALLOCATION_INBOUND_STREAM and ALLOCATION_EVENT_STREAM are both 'COMPANY': what is consumed and what is published are "
        "held by two streams, for a full one of the first must refuse, one of the second must forget; give them two names"
    )


CERTIFICATE, KEY, CLIENT_CA = (f"ALLOCATION_GRPC_{name}_FILE" for name in ("CERTIFICATE", "KEY", "CLIENT_CA"))


@pytest.mark.parametrize(("given", "missing"), [(CERTIFICATE, KEY), (KEY, CERTIFICATE)])
def test_a_certificate_and_its_key_are_set_together(given: str, missing: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({given: "one.pem"})
    assert str(caught.value) == f"{given} is set and {missing} is not: set both, or neither for gRPC without TLS"
    assert read_settings({given: "one.pem", missing: "two.pem"}).grpc_certificate_file


def test_clients_cannot_show_certificates_without_tls() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({CLIENT_CA: "clients.pem"})
    assert str(caught.value) == (
        f"{CLIENT_CA} is set, but clients show certificates over TLS only: set {CERTIFICATE} and {KEY} too"
    )


def test_every_setting_has_its_unit_and_a_meaning() -> None:
    rows = list(described(read_settings({})))
    assert len(rows) == len(Settings.model_fields)
    for row in rows:
        assert row["unit"], row["name"]
        assert row["meaning"], row["name"]
        assert not str(row["name"]).endswith("_SECONDS") or row["unit"] == "seconds"
        assert not str(row["name"]).endswith("_BYTES_MAX") or row["unit"] == "bytes"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("postgresql://clerk:s3cret@db/stock", "postgresql://clerk:***@db/stock"),
        ("postgresql://clerk@db/stock", "postgresql://***@db/stock"),
        ("sqlite:///stock.sqlite3", "sqlite:///stock.sqlite3"),
    ],
)
def test_the_password_of_the_database_is_hidden(monkeypatch: pytest.MonkeyPatch, value: str, text: str) -> None:
    assert shown(monkeypatch, "DATABASE_URL", value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("nats://a.example:4222, nats://b.example:4222", "nats://a.example:4222,nats://b.example:4222"),
        ("nats://clerk:s3cret@a:4222,nats://clerk:s3cret@b:4222", "nats://clerk:***@a:4222,nats://clerk:***@b:4222"),
        ("nats://t0ken@a:4222", "nats://***@a:4222"),
        ("clerk:s3cret@a:4222", "clerk:***@a:4222"),
        ("nats://a:4222,clerk:s3cret@b:4222", "nats://a:4222,clerk:***@b:4222"),
        ("t0ken@a:4222", "***@a:4222"),
    ],
)
def test_passwords_and_tokens_of_the_broker_are_hidden(monkeypatch: pytest.MonkeyPatch, value: str, text: str) -> None:
    assert shown(monkeypatch, "NATS_URLS", value) == text


def test_a_password_in_the_query_of_a_url_is_hidden_too(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, "DATABASE_URL", "postgresql://db/stock?user=clerk&password=s3cret")
    assert "s3cret" not in text
