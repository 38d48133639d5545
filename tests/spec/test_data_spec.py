import pytest
from pydantic import TypeAdapter, ValidationError

from basin.spec.base import first_error, static_form, traced_leaves
from basin.spec.data import AnyData, Cifar5m, Cifar10, Cifar100, Digits, Frames, Glyphs, ImageFolder, Mnist, Npz
from basin.spec.ids import canonical, content_id, static_id

SPECS = [
    Digits(),
    Digits(num_train=100, label_noise=0.1),
    Glyphs(),
    Glyphs(size=8, num_train=7),
    Npz(path="a.npz"),
    Cifar5m(path="cifar5m", num_train=50_000),
    ImageFolder(path="images", classes=(("dog", ("a", "b")), ("bird", ("c",)))),
    Mnist(),
    Mnist(path="fashion", published="any", num_classes=7),
    Cifar10(published=False),
    Cifar100(labels="coarse", sha256="0" * 64),
    Frames(path="timit.npz"),
]
HASH, OTHER_HASH = "0" * 64, "1" * 64


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_a_specification_survives_json_and_is_told_by_its_kind(spec):
    assert TypeAdapter(AnyData).validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: Digits(label_noise=1.0), "label_noise"),
        (lambda: Digits(label_noise=-0.1), "label_noise"),
        (lambda: Digits(num_train=1438), "num_train"),
        (lambda: Digits(num_train=0), "num_train"),
        (lambda: Glyphs(size=12), "size"),
        (lambda: Glyphs(channels=2), "channels"),
        (lambda: Glyphs(difficulty=1.01), "difficulty"),
        (lambda: Glyphs(difficulty=float("nan")), "difficulty"),
        (lambda: Glyphs(num_train=0), "num_train"),
        (lambda: Glyphs(num_test=0), "num_test"),
        (lambda: Npz(path=""), "path"),
        (lambda: Npz(path="a", sha256="xyz"), "sha256"),
        (lambda: Npz(path="a", num_classes=1), "num_classes"),
        (lambda: Cifar5m(path="a", num_train=0), "num_train"),
        (lambda: Mnist(published="emnist"), "published"),
        (lambda: Mnist(num_classes=257), "num_classes"),
        (lambda: Mnist(path=""), "path"),
        (lambda: Cifar10(num_train=1), "num_train"),
        (lambda: Cifar100(labels="medium"), "labels"),
        (lambda: Frames(sample="last"), "sample"),
        (lambda: ImageFolder(path="a", size=0), "size"),
        (lambda: ImageFolder(path="a", test_share=1.0), "test_share"),
        (lambda: ImageFolder(path="a", classes={"dog": ["a"], "bird": ["a"]}), "each folder once, got a"),
        (lambda: Glyphs(dificulty=0.1), "did you mean 'difficulty'?"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_the_field(make, where):
    with pytest.raises(ValidationError) as refusal:
        make()
    message = first_error(refusal.value)
    assert where in message
    assert "\n" not in message


@pytest.mark.parametrize("field", [{"difficulty": 0.3}, {"num_train": 400}, {"label_noise": 0.2}])
def test_traced_fields_share_a_program(field):
    spec = Glyphs(num_train=500)
    assert static_id(spec.replace(**field)) == static_id(spec)
    assert content_id(spec.replace(**field)) != content_id(spec)


@pytest.mark.parametrize("field", [{"size": 8}, {"channels": 3}, {"num_test": 50}, {"num_train": None}])
def test_static_fields_do_not(field):
    spec = Glyphs(num_train=500)
    assert static_id(spec.replace(**field)) != static_id(spec)


def test_traced_numbers_are_listed():
    assert traced_leaves(Glyphs(num_train=5)) == {"difficulty": 0.5, "num_train": 5, "label_noise": 0.0}


def test_a_known_file_is_named_by_its_content_and_not_by_its_place():
    here, there = Npz(path="here.npz", sha256=HASH), Npz(path="there.npz", sha256=HASH)
    assert content_id(here) == content_id(there)
    assert static_form(here) == static_form(there)
    assert content_id(here) != content_id(here.replace(sha256=OTHER_HASH))


def test_a_known_set_is_named_by_its_content_and_not_by_what_it_had_to_be():
    found = Mnist(sha256=HASH)
    assert canonical(found) == canonical(Mnist(path="m", published="any", sha256=HASH))
    assert content_id(Mnist(path="m")) != content_id(Mnist(path="m", published="any"))
    assert content_id(Cifar100(sha256=HASH)) != content_id(Cifar100(sha256=HASH, labels="coarse"))


def test_an_unknown_file_is_named_by_its_place():
    assert canonical(Npz(path="here.npz")) == {"kind": "npz", "path": "here.npz"}
    assert content_id(Npz(path="here.npz")) != content_id(Npz(path="there.npz"))


def test_only_a_stream_without_a_sample_size_is_endless():
    assert [spec for spec in SPECS if spec.endless] == [Glyphs()]
