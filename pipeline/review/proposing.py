"""The policy that a review proposes: processors of a configuration, each line with its reason.

It is a file of its own that comes on top of the configuration: `-c errlock.yaml -c proposed.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...policy.importers.fragment import custom
from ...processors.hash import Hash
from ...processors.redact import Redact
from .candidates import Candidate, Unclaimed
from .in_force import PolicyInForce
from .looks import Kind
from .reviewing import Review

HEADER = "# Proposed by errlock review."
_BARE = re.compile(r"[A-Za-z$][\w.$-]*")
_FIELDS_NAMED = 3

_CLASSES: dict[Kind, str] = {"token": "secret.token", "email": "pii.email", "name": "pii.name"}


def proposal(review: Review) -> str | None:
    """The YAML of a configuration file; None when there is nothing to propose."""
    policy, leaving = review.policy, review.leaving
    keys, selectors, classes = [], [], []
    for unclaimed in leaving.unclaimed:
        classes += [f"# {_reason(unclaimed)}", f"{unclaimed.class_}: replace"]
    for candidate in leaving.candidates:
        pattern = _pattern(candidate, policy)
        if pattern is not None:
            keys += [f"# {_why(candidate)}", f"{_scalar(pattern)}: {_class(candidate, policy)}"]
        else:
            selectors += _selector(candidate, policy)
    parts = [("classes", classes), ("keys", keys), ("selectors", selectors)]
    written = [line for _, lines in parts for line in lines]
    if not written:
        return None
    if all(line.startswith("#") for line in written):
        # An empty section would wipe what the configuration says there, an empty file be refused.
        return "\n".join([HEADER, "# processors: redact: selectors:", *written, "{}"]) + "\n"
    return "\n".join([*_head(review), *_redact(redact_id(policy), parts), *_service(policy)]) + "\n"


def covered(candidate: Candidate) -> bool:
    """Whether the proposal takes this field; else it only says that somebody should look."""
    return candidate.by_name or (candidate.whole and candidate.field.addressable)


def _head(review: Review) -> Iterator[str]:
    yield HEADER
    yield "# On top of your configuration: errlock run -c errlock.yaml -c this-file.yaml"
    yield "processors:"
    hashed = sorted(_ids(review))
    if hashed and not any(isinstance(each, Hash) for each in review.policy.processors.values()):
        yield "  # Pseudonyms still tell them apart: take a key of `errlock key new`, before redact"
        yield f'  # hash: {{ key: "${{env:ERRLOCK_KEY}}", classes: [{", ".join(hashed)}] }}'


def _ids(review: Review) -> set[str]:
    """The classes of the proposal whose values are ids."""
    found = {each.class_ for each in review.leaving.unclaimed if each.class_ == "pii.user_id"}
    for each in review.leaving.candidates:
        if covered(each) and each.kind in ("id", "digits"):
            found.add(_class(each, review.policy))
    return {class_ for class_ in found if "." in class_}


def _redact(id_: str, parts: Sequence[tuple[str, list[str]]]) -> Iterator[str]:
    yield f"  {id_}:"
    for name, lines in parts:
        if not lines:
            continue
        effective = any(not line.startswith("#") for line in lines)
        yield f"    {name}:" if effective else f"    # {name}:"
        yield from (f"      {line}" for line in lines)


def _service(policy: PolicyInForce) -> Iterator[str]:
    """The pipeline with a redact processor, where it has none and is written out."""
    pipelines = (policy.config.raw.get("service") or {}).get("pipelines")
    if redact_id(policy) in policy.processors or not pipelines:
        return
    ids = policy.config.service.pipelines[policy.pipeline].processors
    yield "service:"
    yield "  pipelines:"
    yield f"    '{policy.pipeline}':"  # in quotes: `on` would be true
    yield f"      processors: [{', '.join((*ids, redact_id(policy)))}]"


def redact_id(policy: PolicyInForce) -> str:
    """The id of the redact processor in force; of a new one where there is none."""
    used = [id_ for id_, each in policy.processors.items() if isinstance(each, Redact)]
    return used[0] if used else "redact"


def _reason(unclaimed: Unclaimed) -> str:
    named = ", ".join(str(each) for each in unclaimed.fields[:_FIELDS_NAMED])
    more = len(unclaimed.fields) - _FIELDS_NAMED
    rest = f" and {more} other fields" if more > 0 else ""
    return f"found in {named}{rest}, and nothing claims it"


def _why(candidate: Candidate) -> str:
    return f"{candidate.field}: {'; '.join(candidate.reasons)}"


def _pattern(candidate: Candidate, policy: PolicyInForce) -> str | None:
    """The pattern of its key, where that alone is telling and redact takes what it names."""
    if not candidate.by_name or policy.form_of("custom.field") == "clear":
        return None
    return f"(?i)^{re.escape(candidate.keys[-1])}$"


def _selector(candidate: Candidate, policy: PolicyInForce) -> list[str]:
    plural = "" if candidate.documents == 1 else "s"
    why = f"{candidate.documents} document{plural}: {'; '.join(candidate.reasons)}"
    line = f"{_scalar(str(candidate.field))}: {_class(candidate, policy)}"
    if not candidate.field.addressable:
        return [f"# {candidate.field}: {'; '.join(candidate.reasons)}",
                "# No selector means this field alone: see to it where it is written."]  # fmt: skip
    if not candidate.whole:
        return [f"# {why}", "# Decide: this takes all of the field.", f"# {line}"]
    return [f"# {why}", line]


def _class(candidate: Candidate, policy: PolicyInForce) -> str:
    """A class that says what stands there and that the policy takes; else `replace`."""
    own = custom(candidate.keys[-1]) if candidate.keys else "custom.field"
    class_ = _CLASSES.get(candidate.kind, own) if candidate.kind else own
    if candidate.kind == "id" and policy.form_of("pii.user_id") == "pseudonym":
        class_ = "pii.user_id"
    return "replace" if policy.form_of(class_) == "clear" else class_


def _scalar(text: str) -> str:
    return text if _BARE.fullmatch(text) else "'" + text.replace("'", "''") + "'"
