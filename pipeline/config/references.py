"""Whether what a configuration names is there, and whether what is there is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import Problem
from ..registry import SECTIONS, nearest
from .decoding import Decoder
from .incident import IncidentOptions
from .interpolation import BROKEN
from .service import SIGNALS, PipelineOptions
from .yaml import Path, show_path


def check_references(
    found: Mapping[str, Mapping[str, Any]],
    pipelines: Mapping[str, PipelineOptions],
    decoder: Decoder,
    written: Mapping[str, Any],
) -> list[Problem]:
    """Report every wrong reference to the decoder; returns warnings.

    `found` has the components of each section by id, BROKEN where they have problems;
    `written` is the configuration as the user wrote it.
    """
    check = _Check(found, decoder)
    for id_, pipeline in pipelines.items():
        check.pipeline(id_, pipeline)
    for id_, options in found["exporters"].items():
        if options is not BROKEN:
            check.exporter(id_, options.processors, options.standby_for)
    return check.warnings(pipelines, written)


class _Check:
    def __init__(self, found: Mapping[str, Mapping[str, Any]], decoder: Decoder) -> None:
        self._found = found
        self._decoder = decoder
        self._used: set[tuple[str, str]] = set()

    def pipeline(self, id_: str, pipeline: PipelineOptions) -> None:
        path: Path = ("service", "pipelines", id_)
        for section, kind in SECTIONS.items():
            ids: Sequence[str] = getattr(pipeline, section)
            if not ids and kind != "processor":
                self._decoder.report((*path, section), f"expected at least one {kind}")
            self._ids(section, ids, (*path, section))

    def exporter(self, id_: str, processors: Sequence[str], standby_for: str | None) -> None:
        path: Path = ("exporters", id_)
        self._ids("processors", processors, (*path, "processors"))
        if standby_for is None:
            return
        self._used.add(("exporters", id_))
        if standby_for == id_:
            self._decoder.report((*path, "standby_for"), "an exporter cannot stand by for itself")
        elif id_ in self._primaries(standby_for):
            self._decoder.report(
                (*path, "standby_for"), f"{standby_for!r} stands by for this one in turn"
            )
        else:
            self._id("exporters", standby_for, (*path, "standby_for"))

    def _primaries(self, id_: str) -> list[str]:
        """Whom an exporter stands by for, directly or in turn; ends where they go in a circle."""
        found: list[str] = []
        while (options := self._found["exporters"].get(id_, BROKEN)) is not BROKEN:
            if options.standby_for is None or options.standby_for in found:
                break
            id_ = options.standby_for
            found.append(id_)
        return found

    def _ids(self, section: str, ids: Sequence[str], path: Path) -> None:
        for index, id_ in enumerate(ids):
            if id_ in ids[:index]:
                self._decoder.report((*path, index), f"{SECTIONS[section]} {id_!r} is named twice")
            else:
                self._id(section, id_, (*path, index))

    def _id(self, section: str, id_: str, path: Path) -> None:
        self._used.add((section, id_))
        known = self._found[section]
        if id_ not in known:
            near = nearest(id_, known) or "."
            configured = ", ".join(known) or "none"
            self._decoder.report(
                path,
                f"no {SECTIONS[section]} {id_!r} is configured under {section}{near} "
                f"Configured: {configured}",
            )

    def warnings(
        self, pipelines: Mapping[str, PipelineOptions], written: Mapping[str, Any]
    ) -> list[Problem]:
        """What works and is probably not meant."""
        unused = [
            Problem(show_path((section, id_)), "is not used by any pipeline")
            for section in SECTIONS
            for id_ in _keys(written.get(section))
            if (section, id_) not in self._used
        ]
        bare = [
            Problem(f"service.pipelines.{id_}", "has no processor: documents leave as they came")
            for id_, pipeline in pipelines.items()
            if not pipeline.processors
        ]
        unscrubbed = [
            Problem(
                f"service.pipelines.{id_}",
                "has no redact among its processors: what the others do not claim, secrets "
                "included, leaves as it came",
            )
            for id_, pipeline in pipelines.items()
            if pipeline.processors
            and not any(each.partition("/")[0] == "redact" for each in pipeline.processors)
        ]
        return unused + bare + unscrubbed + list(_unheard(pipelines))


def _unheard(pipelines: Mapping[str, PipelineOptions]) -> Iterator[Problem]:
    """Receivers of Sentry's documents that only pipelines have which take none of them."""
    kinds: dict[str, set[str]] = {}
    for id_, pipeline in pipelines.items():
        for receiver in pipeline.receivers:
            kinds.setdefault(receiver, set()).add(id_.partition("/")[0])
    for receiver, found in kinds.items():
        if receiver.partition("/")[0] == "sentry" and found <= {*SIGNALS}:
            yield Problem(
                f"receivers.{receiver}",
                f"pipelines called {', '.join(sorted(found))} take that signal of OTLP only: what "
                "Sentry's SDKs send reaches none; call one otherwise, such as errors",
            )


def _keys(section: Any) -> Sequence[str]:
    return list(section) if isinstance(section, Mapping) else []


def check_plans(exporters: Mapping[str, Any], incident: IncidentOptions, decoder: Decoder) -> None:
    """Report every name in a plan that means nothing here to the decoder.

    Not where an exporter has problems of its own: what it stands for is not known then.
    """
    if any(each is BROKEN for each in exporters.values()):
        return
    operators = {o for each in exporters.values() for o in each.operators}
    standbys = [id_ for id_, each in exporters.items() if each.standby_for]
    for plan, options in incident.plans.items():
        for field, known in (
            ("distrust", [*exporters, *sorted(operators)]),
            ("hold", [*exporters, *sorted(operators)]),
            ("activate", standbys),
        ):
            for index, name in enumerate(getattr(options, field)):
                if name not in known:
                    near = nearest(name, known) or "."
                    what = "standby" if field == "activate" else "exporter or operator"
                    decoder.report(
                        ("incident", "plans", plan, field, index),
                        f"no {what} {name!r} is configured{near} "
                        f"Known: {', '.join(known) or 'none'}",
                    )
