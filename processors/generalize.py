"""Put coarser values: useful still, exact no more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..pipeline.component import ProcessorConfig, Settings
from ..pipeline.errors import Problem
from ..policy.generalisation import Generaliser
from ..policy.parts import GeneralizePart
from .option_problems import pattern_problem


class Prefixes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many bits of an address stay."""

    v4: Annotated[int, Meta(description="Bits of an IPv4 address.", ge=0, le=32)] = 24
    v6: Annotated[int, Meta(description="Bits of an IPv6 address.", ge=0, le=128)] = 48


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule of one's own."""

    match: Annotated[str, Meta(description="A pattern (RE2) to look for in text.")]
    with_: Annotated[
        str, Meta(description="What stands instead; `\\1` is the first group of the pattern.")
    ] = msgspec.field(name="with")


class Generalize(ProcessorConfig, frozen=True, kw_only=True):
    """Replace values by coarser ones: addresses by networks, e-mails by domains, ids by `{id}`."""

    ip: Annotated[Prefixes | Literal[False], Meta(description="IP addresses become networks.")] = (
        Prefixes()
    )
    email: Annotated[
        Literal["domain", False], Meta(description="E-mail addresses become `[email]@domain`.")
    ] = False
    timestamps: Annotated[
        Literal["hour", False],
        Meta(description="Points in time in data become hours; those of the protocol stay."),
    ] = False
    paths: Annotated[
        bool, Meta(description="The owner of a home folder becomes `user`: `/home/user/app.py`.")
    ] = False
    routes: Annotated[
        bool, Meta(description="Ids in the paths of URLs become `{id}`: `/users/{id}`.")
    ] = False
    sql: Annotated[bool, Meta(description="Literals in SQL statements become `?`.")] = False
    user_agents: Annotated[
        bool, Meta(description="User agents become the browser's name: `Firefox`.")
    ] = False
    ids: Annotated[
        bool, Meta(description="UUIDs, long hex and numbers of 4 digits up become `<id>`.")
    ] = False
    bands: Annotated[
        dict[str, int],
        Meta(description="Keys whose numbers become bands of this width: `{age: 10}` → `30-39`."),
    ] = msgspec.field(default_factory=dict)
    rules: Annotated[tuple[Rule, ...], Meta(description="Rules of your own, for text.")] = ()

    def problems(self) -> Iterable[Problem]:
        """Patterns that RE2 does not take, replacements that name no group, widths below 1."""
        for index, rule in enumerate(self.rules):
            yield from pattern_problem(f"rules[{index}].match", rule.match, rule.with_)
        for key, width in self.bands.items():
            if width < 1:
                yield Problem(f"bands.{key}", "expected a width of 1 or more")

    def build(self, settings: Settings) -> GeneralizePart:
        """Make the part."""
        prefixes = self.ip if isinstance(self.ip, Prefixes) else None
        return GeneralizePart(
            Generaliser(
                v4=prefixes.v4 if prefixes else None,
                v6=prefixes.v6 if prefixes else None,
                emails=self.email == "domain",
                timestamps=self.timestamps == "hour",
                paths=self.paths,
                routes=self.routes,
                sql=self.sql,
                user_agents=self.user_agents,
                ids=self.ids,
                bands=tuple(self.bands.items()),
                rules=tuple((rule.match, rule.with_) for rule in self.rules),
            )
        )
