"""The environment: the only module that reads it, and the only one that names its variables.

Belongs here: names, defaults and validation of settings. Does not: what is done with them.
"""

import datetime as dt
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from dotenv import dotenv_values, load_dotenv, set_key
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from polygon_assets.addresses import is_name, is_web_address, require_endpoint, require_store
from polygon_assets.calendars import parse_date
from polygon_assets.datasets import DATASETS, SPECIFIED, Dataset, choose_datasets
from polygon_assets.errors import InvalidInputError, MissingCredentialsError
from polygon_assets.filters import RowFilter, parse_filters

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "POLYGON_"
_NEAR = 0.85
"""How alike two names are, from 0 to 1, where one is taken for the other misspelt."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?")
_USER = re.compile(r":.*@|^[^/]*@")
"""``https://user:password@host`` with and without its scheme, and misspelt; ``/folder/a@b`` is none of it."""
_PARAMETERS = re.compile(r"[?#]")


class Settings(BaseSettings):
    """Every setting of the platform; each field is the variable ``POLYGON_<FIELD>``, empty meaning unset."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    access_key_id: str | None = Field(None, description="Access key of your subscription's flat files.")
    secret_access_key: SecretStr | None = Field(None, description="Secret key of your subscription's flat files.")
    endpoint_url: str = Field("https://files.massive.com", description="The vendor's S3 endpoint.")
    bucket: str = Field("flatfiles", description="The vendor's bucket.")
    options_prefix: str = Field("us_options_opra", description="Folder of the options files in the bucket.")
    store: str = Field("data", description="Where Parquet is published: a folder, or s3://bucket/prefix.")
    datasets: Annotated[tuple[str, ...], NoDecode] = Field(
        SPECIFIED,
        description="Datasets that Dagster shows and watches, separated by commas: names, patterns as `stocks_*`, or "
        "`all`. Commands take any dataset.",
    )
    key_prefix: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="What stands before every asset key in Dagster, parts separated by `/`; unset: nothing."
    )
    history_start: dt.date | None = Field(
        None, description="First day of the partitions, YYYY-MM-DD; unset: the first day of each dataset."
    )
    max_concurrent: int = Field(8, ge=1, le=256, description="Downloads at once in one run.")
    max_retries: int = Field(5, ge=0, le=100, description="Retries of a request after the first.")
    timeout: int = Field(60, ge=1, le=3600, description="Seconds without an answer after which a request is retried.")
    extra_closures: Annotated[tuple[dt.date, ...], NoDecode] = Field(
        (),
        description="Days, separated by commas, on which the New York Stock Exchange was closed although "
        "the calendar says open.",
    )
    keep_raw: bool = Field(
        default=False,
        description="Keep each verified csv.gz beside its Parquet; of days stored before, once ingested again.",
    )
    filters: Annotated[Mapping[str, RowFilter], NoDecode] = Field(
        {},
        description="Rows to keep of some datasets, as in `stocks_trades: tickers=AAPL; options_*: underlyings=SPY`; "
        "the others are left out and counted. A day that is stored with another filter is made again when asked for.",
    )
    max_raw_bytes: int | None = Field(
        None, ge=1, description="Bytes that a csv.gz may decompress to; unset: 4 GiB, and more for ticks."
    )
    max_ratio: float = Field(200.0, gt=1, description="Decompressed bytes that each compressed one may give.")
    max_memory_bytes: int | None = Field(
        None, ge=1, description="Bytes of memory that a run's conversions and downloads may take; unset: half of all."
    )
    ui_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names, separated by commas, under which a proxy serves the web interface, with the port unless "
        "it is the usual one; it answers to no other name but this machine's own.",
    )
    webhook_url: SecretStr | None = Field(
        None, description="URL that is told, as JSON, of failed runs and overdue data; unset: nobody is told."
    )
    notify_urls: SecretStr | None = Field(
        None,
        description="Services that are told the same, as addresses of apprise with spaces between: `slack://…`, "
        "`mailto://…`, `msteams://…` and more; needs the extra `notify`.",
    )
    api_key: SecretStr | None = Field(
        None, description="Key of the vendor's REST API, for splits and dividends alone; it is not the S3 key."
    )
    api_url: str = Field("https://api.massive.com", description="The vendor's REST API.")
    store_endpoint_url: str | None = Field(None, description="S3 endpoint of the store; unset: Amazon's.")
    store_region: str = Field("us-east-1", description="Region of the store on S3.")
    store_access_key_id: str | None = Field(None, description="Access key of the store on S3.")
    store_secret_access_key: SecretStr | None = Field(None, description="Secret key of the store on S3.")

    @field_validator("endpoint_url", "store", "store_endpoint_url", "api_url")
    @classmethod
    def _without_secrets(cls, value: str | None) -> str | None:
        """Addresses are shown: in messages, in metadata, in the web interface. The error never repeats ``value``."""
        if value and (_USER.search(value) or ("://" in value and _PARAMETERS.search(value))):
            raise ValueError("holds a user, a password or parameters; keys have variables of their own")
        return value

    @field_validator("store")
    @classmethod
    def _names_a_store(cls, value: str) -> str:
        return require_store(value)

    @field_validator("endpoint_url")
    @classmethod
    def _is_an_endpoint(cls, value: str) -> str:
        return require_endpoint(value)

    @field_validator("store_endpoint_url")
    @classmethod
    def _is_a_web_address(cls, value: str | None) -> str | None:
        if value and not is_web_address(value):
            raise ValueError(f"must be a URL such as https://s3.example.com; got {value!r}")
        return value

    @field_validator("webhook_url")
    @classmethod
    def _is_a_secret_web_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not is_web_address(value.get_secret_value()):
            raise ValueError("must be an http or https URL")
        return value

    @field_validator("notify_urls")
    @classmethod
    def _are_secret_addresses(cls, value: SecretStr | None) -> SecretStr | None:
        for number, url in enumerate(value.get_secret_value().split() if value else (), 1):
            if not re.match(r"[a-z][a-z0-9+.-]*://.", url, re.IGNORECASE):
                raise ValueError(f"number {number} is no address such as slack://… or mailto://…, with spaces between")
        return value

    @field_validator("bucket", "options_prefix")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not is_name(value):
            raise ValueError(f"must be one name of letters, digits, '.', '_', '-'; got {value!r}")
        return value

    @field_validator("filters", mode="before")
    @classmethod
    def _parsed_filters(cls, value: Any) -> Any:
        return parse_filters(value) if isinstance(value, str) else value

    @field_validator("datasets", mode="before")
    @classmethod
    def _known_datasets(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        if not choose_datasets(value):
            raise ValueError(f"names no dataset; there are: {', '.join(DATASETS)}")
        return value

    @field_validator("key_prefix", mode="before")
    @classmethod
    def _key_parts(cls, value: Any) -> Any:
        parts = tuple(value.split("/")) if isinstance(value, str) else tuple(value)
        if wrong := [part for part in parts if not is_name(part)]:
            raise ValueError(f"must be names of letters, digits, '.', '_', '-' with '/' between; got {wrong[0]!r}")
        return parts

    @field_validator("history_start", mode="before")
    @classmethod
    def _strict_date(cls, value: Any) -> Any:
        return parse_date(value) if isinstance(value, str) else value

    @field_validator("extra_closures", mode="before")
    @classmethod
    def _split_dates(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(parse_date(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("ui_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        hosts = tuple(part.strip() for part in value.split(",") if part.strip())
        if wrong := [host for host in hosts if not _HOST.fullmatch(host)]:
            raise ValueError(f"{wrong[0]!r} is no host name; for example dagster.example.com, or 10.0.0.5:8080")
        return hosts

    @property
    def chosen(self) -> tuple[Dataset, ...]:
        """The rows that ``datasets`` names."""
        return choose_datasets(self.datasets)

    @property
    def store_uri(self) -> str:
        """``store`` with a folder made absolute, so that every process means the same one."""
        return self.store if "://" in self.store else str(Path(self.store).expanduser().absolute())

    @property
    def has_relative_store(self) -> bool:
        """Does the store's place depend on the folder in which the program is called?"""
        return "://" not in self.store and not Path(self.store).expanduser().is_absolute()

    @property
    def credentials(self) -> dict[str, str]:
        """The subscription's keys, as the downloaders take them.

        Raises:
            MissingCredentialsError: one of them is unset; the message names the variables.
        """
        if not self.access_key_id or self.secret_access_key is None:
            raise missing_credentials()
        return {
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key.get_secret_value(),
        }


