"""What a process tree shows of itself: the addresses it listens on, and its command lines."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_LISTENING = "0A"
_LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")


def family(pids: Iterable[int]) -> set[int]:
    """The processes and all that descend from them."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    members = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= more
    return members


def listens_beyond_loopback(pids: set[int]) -> list[str]:
    """The lines of the kernel's tables for sockets that other machines could reach."""
    own = set(_socket_inodes(pids))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            address, state, inode = columns[1].partition(":")[0], columns[3], columns[9]
            if state == _LISTENING and inode in own and address not in _LOOPBACK:
                found.append(line)
    return found


def listening_sockets(pids: set[int]) -> int:
    """How many TCP sockets the processes listen on."""
    own = set(_socket_inodes(pids))
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()]
    return sum(row[3] == _LISTENING and row[9] in own for row in rows)


def command_lines(pids: set[int]) -> bytes:
    """The command lines of the processes, which everyone on the machine can read."""
    parts = []
    for pid in pids:
        try:
            parts.append(Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            continue
    return b"\n".join(parts)


def _socket_inodes(pids: set[int]) -> Iterator[str]:
    for pid in pids:
        try:
            links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        yield from re.findall(r"socket:\[(\d+)\]", "\n".join(links))
