"""Whether a text can be a token: it goes in a header of HTTP."""

from __future__ import annotations


def problem_of(token: str) -> str | None:
    """What keeps a text from being a token, in words that do not show it; None: nothing."""
    if not token.strip():
        return "the token is empty"
    # http.client would refuse it, or fail to encode it, in a sentence that shows all of it.
    if not (token.isascii() and token.isprintable()):
        return (
            "not a token: it has characters that no token has (more than one line, letters that "
            "are not ASCII)"
        )
    return None