def load_environment_file(path: Path = Path(".env")) -> bool:
    """Take the variables of ``.env`` in the working folder, as Dagster does: they win over those that are set.

    The command line does this too, so that it means the same bucket and store as the UI. False: there is none.
    """
    return load_dotenv(path, override=True)


def write_setting(field: str, value: str, path: Path = Path(".env")) -> None:
    """Put ``value``, which is no secret, into ``.env`` of the working folder, in place of what stood there of it."""
    set_key(path, variable(field), value, quote_mode="never")


def unknown_variables() -> dict[str, str | None]:
    """The variables ``POLYGON_…`` that are set and are no setting, each with the setting that may be meant."""
    known = [PREFIX + field.upper() for field in Settings.model_fields]
    strange = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    return {name: next(iter(get_close_matches(name.upper(), known, 1, _NEAR)), None) for name in strange}


def load_settings_of_folder(path: Path = Path(".env")) -> Settings:
    """The settings as commands called here have them: those in ``.env`` win over the environment, which stays as it is.

    Raises:
        InvalidInputError: as ``load_settings``.
    """
    found = {name.upper().removeprefix(PREFIX).lower(): value for name, value in dotenv_values(path).items()}
    fields = Settings.model_fields
    return load_settings({name: found[name] or fields[name].default for name in fields if name in found})


