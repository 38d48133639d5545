"""A specification declares its numbers, refuses what it does not know, and splits into a static form and leaves."""

from typing import Annotated, Literal

import pytest
from pydantic import ValidationError

from basin.spec.base import (
    HOST,
    Spec,
    StaticInt,
    TracedFloat,
    TracedInt,
    first_error,
    static_form,
    traced_leaves,
    with_leaves,
)


class Inner(Spec):
    kind: Literal["inner"] = "inner"
    rate: TracedFloat = 0.5
    rates: tuple[TracedFloat, ...] = (1.0, 2.0)


class Outer(Spec):
    inner: Inner = Inner()
    width: StaticInt = 3
    seed: TracedInt = 7
    limit: TracedFloat | None = None
    checks: Annotated[tuple[Inner, ...], HOST] = ()


def test_a_number_that_declares_nothing_fails_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match=r"Bad\.size holds a number and declares none"):

        class Bad(Spec):
            size: int = 3


@pytest.mark.parametrize("annotation", [float, int | None, tuple[int, ...], dict[str, float], Annotated[float, "m"]])
def test_numbers_are_found_wherever_they_hide(annotation: object) -> None:
    with pytest.raises(TypeError, match="holds a number"):
        type("Bad", (Spec,), {"__annotations__": {"size": annotation}})


def test_traced_leaves_are_named_by_their_paths_and_leave_host_fields_out() -> None:
    spec = Outer(checks=(Inner(),))
    assert traced_leaves(spec) == {"inner.rate": 0.5, "inner.rates.0": 1.0, "inner.rates.1": 2.0, "seed": 7}


def test_with_leaves_replaces_only_what_it_names_and_takes_anything() -> None:
    tracer = object()
    changed = with_leaves(Outer(), {"inner.rates.1": tracer})
    assert changed.inner.rates == (1.0, tracer)
    assert changed.replace is not None
    assert changed.width == 3


def test_with_leaves_refuses_a_static_field() -> None:
    with pytest.raises(KeyError, match="width"):
        with_leaves(Outer(), {"width": 4})


def test_static_form_is_equal_exactly_for_runs_of_one_program() -> None:
    assert static_form(Outer()) == static_form(Outer(seed=1, inner=Inner(rate=0.1), checks=(Inner(),)))
    assert static_form(Outer()) != static_form(Outer(width=4))
    assert static_form(Outer()) != static_form(Outer(limit=1.0)), "a number where none was is another program"
    assert static_form(Outer()) != static_form(Outer(inner=Inner(rates=(1.0,))))


def test_a_misspelt_field_is_met_with_the_nearest_name() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"widht": 3})
    assert first_error(caught.value) == "unknown field of Outer: 'widht'; did you mean 'width'?"


def test_a_wrong_value_is_named_with_its_path() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": {"rate": "fast"}})
    assert first_error(caught.value).startswith("inner.rate: ")
    assert "'fast'" in first_error(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(value: float) -> None:
    with pytest.raises(ValidationError):
        Inner(rate=value)


def test_a_specification_cannot_be_changed_and_a_copy_is_validated() -> None:
    with pytest.raises(ValidationError):
        Outer().width = 4  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValidationError):
        Outer().replace(width="wide")
