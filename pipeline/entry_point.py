"""`errlock` from its first moment: what it needs to run is imported here."""

from __future__ import annotations

import signal


def main() -> int:
    """See `cli.main`. Ctrl-C ends it without a word also while modules are imported."""
    is_noticed = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_noticed:  # not in the background of a shell
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .cli import main as run

    if is_noticed:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run()
