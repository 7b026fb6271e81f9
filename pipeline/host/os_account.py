"""Who does something where nobody showed a token."""

from __future__ import annotations

import getpass
import os
from contextlib import suppress


def account() -> str:
    """The name of the account on this machine that the process runs as, or its number."""
    with suppress(OSError, KeyError, ImportError):  # an account without a name
        return getpass.getuser()
    return f"uid {os.getuid()}"
