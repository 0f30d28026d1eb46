"""The ways in which ``origin`` misbehaves. Each function makes the fault of one answer."""

import time
from contextlib import suppress

from polygon_assets_tests.servers.origin import Exchange, Fault, serve

HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"
XML = b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>"


def cut_after(count: int) -> Fault:
    """Close the connection after ``count`` bytes of the body."""

    def fault(exchange: Exchange) -> None:
        exchange.object_head()
        exchange.send(exchange.part[:count])
        exchange.close()

    return fault


def reset_after(count: int) -> Fault:
    """Reset the connection after ``count`` bytes of the body."""

    def fault(exchange: Exchange) -> None:
        exchange.object_head()
        exchange.send(exchange.part[:count])
        exchange.reset()

    return fault


def stall_after(count: int) -> Fault:
    """Send ``count`` bytes of the body, then nothing."""

    def fault(exchange: Exchange) -> None:
        exchange.object_head()
        exchange.send(exchange.part[:count])
        exchange.wait()

    return fault


def last_byte_missing(exchange: Exchange) -> None:
    """Close the connection before the last byte."""
    exchange.object_head()
    exchange.send(exchange.part[:-1])
    exchange.close()


def silence(exchange: Exchange) -> None:
    """Never send headers."""
    exchange.wait()


def drip(seconds: float) -> Fault:
    """Send one byte of the body every so many ``seconds``."""

    def fault(exchange: Exchange) -> None:
        exchange.object_head()
        exchange.close()
        with suppress(OSError):
            for byte in exchange.part:
                exchange.send(bytes([byte]))
                time.sleep(seconds)

    return fault


def without_length(count: int) -> Fault:
    """Leave Content-Length out and close after ``count`` bytes."""

    def fault(exchange: Exchange) -> None:
        exchange.object_head(Content_Length=None, Connection="close")
        exchange.send(exchange.part[:count])
        exchange.close()

    return fault


def announce_less(missing: int) -> Fault:
    """Announce and send ``missing`` bytes less than there are."""

    def fault(exchange: Exchange) -> None:
        body = exchange.part[:-missing]
        exchange.object_head(Content_Length=str(len(body)), Connection="close")
        exchange.send(exchange.part)
        exchange.close()

    return fault


def flip(position: int) -> Fault:
    """Change one byte of the body."""

    def fault(exchange: Exchange) -> None:
        body = bytearray(exchange.part)
        body[position % len(body)] ^= 0x01
        exchange.object_head()
        exchange.send(bytes(body))

    return fault


def empty(exchange: Exchange) -> None:
    """Answer 200 with nothing."""
    exchange.object_head(Content_Length="0")


def page(body: bytes = HTML, content_type: str = "text/html") -> Fault:
    """Answer 200 with a web page."""

    def fault(exchange: Exchange) -> None:
        exchange.object_head(Content_Length=str(len(body)), Content_Type=content_type)
        exchange.send(body)

    return fault


def encoded(name: str = "gzip") -> Fault:
    """Add a Content-Encoding."""

    def fault(exchange: Exchange) -> None:
        exchange.object_head(Content_Encoding=name)
        exchange.send(exchange.part)

    return fault


def redirect(status: int, to: str) -> Fault:
    """Send the client elsewhere."""

    def fault(exchange: Exchange) -> None:
        exchange.head(status, Location=to, Content_Length="0")

    return fault


def status(code: int, name: str = "MadeUp", **headers: str) -> Fault:
    """Answer with an S3 error."""

    def fault(exchange: Exchange) -> None:
        exchange.error(code, name, **headers)

    return fault


def range_ignored(exchange: Exchange) -> None:
    """Answer 200 with the whole object, whatever was asked."""
    body = exchange.object.body
    exchange.object_head(Content_Length=str(len(body)), Content_Range=None) if not exchange.request.range else (
        exchange.head(
            200,
            Content_Length=str(len(body)),
            ETag=f'"{exchange.object.etag}"',
            Last_Modified="Wed, 03 Jan 2024 16:00:00 GMT",
        )
    )
    exchange.send(body)


def wrong_range(exchange: Exchange) -> None:
    """Answer a Range with bytes that start ten too early, and say so."""
    total, offset, end = len(exchange.object.body), max(0, exchange.offset - 10), exchange.end
    exchange.object_head(Content_Range=f"bytes {offset}-{end - 1}/{total}", Content_Length=str(end - offset))
    exchange.send(exchange.object.body[offset:end])


def replaced_by(body: bytes, etag: str, before: Fault) -> Fault:
    """Do ``before``, then replace the object."""

    def fault(exchange: Exchange) -> None:
        before(exchange)
        exchange.object.body, exchange.object.etag = body, etag

    return fault


def slowly(seconds: float) -> Fault:
    """Answer right, after ``seconds``."""

    def fault(exchange: Exchange) -> None:
        time.sleep(seconds)
        serve(exchange)

    return fault
