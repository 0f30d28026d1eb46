"""Settings: names, defaults, and what an invalid value says."""

import datetime as dt
import traceback
from pathlib import Path

import pytest

from polygon_assets.errors import InvalidInputError, MissingCredentialsError
from polygon_assets.settings import Settings, dagster_home, load_environment_file, load_settings, variable

CANARY = "canary-4f1c2b7e-never-to-be-seen"

NAMES = {
    "POLYGON_ACCESS_KEY_ID", "POLYGON_SECRET_ACCESS_KEY", "POLYGON_ENDPOINT_URL", "POLYGON_BUCKET",
    "POLYGON_OPTIONS_PREFIX", "POLYGON_STORE", "POLYGON_HISTORY_START", "POLYGON_MAX_CONCURRENT",
    "POLYGON_MAX_RETRIES", "POLYGON_TIMEOUT", "POLYGON_EXTRA_CLOSURES", "POLYGON_KEEP_RAW",
    "POLYGON_STORE_ENDPOINT_URL", "POLYGON_STORE_REGION", "POLYGON_STORE_ACCESS_KEY_ID",
    "POLYGON_STORE_SECRET_ACCESS_KEY",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)


def test_the_variables_names_do_not_move() -> None:
    assert {variable(field) for field in Settings.model_fields} >= NAMES


def test_the_platforms_defaults_are_the_live_buckets() -> None:
    settings = load_settings()
    assert settings.endpoint_url == "https://files.massive.com"
    assert settings.bucket == "flatfiles"
    assert settings.options_prefix == "us_options_opra"
    assert settings.store == "data"
    assert settings.history_start is None
    assert (settings.max_concurrent, settings.max_retries, settings.timeout) == (8, 5, 60)
    assert settings.extra_closures == ()
    assert settings.keep_raw is False


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_HISTORY_START", "2024-01-02")
    monkeypatch.setenv("POLYGON_EXTRA_CLOSURES", "2026-12-24, 2026-12-31")
    monkeypatch.setenv("POLYGON_KEEP_RAW", "true")
    settings = load_settings()
    assert settings.history_start == dt.date(2024, 1, 2)
    assert settings.extra_closures == (dt.date(2026, 12, 24), dt.date(2026, 12, 31))
    assert settings.keep_raw is True


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_BUCKET", "")
    monkeypatch.setenv("POLYGON_HISTORY_START", "")
    assert load_settings() == load_settings({})
    assert load_settings().bucket == "flatfiles"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLYGON_HISTORY_START", "20240102"),
        ("POLYGON_EXTRA_CLOSURES", "2024-02-30"),
        ("POLYGON_MAX_CONCURRENT", "0"),
        ("POLYGON_TIMEOUT", "soon"),
        ("POLYGON_KEEP_RAW", "perhaps"),
    ],
)
def test_an_invalid_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=name):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("POLYGON_MAX_CONCURRENT", "abc", "must be a whole number; got 'abc'"),
        ("POLYGON_MAX_CONCURRENT", "1.5", "must be a whole number; got '1.5'"),
        ("POLYGON_MAX_CONCURRENT", "0", "must be at least 1; got '0'"),
        ("POLYGON_MAX_CONCURRENT", "1000", "must be at most 256; got '1000'"),
        ("POLYGON_MAX_RATIO", "x", "must be a number; got 'x'"),
        ("POLYGON_MAX_RATIO", "1", "must be more than 1; got '1'"),
        ("POLYGON_KEEP_RAW", "perhaps", "must be true or false; got 'perhaps'"),
    ],
)
def test_wrong_numbers_once_were_told_in_pydantics_words(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError) as raised:
        load_settings()
    assert str(raised.value) == f"Invalid settings: {name}: {said}"


def test_unset_credentials_say_what_to_set() -> None:
    with pytest.raises(MissingCredentialsError, match="POLYGON_ACCESS_KEY_ID and POLYGON_SECRET_ACCESS_KEY"):
        load_settings().credentials  # noqa: B018


@pytest.mark.scorecard(36)
def test_a_secret_is_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("POLYGON_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("POLYGON_STORE_SECRET_ACCESS_KEY", CANARY)
    settings = load_settings()
    assert CANARY not in repr(settings)
    assert CANARY not in str(settings.model_dump())
    assert settings.credentials["secret_access_key"] == CANARY


ADDRESSES = [name for name, field in Settings.model_fields.items() if name == "store" or name.endswith("_url")]
"""All that say where something is; the webhook's is a secret as a whole."""


@pytest.mark.parametrize("field", [name for name in ADDRESSES if name != "webhook_url"])
@pytest.mark.parametrize(
    "address",
    ["https://user:{}@host", "https://{}@host/path", "s3://key:{}@bucket/prefix", "user:{}@host", "s3:/key:{}@bucket",
     "https://host/?signature={}", "s3://bucket/prefix?secret={}", "https://host/#{}", "https://us/er:{}@host",
     "https:\\\\user:{}@host", "user@host:{}"],
)  # fmt: skip
@pytest.mark.scorecard(36)
def test_an_address_with_a_password_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, field: str, address: str
) -> None:
    """It stood in the snapshot that the web interface serves, in messages, and in the metadata of each day."""
    monkeypatch.setenv(variable(field), address.format(CANARY))
    with pytest.raises(InvalidInputError, match=f"{variable(field)}: .*holds a user, a password or param") as refused:
        load_settings()
    assert CANARY not in str(refused.value)
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_ordinary_addresses_are_none_of_that() -> None:
    for store in ("data", "/mnt/a@b", "~/what?#", "s3://bucket/prefix", "/mnt/a:b"):
        assert load_settings({"store": store}).store == store
    for url in ("https://files.massive.com", "http://127.0.0.1:9000", "http://[::1]:9000/path"):
        assert load_settings({"endpoint_url": url, "store_endpoint_url": url}).endpoint_url == url


def test_a_folder_becomes_absolute_and_a_uri_stays() -> None:
    assert Path(load_settings().store_uri).is_absolute()
    assert load_settings({"store": "s3://bucket/prefix"}).store_uri == "s3://bucket/prefix"


def test_an_environment_file_wins_as_it_does_for_dagster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The UI once published to the store of ``.env`` while the command line looked into another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYGON_STORE", "elsewhere")
    assert load_environment_file() is False
    assert load_settings().store == "elsewhere"
    (tmp_path / ".env").write_text("POLYGON_STORE=s3://bucket/prefix\n")
    assert load_environment_file() is True
    assert load_settings().store == "s3://bucket/prefix"


def test_dagsters_home_has_a_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert dagster_home() == tmp_path / ".dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "elsewhere"))
    assert dagster_home() == tmp_path / "elsewhere"
