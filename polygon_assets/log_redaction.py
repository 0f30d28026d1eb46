"""What the libraries that send requests log: without what signs them, and without any secret.

At DEBUG botocore logs each request with its Authorization header, which anybody may send again for a quarter of an
hour, and urllib3 each path, which of a webhook is the secret itself.
Belongs here: the filter on their loggers, from when a client is made. Does not: handlers and levels, which are the
program's that is run.
"""

import logging
import re
import traceback

HIDDEN = "[hidden]"
_LIBRARIES = ("aiobotocore", "aioboto3", "aiohttp", "boto3", "botocore", "RESTClient", "s3transfer", "urllib3")
_SHORTEST = 8
"""Characters of a secret that is looked for; a shorter one is part of ordinary words."""
_SIGNING = re.compile(
    r"""(['"]?Authorization['"]?\s*[:=]\s*b?)(?:'[^']*'|"[^"]*"|[^\r\n]*)|(Signature:\s*|Signature=)[0-9a-f]{16,}""",
    re.IGNORECASE,
)


class _Redaction(logging.Filter):
    """Changes records before any handler has them."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, without secrets."""
        said = record.getMessage()
        if (shown := self._redacted(said)) != said:
            record.msg, record.args = shown, ()
        if record.exc_info and record.exc_info[0] is not None:
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            if (shown := self._redacted(told)) != told:
                record.exc_text, record.exc_info = shown, None
        return True

    def _redacted(self, text: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return _SIGNING.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}", text)


_REDACTION = _Redaction()


def redact_logs(*secrets: str) -> None:
    """From now on, keep ``secrets`` and whatever signs a request out of what the libraries log; again does no harm."""
    _REDACTION.secrets.update(secret for secret in secrets if len(secret) >= _SHORTEST)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in _LIBRARIES:
            logger.addFilter(_REDACTION)
