"""YAML files to a checked configuration. Every ConfigError about a file is made here or below.

Conventions are the OpenTelemetry collector's: ids `type` or `type/name`, several files of which
maps merge and lists replace, `${…}` (see interpolation.py), a section with nothing in it wipes what
earlier files said. What is not written has a working default: every receiver on localhost, redact,
the local exporter, and one pipeline `default` of all of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, cast

import msgspec

from ...delivery.trust.operators import operators_of
from ...policy.keyring.pseudonyms import check_key
from ..component import ComponentConfig, ExporterConfig, ProcessorConfig, ReceiverConfig
from ..errors import ConfigError, Problem
from ..registry import DEFAULT, SECTIONS, NoSuchType, Registry, nearest
from .decoding import Decoder
from .files import merged_files, sections_of
from .incident import IncidentOptions
from .interpolation import BROKEN, Broken, Expander
from .listening import check_endpoints
from .references import check_plans, check_references
from .service import DestinationOptions, PipelineOptions, ServiceOptions
from .yaml import Parsed, merge, parse

_DEFAULTS: dict[str, dict[str, None]] = {
    "receivers": {"sentry": None, "otlp": None},
    "processors": {"redact": None},
    "exporters": {"local": None},
}
# What collector users look for and do not need here.
_NOT_NEEDED = {
    "connectors": "leave it out, documents are converted to what an exporter takes",
    "extensions": "leave it out, health and storage are options of service",
}
_FEW_BYTES = 65_536  # a queue of less holds few payloads, or none
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}(?:/[\w.-]{1,1024})?")
_ID_FORM = "expected type or type/name: letters, digits and _, after the / also - and ."


@dataclass(frozen=True, slots=True)
class ExporterOptions:
    """An exporter's own options, and those about the delivery to it."""

    component: ExporterConfig
    delivery: DestinationOptions

    @property
    def processors(self) -> tuple[str, ...]:
        """Ids of processors that make the policy stricter for this exporter."""
        return self.delivery.processors

    @property
    def standby_for(self) -> str | None:
        """The id of the exporter that this one can take over from."""
        return self.delivery.standby_for

    @property
    def operators(self) -> frozenset[str]:
        """Who runs it: what `distrust` takes beside its id."""
        return operators_of(self.component.hosts(), self.delivery.operator)


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration without problems. Components are in the order in which they are written."""

    receivers: Mapping[str, ReceiverConfig]
    processors: Mapping[str, ProcessorConfig]
    exporters: Mapping[str, ExporterOptions]
    service: ServiceOptions
    incident: IncidentOptions
    # As written, files merged, `${…}` unexpanded: it holds no secret of the environment.
    raw: Mapping[str, Any]
    warnings: Sequence[Problem] = ()


def load(
    paths: Sequence[str | FilePath] = (),
    sets: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    registry: Registry = DEFAULT,
) -> Config:
    """The configuration of some files, later ones on top, `a.b=c` settings above all.

    `env` is where `${env:X}` looks, by default the process's environment. Raises ConfigError
    with every problem.
    """
    merged = merged_files(paths, sets)
    config = _Reader(merged, os.environ if env is None else env, registry).config()
    _check_who_may_write(config, paths)
    return config


def loads(
    text: str,
    env: Mapping[str, str] | None = None,
    registry: Registry = DEFAULT,
    source: str = "config",
) -> Config:
    """The configuration of a YAML text. Raises ConfigError with every problem."""
    merged = merge(Parsed({}), sections_of(parse(text, source), source))
    return _Reader(merged, os.environ if env is None else env, registry).config()


def of_mapping(
    tree: Mapping[str, Any], env: Mapping[str, str] | None = None, registry: Registry = DEFAULT
) -> Config:
    """The configuration that a file with this content would be, `${…}` included.

    Tuples count as lists. Raises ConfigError with every problem.
    """
    try:
        plain = msgspec.json.decode(msgspec.json.encode(dict(tree)))
    except (TypeError, ValueError):  # its text may quote
        told = "expected what a file can hold: texts, numbers, truth values, lists, mappings"
        raise ConfigError([Problem("", told)]) from None
    merged = merge(Parsed({}), Parsed(plain))
    return _Reader(merged, os.environ if env is None else env, registry).config()


def default_config(registry: Registry = DEFAULT) -> Config:
    """What runs when nothing is configured."""
    return loads("", {}, registry)


def _check_who_may_write(config: Config, paths: Sequence[str | FilePath]) -> None:
    """Refuse to run a program that a file names which other users may change."""
    open_files = [path for path in paths if FilePath(path).stat().st_mode & 0o022]
    problems = [
        Problem(
            f"processors.{id_}.known_values.command",
            f"runs a program, and other users may change this file: chmod go-w {path}",
            str(path),
        )
        for id_, processor in config.processors.items()
        if getattr(getattr(processor, "known_values", None), "command", None)
        for path in open_files
    ]
    if problems:
        raise ConfigError(problems)


class _Reader:
    """Makes one Config of merged files, collecting problems and warnings."""

    def __init__(self, merged: Parsed, env: Mapping[str, str], registry: Registry) -> None:
        self._raw: dict[str, Any] = merged.tree
        self._registry = registry
        self._decoder = Decoder(merged.places)
        self._lost = [path for path in merged.lost if path[0] == "processors"]
        self._places = merged.places
        expander = Expander(env, merged.places)
        self._tree: dict[str, Any] = expander.expand(merged.tree)
        self._decoder.problems += expander.problems
        self._warnings = list(expander.warnings.values())

    def config(self) -> Config:
        """Raises ConfigError."""
        self._check_sections()
        found = {section: self._components(section) for section in SECTIONS}
        pipelines, service = self._service(found)
        incident = self._decoder.struct(IncidentOptions, self._tree.get("incident"), ("incident",))
        warnings = [
            *check_references(found, pipelines, self._decoder, self._raw),
            *self._lost_entries(),
            *self._small_queues(),
            *self._guessable_key(service),
            *self._warnings,
        ]
        check_endpoints(found["receivers"], pipelines, service, self._decoder)
        if not isinstance(incident, Broken):
            check_plans(found["exporters"], incident, self._decoder)
        if self._decoder.problems or isinstance(service, Broken) or isinstance(incident, Broken):
            raise ConfigError(sorted(self._decoder.problems, key=_where))
        return Config(**found, service=service, incident=incident, raw=self._raw, warnings=warnings)

    def _lost_entries(self) -> Iterator[Problem]:
        """An imported policy must not take a person's own rules away without a word."""
        for path in self._lost:
            text = "replaces the list of an earlier file and has not all that was in it"
            yield Problem(".".join(map(str, path)), text, self._places.get(path, ""))

    def _guessable_key(self, service: ServiceOptions | Broken) -> Iterator[Problem]:
        """Not refused: what was kept under such a key has to be found."""
        key = None if isinstance(service, Broken) else service.ledger.key
        if key is not None and check_key(key.reveal()) is not None:
            text = (
                "is none that `errlock key new` made: whoever gets needles.db may guess it, and "
                "try values on what is there"
            )
            path = ("service", "ledger", "key")
            yield Problem(".".join(path), text, self._places.get(path, ""))

    def _small_queues(self) -> Iterator[Problem]:
        """Who copies the collector's `queue_size: 1000` would have room for no payload at all."""
        for id_, exporter in _each(self._tree.get("exporters")):
            queue = exporter.get("sending_queue")
            size = queue.get("queue_size") if isinstance(queue, dict) else None
            if isinstance(size, int) and size < _FEW_BYTES:
                path = ("exporters", id_, "sending_queue", "queue_size")
                text = (
                    "is in bytes, not in requests as in the collector; write 64MiB, or leave it out"
                )
                yield Problem(".".join(path), text, self._places.get(path, ""))

    def _check_sections(self) -> None:
        known = [*SECTIONS, "service", "incident"]
        for name in self._tree:
            if name not in known:
                hint = _NOT_NEEDED.get(name)
                near = f"; {hint}." if hint else nearest(name, known) or "."
                self._decoder.report((name,), f"unknown section{near} Known: {', '.join(known)}")

    def _components(self, section: str) -> dict[str, Any]:
        """Every component of a section by id; BROKEN for those that have problems."""
        written = self._tree.get(section)
        if written is None:
            written = _DEFAULTS[section]
        written = self._decoder.section(written, (section,))
        if isinstance(written, Broken):
            return {}
        decode = self._exporter if section == "exporters" else self._component
        return {id_: decode(section, id_, value) for id_, value in written.items()}

    def _component(
        self, section: str, id_: str, value: Any, also: Iterable[str] = ()
    ) -> ComponentConfig | Broken:
        type_ = self._type(section, id_)
        if isinstance(type_, Broken):
            return type_
        return self._decoder.struct(type_, value, (section, id_), also)

    def _type(self, section: str, id_: str) -> type[ComponentConfig] | Broken:
        if not _ID.fullmatch(id_):
            return self._decoder.report((section, id_), _ID_FORM)
        try:
            return self._registry.find(SECTIONS[section], id_.partition("/")[0])
        except NoSuchType as error:
            return self._decoder.report((section, id_), str(error))

    def _exporter(self, section: str, id_: str, value: Any) -> ExporterOptions | Broken:
        path = (section, id_)
        type_ = self._type(section, id_)
        value = self._decoder.section(value, path)
        if isinstance(type_, Broken) or isinstance(value, Broken):
            return BROKEN
        # An option that the exporter has under the same name is the exporter's.
        own = {field.encode_name for field in msgspec.structs.fields(type_)}
        common = [name for name in DestinationOptions.__struct_fields__ if name not in own]
        delivery = self._decoder.struct(
            DestinationOptions, {name: value[name] for name in common if name in value}, path
        )
        component = self._decoder.struct(type_, value, path, common)
        if isinstance(delivery, Broken) or isinstance(component, Broken):
            return BROKEN
        return ExporterOptions(cast("ExporterConfig", component), delivery)

    def _service(
        self, found: Mapping[str, dict[str, Any]]
    ) -> tuple[dict[str, PipelineOptions], ServiceOptions | Broken]:
        """The pipelines that have no problem of their own, and all of `service`."""
        written = self._decoder.section(self._tree.get("service"), ("service",))
        if isinstance(written, Broken):
            return {}, BROKEN
        pipelines = written.get("pipelines")
        if pipelines is None or pipelines == {}:
            pipelines = {"default": _everything(found)}
        service = self._decoder.struct(
            ServiceOptions, {**written, "pipelines": pipelines}, ("service",)
        )
        path = ("service", "pipelines")
        decoded = {}
        sections = self._decoder.section(pipelines, path)
        for id_, value in ({} if isinstance(sections, Broken) else sections).items():
            if not _ID.fullmatch(id_):
                self._decoder.report((*path, id_), _ID_FORM)
            decoded[id_] = self._decoder.struct(PipelineOptions, value, (*path, id_))
        return {id_: p for id_, p in decoded.items() if not isinstance(p, Broken)}, service


def _where(problem: Problem) -> tuple[str, int]:
    """A sort key: file and line, so that problems come in the order of reading."""
    source, _, line = problem.place.rpartition(":")
    return (source, int(line)) if line.isdigit() else (problem.place, 0)


def _everything(found: Mapping[str, dict[str, Any]]) -> dict[str, list[str]]:
    """A pipeline of all components, but for standbys and what exporters keep for themselves."""
    exporters = {
        id_: options for id_, options in found["exporters"].items() if options is not BROKEN
    }
    kept = {id_ for options in exporters.values() for id_ in options.processors}
    standbys = {id_ for id_, options in exporters.items() if options.standby_for}
    return {
        "receivers": list(found["receivers"]),
        "processors": [id_ for id_ in found["processors"] if id_ not in kept],
        "exporters": [id_ for id_ in found["exporters"] if id_ not in standbys],
    }


def _each(section: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The components of a section that have options, by id."""
    for id_, options in section.items() if isinstance(section, dict) else ():
        if isinstance(options, dict):
            yield id_, options
