"""What the broker keeps in the data folder: its configuration, its logs and its store."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

LOG_BYTES_MAX = 16 * 2**20
LOG_FILES_MAX = 4
CRASH_LOG_BYTES_MAX = 2**20
LAST_WORDS_BYTES_MAX = 64 * 2**10
MEMORY_STORE_BYTES_MAX = 64 * 2**20


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where everything of the broker lies inside the (absolute) data folder."""

    folder: Path

    @property
    def configuration(self) -> Path:
        """What the server is started with; its path on the command line tells our broker from any other."""
        return self.folder / "broker.conf"

    @property
    def lock(self) -> Path:
        """Held by whoever uses the store: by us, and by the broker that outlives us."""
        return self.folder / "broker.lock"

    @property
    def store(self) -> Path:
        """The streams; the server appends this last name to its `store_dir` by itself."""
        return self.folder / "jetstream"

    @property
    def record(self) -> Path:
        """What we wrote down of the broker that runs."""
        return self.folder / "broker.pid.json"

    @property
    def server_pid(self) -> Path:
        """The process id that the server wrote down by itself: all there is if we died before we wrote ours."""
        return self.folder / "broker.pid"

    @property
    def log(self) -> Path:
        """The server's own log, limited and rotated by the server."""
        return self.folder / "broker.log"

    @property
    def crash_log(self) -> Path:
        """What the server says where its log is not open: wrong configurations and panics."""
        return self.folder / "broker.crash.log"

    def write_configuration(self, *, server_name: str, host: str, port: int, file_store_bytes_max: int) -> None:
        """Write the server's configuration, as JSON, which its own format contains: any path can be quoted."""
        configuration: dict[str, Any] = {
            "server_name": server_name,
            "host": host,
            "port": port,
            "jetstream": {
                "store_dir": str(self.folder),
                # The default answers a publish up to two minutes before it is on the disk.
                "sync_interval": "always",
                "max_file_store": file_store_bytes_max,
                "max_memory_store": MEMORY_STORE_BYTES_MAX,
            },
            "feature_flags": {"js_ack_fc_v2": False},
            "pid_file": str(self.server_pid),
            "log_file": str(self.log),
            "logfile_size_limit": LOG_BYTES_MAX,
            "logfile_max_num": LOG_FILES_MAX,
            "logtime_utc": True,
        }
        replace_text(self.configuration, json.dumps(configuration, indent=2, ensure_ascii=False))

    def file_store_room_bytes(self) -> int:
        """What the streams may take of this disk: what they have, and three quarters of what is free.

        A server that reaches its own limit refuses the next publish and goes on once it has room; one that fills the
        disk freezes its streams until it is restarted, and takes the database on the same disk along. Counting what the
        streams have keeps the limit where it is from one start to the next.
        """
        stored = sum(path.lstat().st_size for path in self.store.rglob("*") if path.is_file())
        return stored + shutil.disk_usage(self.folder).free * 3 // 4

    def open_crash_log(self) -> BinaryIO:
        """Open the crash log to append, or anew if it has grown too long."""
        grown = _size(self.crash_log) > CRASH_LOG_BYTES_MAX
        return self.crash_log.open("wb" if grown else "ab")

    def log_sizes(self) -> tuple[int, int]:
        """How many bytes the log and the crash log hold now, to tell later what is new."""
        return _size(self.log), _size(self.crash_log)

    def last_words(self, since: tuple[int, int]) -> str:
        """Why the server ended, as far as it said so since then: how its crash begins, else how its log ends."""
        log_size, crash_log_size = since
        crash = _lines(self.crash_log, crash_log_size)
        logged = _lines(self.log, log_size)
        if crash:
            return crash[0]
        if logged:
            return logged[-1].partition("[FTL] ")[2] or logged[-1]
        return "it logged nothing"


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a reader finds either all of it or the file before."""
    draft = path.with_name(path.name + ".draft")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(path)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _lines(path: Path, position: int) -> list[str]:
    size = _size(path)
    # A log that is shorter than it was has been rotated: all of it is new.
    start = position if position <= size else 0
    try:
        with path.open("rb") as file:
            file.seek(max(start, size - LAST_WORDS_BYTES_MAX))
            text = file.read(LAST_WORDS_BYTES_MAX).decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.split("\n") if line.strip()]