def variable(field: str) -> str:
    """Name of the environment variable of a field of ``Settings``.

    >>> variable("access_key_id")
    'POLYGON_ACCESS_KEY_ID'
    """
    if field not in Settings.model_fields:
        raise KeyError(field)
    return PREFIX + field.upper()


def dagster_home() -> Path:
    """Where Dagster keeps its history: ``DAGSTER_HOME``, or ``.dagster`` in the current folder."""
    return Path(os.environ.get("DAGSTER_HOME") or ".dagster").expanduser().absolute()


def names_dagster_home() -> bool:
    """Is ``DAGSTER_HOME`` set?"""
    return bool(os.environ.get("DAGSTER_HOME"))


def state_folder() -> Path | None:
    """Where is remembered which stores there are, apart from them; None where this user has no home."""
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser().absolute() / "polygon-assets"
    except RuntimeError:
        return None


def missing_credentials() -> MissingCredentialsError:
    """The error for unset keys, naming what to set."""
    names = f"{variable('access_key_id')} and {variable('secret_access_key')}"
    return MissingCredentialsError(
        f"Set {names}: the S3 keys of your subscription, from the flat files page of the vendor's dashboard. "
        "To look around without a subscription: polygon-assets demo."
    )


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the environment; ``overrides`` win over it, by field name.

    Raises:
        InvalidInputError: a variable has a value that is invalid, or an override is no setting; names it, never a
            secret's value.
    """
    if strange := sorted(set(overrides or {}) - Settings.model_fields.keys()):
        near = get_close_matches(strange[0], Settings.model_fields, 1, _NEAR)
        meant = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(Settings.model_fields)}"
        raise InvalidInputError(f"There is no setting {strange[0]!r}. {meant}")
    try:
        return Settings(**(overrides or {}))
    except ValidationError as error:
        causes = "; ".join(f"{PREFIX}{str(each['loc'][0]).upper()}: {_cause(each)}" for each in error.errors())
        raise InvalidInputError(f"Invalid settings: {causes}") from None


_CAUSES = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_parsing": "must be true or false",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}
"""What is wrong with numbers and switches, none of which is a secret, by the names that pydantic has for it."""


def _cause(error: "ErrorDetails") -> str:
    """What is wrong with one value, in this project's words."""
    if words := _CAUSES.get(error["type"]):
        return f"{words.format(**error.get('ctx', {}))}; got {str(error['input'])!r}"
    return error["msg"].removeprefix("Value error, ")
