"""Specifications of optimisers and schedules: what they accept, refuse, store, and which share a program."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from basin.spec.base import first_error, traced_leaves
from basin.spec.ids import content_id, static_id
from basin.spec.optimizer import SGD, Adadelta, AdaGrad, Adam, AdamW, AnyOptimizer, GradientDescent, RMSProp
from basin.spec.schedule import Constant, Cosine, Exponential, Linear, PowerLaw, Step, Warmup

ADAPTER = TypeAdapter(AnyOptimizer)

positive = st.floats(1e-12, 1e6)
inner = st.floats(0.001, 0.999)
simple = st.one_of(
    st.builds(Constant, value=positive),
    st.builds(Linear, initial=positive, final=positive, until=inner),
    st.builds(PowerLaw, initial=positive, power=st.floats(-3, -0.01), scale=positive, every=st.none() | inner),
    st.builds(Exponential, initial=positive, decay=inner, scale=positive),
    st.builds(Cosine, initial=positive, final=positive),
    st.builds(Step, initial=positive, factor=positive, at=st.lists(inner, min_size=1, unique=True).map(sorted)),
)
schedules = simple | st.builds(Warmup, fraction=inner, then=simple, start=inner)
rates = positive | schedules
off_or_on = st.sampled_from([0, 0.0, -0.0, False]) | inner
common = {"learning_rate": rates, "weight_decay": off_or_on, "clip_norm": st.none() | positive}
optimizers = st.one_of(
    st.builds(GradientDescent, **common),
    st.builds(SGD, **common, momentum=off_or_on),
    st.builds(SGD, **common, momentum=inner, nesterov=st.booleans(), momentum_form=st.just("averaged")),
    st.builds(AdaGrad, **common, epsilon=positive),
    st.builds(RMSProp, **common, beta=inner, epsilon=positive),
    st.builds(Adam, **(common | {"weight_decay": inner}), decay=st.sampled_from(["coupled", "decoupled"])),
    st.builds(AdamW, **common, beta1=inner, beta2=inner, epsilon=positive),
    st.builds(Adadelta, **common, rho=inner),
)


@given(optimizers)
def test_survives_json_and_plain_data(spec):
    for copy in (ADAPTER.validate_json(spec.model_dump_json()), ADAPTER.validate_python(spec.model_dump())):
        assert copy == spec
        assert content_id(copy) == content_id(spec)
        assert static_id(copy) == static_id(spec)


@given(rates, rates, inner, inner)
def test_numbers_move_the_content_id_only(one, other, mu, nu):
    """Two schedules of one shape share a program; equality of content is equality of values."""
    a, b = SGD(learning_rate=one, momentum=mu), SGD(learning_rate=other, momentum=nu)
    assert (content_id(a) == content_id(b)) == (a == b)
    if traced_leaves(a).keys() == traced_leaves(b).keys() and a.learning_rate.kind == b.learning_rate.kind:
        assert static_id(a) == static_id(b)


def test_eight_learning_rates_are_one_program():
    assert len({static_id(Adam(learning_rate=10.0**-k)) for k in range(8)}) == 1


def test_kinds_options_and_absent_stages_are_programs_of_their_own():
    rate = {"learning_rate": 0.1}
    specs = [
        GradientDescent(**rate),
        SGD(**rate),
        SGD(**rate, momentum=0.9),
        SGD(**rate, momentum=0.9, nesterov=True),
        SGD(**rate, momentum=0.9, momentum_form="averaged"),
        SGD(**rate, weight_decay=0.1),
        SGD(**rate, clip_norm=1.0),
        Adam(**rate),
        AdamW(**rate),
        Adam(learning_rate=Cosine(initial=0.1)),
        Adam(learning_rate=Step(initial=0.1, factor=0.1, at=(0.5,))),
        Adam(learning_rate=Step(initial=0.1, factor=0.1, at=(0.5, 0.75))),
    ]
    assert len({static_id(spec) for spec in specs}) == len(specs)


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, False, "0"])
def test_a_momentum_of_zero_is_none_and_still_reads_as_zero(zero):
    spec = SGD(learning_rate=0.1, momentum=zero)
    assert spec == SGD(learning_rate=0.1)
    assert spec.momentum == 0.0
    assert "momentum" not in traced_leaves(spec)
    assert "momentum=0.0" in repr(spec)
    assert '"momentum":0.0' in spec.model_dump_json()


def test_equal_requests_have_equal_ids():
    assert content_id(SGD(learning_rate=1)) == content_id(SGD(learning_rate=1.0, momentum=0.0))
    assert content_id(SGD(learning_rate=1)) == content_id(SGD(learning_rate=Constant(value=1), weight_decay=-0.0))
    assert content_id(Adam()) == content_id(Adam(learning_rate=0.001, beta2=0.999))


def test_ids_are_the_same_in_every_process_and_release():
    """Pinned: a change here loses every stored run, and needs a new numerics version."""
    assert content_id(SGD(learning_rate=0.1, momentum=0.9)) == "25d0bd6c8452c6a9"
    assert content_id(AdamW(learning_rate=Warmup(fraction=0.1, then=0.01), weight_decay=0)) == "46e285aec8364851"


def test_published_defaults():
    assert (Adam().beta1, Adam().beta2, Adam().epsilon) == (0.9, 0.999, 1e-8)
    assert (RMSProp().beta, RMSProp().epsilon) == (0.9, 1e-8)
    assert AdaGrad(learning_rate=0.1).epsilon == 1e-8
    assert (Adadelta().rho, Adadelta().epsilon, Adadelta().learning_rate) == (0.95, 1e-6, Constant(value=1.0))


REFUSED = {
    "misspelt field": (
        {"kind": "sgd", "learning_rat": 0.1},
        "unknown field of SGD: 'learning_rat'; did you mean",
    ),
    "misspelt rule": ({"kind": "adm"}, "unknown kind of optimiser: 'adm'; did you mean 'adam'"),
    "no rule": ({"learning_rate": 0.1}, "expected the kind of optimiser, one of gradient_descent, sgd"),
    "misspelt schedule": ({"kind": "adam", "learning_rate": {"kind": "cosin"}}, "did you mean 'cosine'"),
    "misspelt field of a schedule": (
        {"kind": "adam", "learning_rate": {"kind": "cosine", "inital": 1}},
        "unknown field of Cosine: 'inital'; did you mean 'initial'",
    ),
    "rate in words": ({"kind": "sgd", "learning_rate": "fast"}, "learning_rate.*got 'fast'"),
    "rate that is a truth": ({"kind": "sgd", "learning_rate": True}, "expected a number or a schedule, got True"),
    "negative rate": ({"kind": "sgd", "learning_rate": -0.1}, "greater than or equal to 0, got -0.1"),
    "infinite rate": ({"kind": "sgd", "learning_rate": float("inf")}, "finite number"),
    "no rate": ({"kind": "sgd"}, "learning_rate: Field required"),
    "momentum above 1": ({"kind": "sgd", "learning_rate": 1, "momentum": 1.5}, "momentum: .*less than or equal to 1"),
    "momentum that is a truth": ({"kind": "sgd", "learning_rate": 1, "momentum": True}, "expected a number, got True"),
    "clipping to nothing": ({"kind": "adam", "clip_norm": 0}, "clip_norm: .*greater than 0"),
    "epsilon of 0": ({"kind": "adam", "epsilon": 0}, "epsilon: .*greater than 0"),
    "idle nesterov": (
        {"kind": "sgd", "learning_rate": 1, "nesterov": True},
        "nesterov=True has no effect at momentum=0",
    ),
    "idle averaging": (
        {"kind": "sgd", "learning_rate": 1, "momentum_form": "averaged"},
        "momentum_form='averaged' has no effect at momentum=0",
    ),
    "idle decoupling": ({"kind": "adam", "decay": "decoupled"}, "decay='decoupled' has no effect at weight_decay=0"),
    "decoupling without memory": (
        {"kind": "sgd", "learning_rate": 1, "weight_decay": 0.1, "decay": "decoupled"},
        "decay='decoupled' has no effect at momentum=0",
    ),
    "steps out of order": (
        {"kind": "adam", "learning_rate": {"kind": "step", "initial": 1, "factor": 0.1, "at": (0.5, 0.2)}},
        "expected ascending fractions of the budget",
    ),
    "warm-up without end": (
        {"kind": "adam", "learning_rate": {"kind": "warmup", "fraction": 1.0, "then": 1}},
        "fraction: .*less than 1",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_what_was_expected_in_one_line(case):
    form, message = REFUSED[case]
    with pytest.raises(ValidationError) as caught:
        ADAPTER.validate_python(form)
    line = first_error(caught.value)
    assert "\n" not in line
    with pytest.raises(ValueError, match=message):
        raise ValueError(line)


def test_replacing_a_field_validates_it():
    spec = SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    assert spec.replace(learning_rate=0.2).learning_rate == Constant(value=0.2)
    with pytest.raises(ValidationError, match="nesterov=True has no effect"):
        spec.replace(momentum=0)
