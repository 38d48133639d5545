"""What every specification has in common: frozen, validated, serialisable, and each number declared.

A specification says what to build and builds nothing. Two declarations on its fields decide how runs are grouped:

* a **traced** number enters the compiled program as an argument, so runs that differ in it share the program;
* a **static** number shapes the program, so runs that differ in it need another one.

A **host** number is read by the loop around the program (when to evaluate, when to stop) and never reaches it.
A numeric field that declares none of the three fails when its class is made. Runs of one group have the same
:func:`static_form`; what differs between them is their :func:`traced_leaves`, and :func:`with_leaves` puts other
values (inside the program: tracers) in their place.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator


class _Mark:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


TRACED = _Mark("TRACED")
"""Marks a number that may differ between the runs of a group."""

STATIC = _Mark("STATIC")
"""Marks a number that shapes the compiled program."""

HOST = _Mark("HOST")
"""Marks a number, or a whole field, that only the loop around the program reads; runs of a group may differ in it."""


class LocationMark(_Mark):
    """Marks a field that says where or as what something is looked for, and which other field says what was found."""

    def __init__(self, identity: str) -> None:
        super().__init__("LOCATION")
        self.identity = identity


TracedFloat = Annotated[float, TRACED]
TracedInt = Annotated[int, TRACED]
StaticFloat = Annotated[float, STATIC]
StaticInt = Annotated[int, STATIC]
HostFloat = Annotated[float, HOST]
HostInt = Annotated[int, HOST]


class Spec(BaseModel):
    """A frozen description of something to build; unknown fields are refused, with the nearest name."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if _has_number(field.annotation, field.metadata) and not _marks(field.annotation, field.metadata):
                raise TypeError(f"{cls.__name__}.{name} holds a number and declares none of TRACED, STATIC and HOST")

    @model_validator(mode="before")
    @classmethod
    def _name_the_nearest_field(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for name in value:
                if name not in cls.model_fields:
                    raise ValueError(unknown_name(str(name), cls.model_fields, f"field of {cls.__name__}"))
        return value

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read a specification written as TOML.

        Raises:
            ValueError: The text is no TOML, or a field is unknown or unfit; one line.
        """
        try:
            return cls.model_validate(tomllib.loads(text))
        except ValidationError as error:
            raise ValueError(first_error(error)) from None
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"expected TOML: {error}") from None

    def to_toml(self) -> str:
        """Write the specification as TOML; a field without a value, which TOML cannot say, is left out."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed."""
        return type(self).model_validate({**_fields(self), **changes})


def unknown_name(name: str, known: typing.Iterable[str], what: str) -> str:
    """Say that `name` is no `what`, and which known name is nearest."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(known)}"
    return f"unknown {what}: '{name}'; {hint}"


def first_error(error: ValidationError) -> str:
    """Return one line for a validation error: where, what came, what was expected."""
    detail = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] != "value_error":
        message = f"{message}, got {detail['input']!r}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {message}{more}" if where else f"{message}{more}"


def traced_leaves(spec: Spec) -> dict[str, float | int]:
    """Return the traced numbers of a specification by dotted path, in field order."""
    return {path: value for path, value, mark in _leaves(spec) if mark is TRACED and _is_number(value)}


def with_leaves(spec: Spec, leaves: Mapping[str, Any]) -> Spec:
    """Return an unvalidated copy in which the numbers at `leaves`' dotted paths are replaced, by tracers perhaps.

    Raises:
        KeyError: A path names no traced number of the specification.
    """
    unknown = leaves.keys() - traced_leaves(spec).keys()
    if unknown:
        raise KeyError(f"{type(spec).__name__} has no traced number at {sorted(unknown)}")
    return _rebuild(spec, "", leaves)


def static_form(spec: Spec) -> dict[str, Any]:
    """Return the specification as plain data without host fields, each traced number replaced by the word `traced`."""
    marks = {name: _field_mark(spec, name) for name in type(spec).model_fields}
    kept = [name for name, mark in marks.items() if mark is not HOST and not is_mere_location(spec, name)]
    return {name: _static_value(getattr(spec, name), marks[name]) for name in kept}


def is_mere_location(spec: Spec, name: str) -> bool:
    """Return whether the field says where something lies while another field already says what lies there."""
    mark = _field_mark(spec, name)
    return isinstance(mark, LocationMark) and getattr(spec, mark.identity) is not None


def _static_value(value: Any, mark: _Mark | None) -> Any:
    if isinstance(value, Spec):
        return static_form(value)
    if isinstance(value, tuple):
        return [_static_value(item, mark) for item in value]
    return "traced" if mark is TRACED and _is_number(value) else value


def _fields(spec: Spec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in type(spec).model_fields}


def _leaves(spec: Spec, prefix: str = "") -> Iterator[tuple[str, Any, _Mark | None]]:
    for name, value in _fields(spec).items():
        mark = _field_mark(spec, name)
        if mark is not HOST:
            yield from _value_leaves(value, mark, f"{prefix}{name}")


def _value_leaves(value: Any, mark: _Mark | None, path: str) -> Iterator[tuple[str, Any, _Mark | None]]:
    if isinstance(value, Spec):
        yield from _leaves(value, f"{path}.")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _value_leaves(item, mark, f"{path}.{index}")
    else:
        yield path, value, mark


def _rebuild(value: Any, path: str, leaves: Mapping[str, Any]) -> Any:
    prefix = f"{path}." if path else ""
    if isinstance(value, Spec):
        changed = {name: _rebuild(item, f"{prefix}{name}", leaves) for name, item in _fields(value).items()}
        return value.model_copy(update=changed)
    if isinstance(value, tuple):
        return tuple(_rebuild(item, f"{prefix}{index}", leaves) for index, item in enumerate(value))
    return leaves.get(path, value)


def _field_mark(spec: Spec, name: str) -> _Mark | None:
    return _mark_of(type(spec), name)


@functools.cache
def _mark_of(kind: type[Spec], name: str) -> _Mark | None:
    field = kind.model_fields[name]
    return next(iter(_marks(field.annotation, field.metadata)), None)


def _marks(annotation: Any, metadata: typing.Iterable[Any] = ()) -> list[_Mark]:
    found = [item for item in metadata if isinstance(item, _Mark)]
    if typing.get_origin(annotation) is Annotated:
        inner, *extra = typing.get_args(annotation)
        return found + _marks(inner, extra)
    for argument in typing.get_args(annotation):
        found += _marks(argument)
    return found


def _has_number(annotation: Any, metadata: typing.Iterable[Any] = ()) -> bool:
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return False
    if origin is Annotated or origin in (typing.Union, types.UnionType, tuple, list, dict):
        return any(_has_number(argument) for argument in typing.get_args(annotation))
    return annotation in (int, float, complex)


def _is_number(value: Any) -> bool:
    return not isinstance(value, (str, bytes, bool, Mapping)) and value is not None
