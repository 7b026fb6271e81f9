"""The library: a policy as an object that sanitises documents in the caller's thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ..policy.forks import at_first_use, whole
from ..policy.keyring.pseudonyms import KeyringError
from ..policy.parts import HashPart
from .chain import Chain, Step, TraceMaker
from .component import Planted, ProcessorConfig, Settings
from .counters import Counters
from .errors import ConfigError, Problem, RefusedPayload, kind_of, within
from .options import decode_option
from .payloads.document import Payload
from .registry import blamed

if TYPE_CHECKING:
    from .config import Config
    from .explanation import Explanation

_WRONG = "expected another kind of value"

Format = Literal["event", "envelope", "otlp-logs", "otlp-traces", "otlp-metrics", "text"]


class Pipeline:
    """A chain of processors, ready to use. Thread-safe; starts no thread; does no I/O, but that
    once a second a keyring file is looked at.

    Every method fails closed: what cannot be judged comes back as None. Only `scrub` and `explain`,
    which are given bytes, raise RefusedPayload for what is not even of the format they were told.
    """

    def __init__(
        self,
        processors: Sequence[ProcessorConfig] | Mapping[str, ProcessorConfig],
        *,
        destination: str = "",
    ) -> None:
        """Compile. `destination` separates its pseudonyms from other destinations'.

        Raises ConfigError when a processor's options cannot be used, TypeError for what is none.
        """
        _expect_processors(processors)
        if not isinstance(processors, Mapping):
            processors = {f"{type(p).__name__.lower()}/{i}": p for i, p in enumerate(processors)}
        self.counters = Counters()
        self._processors = dict(processors)
        self._destination = destination
        steps = self._steps(processors)
        self._chain = Chain(steps, self.counters, "library", destination)
        self._stricter: Chain | None = None

    def _steps(self, processors: Mapping[str, ProcessorConfig]) -> list[Step]:
        steps, problems = [], []
        for id_, processor in processors.items():
            try:
                checked = _checked(processor)
                with blamed(checked):
                    if wrong := tuple(checked.problems()):
                        raise ConfigError(wrong)
                    built = checked.build(self._settings(id_))
                if isinstance(built, HashPart):
                    built.open(self._destination)
                steps.append(Step(id_, built))
            except ConfigError as error:
                problems += within(f"processors.{id_}", error.problems)
            except KeyringError as error:
                problems.append(Problem(f"processors.{id_}.keyring", str(error)))
        if problems:
            raise ConfigError(problems)
        return steps

    def _settings(self, id_: str) -> Settings:
        return Settings(id=id_, counters=self.counters, log=logging.getLogger(f"errlock.{id_}"))

    @classmethod
    def default(cls) -> Pipeline:
        """The policy of a configuration that says nothing: redact, balanced, no sampling."""
        from ..processors.redact import Redact

        return cls({"redact": Redact()})

    @classmethod
    def from_file(
        cls, path: str | Path, *, pipeline: str | None = None, exporter: str | None = None
    ) -> Pipeline:
        """The policy of a collector's configuration file. Raises ConfigError."""
        from .config import load

        return cls.from_config(load([str(path)]), pipeline=pipeline, exporter=exporter)

    @classmethod
    def from_config(
        cls,
        config: Config | Mapping[str, Any],
        *,
        pipeline: str | None = None,
        exporter: str | None = None,
    ) -> Pipeline:
        """The policy under which one exporter of one pipeline gets its documents.

        `config` may be a mapping, with what a configuration file could hold. Both names may be
        left out: then it is the first pipeline and its first exporter.
        Raises ConfigError when they do not exist, TypeError for what is no configuration.
        """
        from .config import Config, of_mapping

        if isinstance(config, Mapping):
            config = of_mapping(config)
        if not isinstance(config, Config):
            told = "expected a mapping (Pipeline.from_file reads a file)"
            raise TypeError(f"{told}, got {kind_of(config)}")
        pipelines = config.service.pipelines
        name = pipeline if pipeline is not None else next(iter(pipelines))
        if name not in pipelines:
            raise ConfigError([_unknown("pipeline", name, pipelines)])
        options = pipelines[name]
        target = exporter if exporter is not None else options.exporters[0]
        if target not in options.exporters:
            raise ConfigError([_unknown("exporter", target, options.exporters)])
        chain = cls({id_: config.processors[id_] for id_ in options.processors}, destination=target)
        own = config.exporters[target].processors
        if own:
            chain._processors |= {f"{target}: {id_}": config.processors[id_] for id_ in own}
            chain._stricter = cls(
                {id_: config.processors[id_] for id_ in own}, destination=target
            )._chain
        return chain

    @at_first_use
    def version(self) -> str:
        """Names the policy: another one when any option of a processor differs, but for secrets."""
        from .config.policy import policy_digest

        return policy_digest(self._processors.items())

    def prepare(self) -> None:
        """Make now what the first document would wait for: seconds, where nobody made it before.

        What cannot be made is no error here: then nothing can be judged, so nothing goes out.
        """
        for chain in (self._chain, self._stricter):
            if chain is not None:
                chain.prepare()

    def keep_traces(self, trace: TraceMaker) -> None:
        """Have payloads carry what was found in them, for an account of what leaves."""
        self._chain.keep_traces(trace)
        if self._stricter is not None:
            self._stricter.keep_traces(trace)

    def plant(self, payload: Payload, tell: Callable[[Planted], None] | None = None) -> None:
        """Put the decoys of its `tripwire`, if it has one, into a payload that leaves.

        After everything else, the account included; `tell` is told what was put in.
        """
        with whole:
            from .planting import plant

        stricter = self._stricter.planters if self._stricter is not None else ()
        if (planters := [*self._chain.planters, *stricter]) and self._destination:
            plant(payload, planters, self._destination, tell)

    def scrub_payload(self, payload: Payload) -> Payload | None:
        """A sanitised copy of a payload, or None when none of its documents may go out."""
        result = self.judge_payload(payload)
        return result if result.count_alive else None

    def judge_payload(self, payload: Payload) -> Payload:
        """A sanitised copy of a payload, in which what may not go out is lost."""
        result = self._chain.run(payload)
        return result if self._stricter is None else self._stricter.run(result)

    def scrub_event(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """A sanitised copy of a Sentry event, or None. The event itself is left as it is."""
        with whole:
            from .payloads.envelope import Envelope

        try:
            payload = Envelope.from_event(event, "", time.time())
        except RefusedPayload:
            return None
        result = self.scrub_payload(payload)
        if result is None:
            return None
        tree = result.alive[0].tree
        assert isinstance(tree, dict)
        return tree

    def scrub(self, data: bytes, format: Format = "event") -> bytes | None:  # noqa: A002  the CLI's word
        """Sanitise one encoded document; the result has the same format. None: it may not go out.

        `event`: a Sentry event as JSON; `envelope`: a Sentry envelope; `otlp-*`: a request as
        OTLP JSON; `text`: UTF-8 text. Raises RefusedPayload when the bytes cannot be read.
        """
        with whole:
            from .formats import codec_of, decode_text

        if format == "text":
            text = self.scrub_text(decode_text(data))
            return None if text is None else text.encode()
        if format == "event" and self._passes(data):
            return data
        codec = codec_of(format)
        result = self.scrub_payload(codec.decode(data))
        return None if result is None else codec.encode(result)

    def _passes(self, event: bytes) -> bool:
        """Whether an event goes out as it is, known from its bytes alone."""
        return self._chain.passes("event", event) and (
            self._stricter is None or self._stricter.passes("event", event)
        )

    def scrub_text(self, text: str) -> str | None:
        """A sanitised copy of free text (a log line), or None when it cannot be judged."""
        event = self.scrub_event({"message": text})
        return None if event is None else str(event["message"])

    def explain(self, data: bytes, format: Format = "event") -> list[Explanation]:  # noqa: A002  as in scrub
        """What the policy finds in one encoded document, and what becomes of it.

        One explanation a document that has findings or does not go out. They hold values as
        received: for the eyes of whoever gave the document in. Raises RefusedPayload.
        """
        with whole:
            from .explanation import explanations
            from .formats import codec_of, text_as_event

        payload = text_as_event(data) if format == "text" else codec_of(format).decode(data)
        scanned = self._chain.scan(payload)
        result = self._chain.render(scanned, self._chain.plan(self._destination))
        return explanations(self._chain.explain(scanned), result)


def _expect_processors(given: object) -> None:
    """Raise TypeError for what is no list of processors, with what would be one."""
    if isinstance(given, str | Path):
        raise TypeError("expected a list of processors; Pipeline.from_file reads a configuration")
    if not isinstance(given, Mapping | Sequence):
        raise TypeError(f"expected a list of processors such as [Redact()], got {kind_of(given)}")
    for each in given.values() if isinstance(given, Mapping) else given:
        if not isinstance(each, ProcessorConfig):
            told = "expected processors such as Redact() (Pipeline.from_config takes a mapping)"
            raise TypeError(f"{told}, got {kind_of(each)}")


def _checked(processor: ProcessorConfig) -> ProcessorConfig:
    """The same options, each of its type: a struct that is made in code does not check them.

    Text may stand for a secret, a duration or a size, as in a file. Raises ConfigError.
    """
    try:
        return msgspec.convert(
            msgspec.structs.asdict(processor),
            type(processor),
            dec_hook=lambda type_, value: (
                value if isinstance(value, type_) else decode_option(type_, value)
            ),
        )
    except msgspec.ValidationError as error:
        _, _, path = str(error).partition(" - at `$.")
        raise ConfigError(_wrong(processor) or [Problem(path.rstrip("`"), _WRONG)]) from None


def _wrong(processor: ProcessorConfig) -> list[Problem]:
    """What a file with these options would be told: msgspec's text says what they are."""
    from .config.decoding import Decoder
    from .config.written import as_written

    decoder = Decoder({})
    decoder.struct(type(processor), as_written(processor), ())
    return decoder.problems


def _unknown(kind: str, name: str, known: Iterable[str]) -> Problem:
    return Problem("", f"unknown {kind} '{name}'. Known: {', '.join(known)}")
