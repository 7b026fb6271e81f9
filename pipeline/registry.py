"""Which component types there are, and where the configuration struct of each is.

Nothing registers itself: the built-in types stand in the table below and are imported when they
are named. Other packages add types by entry points in the groups `errlock.receivers`,
`errlock.processors` and `errlock.exporters`, each naming a configuration struct; they cannot
replace a built-in type, so that no installed package can put itself in the place of `redact`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, packages_distributions
from pathlib import Path as FilePath
from traceback import extract_tb
from typing import Literal, TypeAlias, get_args

from .component import ComponentConfig, ExporterConfig, ProcessorConfig, ReceiverConfig
from .errors import ConfigError, Problem

Kind = Literal["receiver", "processor", "exporter"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Where each stands in a configuration.
SECTIONS: Mapping[str, Kind] = {f"{kind}s": kind for kind in KINDS}

_Table: TypeAlias = Mapping[Kind, Mapping[str, "str | type[ComponentConfig]"]]

BUILT_IN: _Table = {
    "receiver": {
        "file": "errlock.receivers.file:FileReceiverConfig",
        "otlp": "errlock.receivers.otlp:OtlpReceiverConfig",
        "sentry": "errlock.receivers.sentry:SentryReceiverConfig",
    },
    "processor": {
        "filter": "errlock.processors.filter:Filter",
        "generalize": "errlock.processors.generalize:Generalize",
        "hash": "errlock.processors.hash:Hash",
        "keep": "errlock.processors.keep:Keep",
        "redact": "errlock.processors.redact:Redact",
        "sample": "errlock.processors.sample:Sample",
        "tripwire": "errlock.processors.tripwire:Tripwire",
    },
    "exporter": {
        "debug": "errlock.exporters.debug:DebugExporterConfig",
        "file": "errlock.exporters.file:FileExporterConfig",
        "local": "errlock.exporters.local:LocalExporterConfig",
        "otlp": "errlock.exporters.otlp:OtlpExporterConfig",
        "otlp_http": "errlock.exporters.otlp_http:OtlpHttpExporterConfig",
        "sentry": "errlock.exporters.sentry:SentryExporterConfig",
    },
}
# What the collector calls them, or called them.
ALIASES: Mapping[Kind, Mapping[str, str]] = {
    "receiver": {},
    "processor": {"redaction": "redact"},
    "exporter": {"otlp_grpc": "otlp", "otlphttp": "otlp_http", "logging": "debug"},
}
# What collector users look for and do not need here.
_NOT_NEEDED: Mapping[Kind, Mapping[str, str]] = {
    "receiver": {"filelog": "write 'file' with follow: true"},
    "processor": {
        "attributes": "write 'redact' with selectors",
        "batch": "leave it out, every exporter has a queue of its own",
        "memory_limiter": "leave it out, receivers refuse early under load",
        "probabilistic_sampler": "write 'sample' with a rate",
        "resource": "write 'redact' with selectors",
        "tail_sampling": "write 'sample', which keeps or drops a trace by its id",
        "transform": "write 'generalize' with rules, or 'redact'",
    },
    "exporter": {},
}
_CONTRACTS: Mapping[Kind, type[ComponentConfig]] = {
    "receiver": ReceiverConfig,
    "processor": ProcessorConfig,
    "exporter": ExporterConfig,
}


class NoSuchType(LookupError):  # noqa: N818  what the name is, as LookupErrors say
    """A type name that nothing provides, or whose provider cannot be loaded. Says what is known."""


@contextmanager
def blamed(config: object, path: str = "") -> Iterator[None]:
    """What a component of another package fails of is said to be its fault: in a ConfigError that
    names its `path` and the package, not the text, which may carry a value.
    """
    try:
        yield
    except (ConfigError, OSError):  # these say it themselves
        raise
    except Exception as failure:
        module = type(config).__module__.partition(".")[0]
        if module == "errlock":
            raise
        package = " and ".join(sorted(set(packages_distributions().get(module, ()))))
        *_, last = extract_tb(failure.__traceback__)
        where = f"{FilePath(last.filename).name}:{last.lineno}"
        told = f"failed with {type(failure).__name__} ({where}), in the package {package or module}"
        raise ConfigError([Problem(path, told)]) from None


def nearest(name: str, known: Mapping[str, object] | list[str]) -> str:
    """`; did you mean 'redact'?`, or nothing when no known name is near."""
    lower = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), list(lower), n=1)
    return f"; did you mean {lower[found[0]]!r}?" if found else ""


class Registry:
    """The component types that a configuration may name. Never changed: see `having`, `without`."""

    def __init__(self, types: _Table = BUILT_IN, *, plugins: bool = True) -> None:
        """`plugins` says whether entry points of other packages count."""
        self._types = {kind: dict(types.get(kind, {})) for kind in KINDS}
        self._plugins = plugins

    def having(self, kind: Kind, name: str, config: type[ComponentConfig]) -> Registry:
        """A registry with one more type."""
        types = {each: dict(found) for each, found in self._types.items()}
        types[kind][name] = config
        return Registry(types, plugins=self._plugins)

    def without(self, kind: Kind, name: str) -> Registry:
        """A registry without a type of this table; entry points are switched off as a whole."""
        types = {each: dict(found) for each, found in self._types.items()}
        types[kind].pop(name, None)
        return Registry(types, plugins=self._plugins)

    def names(self, kind: Kind) -> list[str]:
        """Every type name of a kind, sorted, aliases left out. Loads nothing."""
        plugins = {point.name for point in self._entry_points(kind)}
        return sorted(plugins | set(self._types[kind]))

    def canonical(self, kind: Kind, name: str) -> str:
        """The name of a type that may be written by an alias."""
        return name if name in self._types[kind] else ALIASES[kind].get(name, name)

    def find(self, kind: Kind, name: str) -> type[ComponentConfig]:
        """The configuration struct of a type, imported now. Raises NoSuchType."""
        name = self.canonical(kind, name)
        known = self._types[kind].get(name)
        if known is None:
            config = self._load(kind, name)
        else:
            config = _imported(kind, name, known) if isinstance(known, str) else known
        if not isinstance(config, type) or not issubclass(config, _CONTRACTS[kind]):
            raise NoSuchType(
                f"{kind} type {name!r} does not name a subclass of {_CONTRACTS[kind].__name__}"
            )
        return config

    def _entry_points(self, kind: Kind) -> list[EntryPoint]:
        return list(entry_points(group=f"errlock.{kind}s")) if self._plugins else []

    def _load(self, kind: Kind, name: str) -> object:
        found = [point for point in self._entry_points(kind) if point.name == name]
        if not found:
            raise NoSuchType(self._unknown(kind, name))
        packages = sorted({point.dist.name if point.dist else point.module for point in found})
        if len(packages) > 1:
            raise NoSuchType(
                f"{kind} type {name!r} is provided by {' and '.join(packages)}: uninstall one"
            )
        try:
            return found[0].load()
        except Exception as error:  # noqa: BLE001  whatever the import of a foreign package raises
            # Of an import it says what is missing; any other text may carry a value.
            text = f": {error}" if isinstance(error, ImportError) else ""
            raise NoSuchType(
                f"{kind} type {name!r} of the package {packages[0]} cannot be loaded "
                f"({type(error).__name__}{text}); is it installed with its dependencies?"
            ) from None

    def _unknown(self, kind: Kind, name: str) -> str:
        names = self.names(kind)
        hint = _NOT_NEEDED[kind].get(name)
        near = f"; {hint}." if hint else nearest(name, names) or "."
        return f"unknown {kind} type {name!r}{near} Known: {', '.join(names)}"


def _imported(kind: Kind, name: str, dotted: str) -> object:
    """A built-in type. What it needs may be missing in a broken installation."""
    module, _, attribute = dotted.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        raise NoSuchType(f"{kind} type {name!r} cannot be loaded ({error})") from None


DEFAULT = Registry()
