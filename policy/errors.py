"""What can be wrong with a policy's own data. Documents that cannot be judged: see findings."""

from __future__ import annotations

from collections.abc import Sequence


class PolicyError(Exception):
    """Detectors or other parts of a policy cannot be used: every problem, as (path, message).

    The processor whose configuration holds them turns them into its own `Problem`s.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{path}: {message}" for path, message in problems))
        self.problems = tuple(problems)
