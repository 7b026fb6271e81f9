"""Who does something where nobody showed a token."""

from __future__ import annotations

import getpass
import os
import pwd
from contextlib import suppress
from pathlib import Path


def account() -> str:
    """The name of the account on this machine that the process runs as, or its number."""
    with suppress(OSError, KeyError, ImportError):  # an account without a name
        return getpass.getuser()
    return f"uid {os.getuid()}"


def owner(path: Path) -> str:
    """The name of the account that a file belongs to, or its number; `somebody else` if neither."""
    with suppress(OSError):
        uid = path.stat().st_uid
        with suppress(KeyError):
            return pwd.getpwuid(uid).pw_name
        return f"uid {uid}"
    return "somebody else"
