"""The policy that a configuration sets, as it is recorded and named: without a secret."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from ..component import ProcessorConfig
from ..options import Secret
from .reading import Config
from .written import as_written

_HIDDEN = repr(Secret(""))
# A reference that says where a secret is, and nothing of it: a default would be one.
_REFERENCE = re.compile(r"\$\{(?:env:|file:)?[^${}:]+\}")


def policy_in_force(config: Config) -> dict[str, Any]:
    """What becomes of documents, and its SHA-256: processors and pipelines before `${…}`. Beside
    it, who runs each destination.

    Another hash means another policy; the version of errlock, which brings the detectors, is a
    part of it. Secrets are left out, but for references to where they are.
    """
    written = config.raw.get("processors") or {}
    content = {
        "errlock": version("errlock"),
        "processors": {
            id_: _without_secrets(written.get(id_), as_written(options))
            for id_, options in config.processors.items()
        },
        "pipelines": as_written(config.service.pipelines),
        "exporters": {
            id_: {"processors": list(options.processors)}
            for id_, options in config.exporters.items()
        },
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "content": content,
        "operators": {id_: sorted(options.operators) for id_, options in config.exporters.items()},
    }


def policy_digest(*chains: Iterable[tuple[str, ProcessorConfig]]) -> str:
    """Names what these processors do together, in 16 hexadecimal digits.

    Another one when any option of any of them differs, but for secrets, of which nothing is kept.
    """
    written = [[[id_, as_written(options)] for id_, options in chain] for chain in chains]
    text = json.dumps([version("errlock"), *written], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_secrets(raw: Any, written: Any) -> Any:
    """What a user wrote, where `written` (all of it, with defaults) shows that it is no secret."""
    if _HIDDEN not in json.dumps(written, default=str):
        return raw
    if isinstance(raw, Mapping) and isinstance(written, Mapping):
        return {key: _without_secrets(each, written.get(key, _HIDDEN)) for key, each in raw.items()}
    if (
        isinstance(raw, Sequence)
        and not isinstance(raw, str)
        and isinstance(written, list)
        and len(raw) == len(written)
    ):
        return [_without_secrets(a, b) for a, b in zip(raw, written, strict=True)]
    return raw if isinstance(raw, str) and _REFERENCE.fullmatch(raw) else _HIDDEN
