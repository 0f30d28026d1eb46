"""Addresses: what names a store, a web endpoint or a bucket, and what only looks like it.

Belongs here: checks of text alone, without a look at a disk or a network. Does not: which variable holds it
(``settings``). Messages never repeat a user or a password.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from polygon_assets.errors import InvalidInputError

S3_SCHEME = "s3://"
_LIKE_A_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<rest>[/\\].*)", re.DOTALL)
_OF_S3 = re.compile(r"(s3|s3a|s3n):(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_OF_WINDOWS = re.compile(r"(?P<drive>[A-Za-z]):[\\/]|\\\\")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_FORM = "a store is a folder, or s3://bucket/prefix"


def require_store(place: str) -> str:
    """Give ``place`` back if it names a store: a folder, or ``s3://bucket/prefix``.

    A misspelt URI would be made as a folder below the working folder, and a year of data with it.

    Raises:
        InvalidInputError: it looks like something else; says which form is meant.

    >>> require_store("s3:/bucket/x")
    Traceback (most recent call last):
    polygon_assets.errors.InvalidInputError: 's3:/bucket/x' is neither a folder nor a store on S3: write s3://bucket/x
    """
    shown = repr(place.rpartition("@")[2])
    if not place.strip():
        raise InvalidInputError(f"{shown} names nothing; {_FORM}")
    if place.startswith(S3_SCHEME):
        if not place.removeprefix(S3_SCHEME).partition("/")[0]:
            raise InvalidInputError(f"{shown} names no bucket; {_FORM}")
        return place
    if on_s3 := _OF_S3.fullmatch(place):
        meant = S3_SCHEME + (on_s3["rest"].strip("/\\").replace("\\", "/").rpartition("@")[2] or "bucket/prefix")
        raise InvalidInputError(f"{shown} is neither a folder nor a store on S3: write {meant}")
    if _OF_WINDOWS.match(place):
        raise InvalidInputError(f"{shown} is a path of Windows, and this is not Windows; {_FORM}")
    if like := _LIKE_A_URI.fullmatch(place):
        if like["scheme"].lower() == "file":
            meant = f"/{like['rest'].replace('file:', '').lstrip('/')}"
            raise InvalidInputError(f"{shown} is a URL, and a folder is written as a path: write {meant}")
        here = f"; a folder of that name is ./{like['scheme']}:…" if "://" not in place else ""
        raise InvalidInputError(f"{shown} is no place that is known: {_FORM}{here}")
    return place


def require_endpoint(url: str) -> str:
    """Give ``url`` back if keys may be sent there: https, or http on this machine, without user info.

    Raises:
        InvalidInputError: what is wrong with it; the caller names it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidInputError("is not a URL such as https://files.polygon.io.") from None
    if "@" in url:
        raise InvalidInputError("must not hold a user or password: pass them as credentials.")
    if any(ord(letter) <= ord(" ") for letter in url):
        raise InvalidInputError(f"holds a space or a control character: {url!r}.")
    if not host or port == 0 or parts.query or parts.fragment:
        raise InvalidInputError(f"must be a scheme and a host, such as https://files.polygon.io; got {url!r}.")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return url
    raise InvalidInputError(f"must be https (plain http only on this machine); got {url!r}.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_web_address(url: str) -> bool:
    """Is it http or https, with a host?"""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_name(text: object) -> bool:
    """Can it be a bucket, or one folder of one?"""
    return isinstance(text, str) and bool(_NAME.fullmatch(text)) and set(text) != {"."}
