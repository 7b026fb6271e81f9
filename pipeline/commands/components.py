"""`errlock components`: which components there are and what can be set about them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, get_args, get_origin

import msgspec

from ..component import ComponentConfig
from ..registry import KINDS, Kind, NoSuchType, Registry, nearest
from ..terminal import err, out, table
from .options import Commands, add_command, add_json_option


@dataclass(frozen=True, slots=True)
class Option:
    """What can be set about a component."""

    name: str
    type: str
    required: bool
    default: Any
    description: str


@dataclass(frozen=True, slots=True)
class Description:
    """A component type as users see it."""

    kind: Kind
    type: str
    summary: str
    options: list[Option]


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "components", "list the components, or the options of one", "",
        "  errlock components\n  errlock components redact\n  errlock components --json",
    )  # fmt: skip
    parser.add_argument("type", nargs="?", metavar="TYPE", help="show the options of this type")
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    found = _all(args.registry)
    if args.type is not None:
        names = [each.type for each in found]
        wanted = {args.registry.canonical(kind, args.type) for kind in KINDS}
        found = [each for each in found if each.type in wanted]
        if not found:
            near = nearest(args.type, names) or "."
            known = ", ".join(sorted(set(names)))
            err(f"errlock components: unknown type {args.type!r}{near} Known: {known}")
            return 2
    if args.json:
        out(json.dumps([asdict(each) for each in found], indent=2))
    elif args.type is not None:
        for each in found:
            _show(each)
    else:
        for line in table([(each.kind, each.type, each.summary) for each in found]):
            out(line)
    return 0


def _all(registry: Registry) -> list[Description]:
    found = []
    for kind in KINDS:
        for name in registry.names(kind):
            try:
                found.append(describe_component(kind, name, registry.find(kind, name)))
            except NoSuchType as error:
                found.append(Description(kind, name, str(error), []))
    return found


def describe_component(kind: Kind, name: str, config: type[ComponentConfig]) -> Description:
    """What a type is and what can be set about it: from its docstring and its fields."""
    from ..config.service import DestinationOptions

    options = list(_options(config))
    if kind == "exporter":
        own = {option.name.partition(".")[0] for option in options}
        common = _options(DestinationOptions)
        options += [option for option in common if option.name.partition(".")[0] not in own]
    summary = (config.__doc__ or "").partition("\n")[0]
    return Description(kind, name, summary, options)


def _options(struct: Any, prefix: str = "", inside: tuple[Any, ...] = ()) -> Iterator[Option]:
    """The options of a struct and of the structs in it, by dotted name."""
    from ..config.expected import describe
    from ..config.schema import default_of
    from ..config.written import as_written

    for field in msgspec.structs.fields(struct):
        name = f"{prefix}{field.encode_name}"
        metas = getattr(field.type, "__metadata__", ())
        texts = [m.description for m in metas if isinstance(m, msgspec.Meta) and m.description]
        default = None if field.required else as_written(default_of(field))
        nested = [each for each in _nested(field.type, name) if each[1] not in (*inside, struct)]
        if not nested:
            kind = describe(field.type).partition(" such as")[0]
            default = None if default is msgspec.UNSET else default
            yield Option(name, kind, field.required, default, texts[0] if texts else "")
        for path, each in nested:
            yield from _options(each, f"{path}.", (*inside, struct))


def _nested(type_: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The structs that a type holds, each with the name under which it stands."""
    from ..config.expected import MAPPINGS, SEQUENCES, alternatives, is_struct

    for kind in alternatives(type_):
        args, origin = get_args(kind), get_origin(kind)
        if is_struct(kind):
            yield path, kind
        elif origin in MAPPINGS:
            yield from _nested(args[1], f"{path}.*")
        elif origin in SEQUENCES:
            yield from _nested(args[0], f"{path}[]")


def _show(component: Description) -> None:
    out(f"{component.kind} {component.type}: {component.summary}")
    for option in component.options:
        default = "required" if option.required else json.dumps(option.default)
        out(f"\n  {option.name}  ({option.type}; {default})")
        if option.description:
            out(f"      {option.description}")
    out()
