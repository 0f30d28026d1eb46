"""The local S3's own process: moto's server, until its standard input closes.

Belongs here: that one program. Does not: starting it (``local_s3``). Standard input closes when the process that
started it ends, however it ends, so no server is left behind.
"""

import logging
import os
import sys
from contextlib import suppress

from moto.server import ThreadedMotoServer


def main() -> None:
    """Serve on a free port of 127.0.0.1; the first line of standard output is the endpoint."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with suppress(BrokenPipeError):  # whoever started it was interrupted meanwhile
        os.write(sys.stdout.fileno(), f"http://{host}:{port}\n".encode())
    sys.stdin.read()


if __name__ == "__main__":
    main()
