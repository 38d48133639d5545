"""What every registered source must keep; a source that is registered enters by itself, or fails for want of a case."""

import jax
import numpy as np
import pytest
from data_samples import cases

from basin.data import SOURCES, depends_on_seed, describe, load, resolve, stream, vocabulary
from basin.spec.base import traced_leaves, with_leaves
from basin.spec.data import BOS, EOS, NO_TOKEN, PAD, UNK


@pytest.fixture(scope="module")
def specs(tmp_path_factory):
    return cases(tmp_path_factory.mktemp("data"))


@pytest.fixture(params=[(kind, i) for kind in SOURCES for i in range(3)], ids=lambda p: f"{p[0]}-{p[1]}")
def spec(request, specs):
    kind, index = request.param
    return specs[kind][index]


def parts(data):
    return data.x_train, data.y_train, data.x_test, data.y_test


def same(a, b):
    return all(x.tobytes() == y.tobytes() for x, y in zip(parts(a), parts(b), strict=True))


def is_text(spec):
    return SOURCES[spec.kind].vocabulary is not None


def _skip_unless_standardised(spec):
    if "standardise" not in type(spec).model_fields:
        pytest.skip("its inputs have the scale that their distribution gives them")


def test_the_kind_of_a_specification_finds_its_source(spec):
    assert SOURCES[spec.kind].spec is type(spec)


def test_the_description_matches_what_is_loaded(spec):
    info, data = describe(spec), load(spec, 0)
    assert data.x_train.shape == (info.num_train or 0, *info.input_shape)
    assert data.x_test.shape == (info.num_test, *info.input_shape)
    assert (len(data.y_train), len(data.y_test)) == (info.num_train or 0, info.num_test)
    assert (info.num_train is None) == spec.endless
    assert len(info.fingerprint) == 32


def test_types_and_values_are_in_range(spec):
    data, info = load(spec, 0), describe(spec)
    assert [array.dtype for array in parts(data)] == [np.int32 if is_text(spec) else np.float32, np.int32] * 2
    assert all(np.isfinite(x).all() for x in (data.x_train, data.x_test))
    labels = np.concatenate([data.y_train, data.y_test])
    assert labels.min() >= (NO_TOKEN if is_text(spec) else 0)
    assert labels.max() < info.num_classes
    assert is_text(spec) or set(data.y_test) == set(range(info.num_classes))


def test_sentences_begin_and_end_and_the_decoder_sees_what_it_has_predicted(spec):
    if not is_text(spec):
        pytest.skip("its examples are no sentences")
    data, info = load(spec, 0), describe(spec)
    assert len(vocabulary(spec)) == info.num_classes
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    assert y.shape == (len(x), info.input_shape[1])
    assert (x.min(), x.max() < info.num_classes) == (PAD, True)
    for (source, decoder), target in zip(x, y, strict=True):
        words = target[target != NO_TOKEN]
        assert words[-1] == EOS
        assert words[:-1].min() >= UNK
        assert decoder.tolist() == [BOS, *words[:-1], *[PAD] * (len(target) - len(words))]
        assert target.tolist() == [*words, *[NO_TOKEN] * (len(target) - len(words))]
        count = np.count_nonzero(source)
        assert source[count - 1] == EOS
        assert source[: count - 1].min() >= UNK


def test_what_is_no_text_has_no_vocabulary(spec):
    if is_text(spec):
        pytest.skip("its examples are sentences")
    with pytest.raises(ValueError, match=r"expected data of sentences \(language, pairs\)"):
        vocabulary(spec)


def test_arrays_cannot_be_written_to(spec):
    for array in parts(load(spec, 0)):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_the_same_seed_gives_the_same_bytes_and_another_only_what_it_says(spec):
    assert same(load(spec, 3), load(spec, 3))
    assert same(load(spec, 3), load(spec, 4)) == (not depends_on_seed(spec))


def test_no_seed_changes_the_test_part(spec):
    a, b = load(spec, 3), load(spec, 4)
    assert a.x_test.tobytes() == b.x_test.tobytes()
    assert a.y_test.tobytes() == b.y_test.tobytes()


def test_label_noise_touches_training_labels_only(spec):
    if "label_noise" not in type(spec).model_fields:
        pytest.skip("its labels have no noise but what belongs to the language")
    noisy, clean = load(spec.replace(label_noise=0.5), 1), load(spec.replace(label_noise=0.0), 1)
    assert noisy.x_train.tobytes() == clean.x_train.tobytes()
    assert noisy.x_test.tobytes() == clean.x_test.tobytes()
    assert noisy.y_test.tobytes() == clean.y_test.tobytes()
    if not spec.endless:
        assert 0.25 < (noisy.y_train != clean.y_train).mean() < 0.75


BY_CHANNEL = ("mnist", "cifar10", "cifar100")  # one figure for all pixels of a channel


def test_the_training_part_is_standardised(spec):
    x = load(spec, 0).x_train.astype(np.float64)
    _skip_unless_standardised(spec)
    if spec.kind == "cifar5m":
        pytest.skip("its scale is its authors', the same for every sample")
    if spec.kind == "glyphs":  # one figure a channel, from a reference sample: true up to sampling error
        x = np.concatenate([x, load(spec, 0).x_test])
        assert np.abs(x.mean((0, 1, 2))).max() < 0.1
        assert np.abs(x.var((0, 1, 2)) - 1).max() < 0.15
        return
    if spec.kind in BY_CHANNEL:
        x = x.reshape(-1, x.shape[-1])
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(x.var(0), np.ptp(x, axis=0) > 0, atol=1e-4)


def test_both_parts_are_standardised_by_one_map(spec):
    _skip_unless_standardised(spec)
    # Independent: a straight line through two raw values of each input gives all others.
    raw, data = load(spec.replace(standardise=False), 0), load(spec, 0)
    before, after = (np.concatenate([d.x_train, d.x_test]).astype(np.float64) for d in (raw, data))
    low, high = before.argmin(0)[None], before.argmax(0)[None]
    ends = [np.take_along_axis(values, end, 0) for values in (before, after) for end in (low, high)]
    slope = (ends[3] - ends[2]) / np.where(ends[1] > ends[0], ends[1] - ends[0], 1)
    np.testing.assert_allclose(after, ends[2] + slope * (before - ends[0]), atol=1e-4)


def test_fewer_training_examples_are_the_first_of_more(spec):
    if spec.endless:
        pytest.skip("an endless stream has no sample")
    spec = spec.replace(standardise=False) if "standardise" in type(spec).model_fields else spec
    fewer, more = load(spec.replace(num_train=20), 5), load(spec, 5)
    assert fewer.x_train.tobytes() == more.x_train[:20].tobytes()
    assert fewer.y_train.tobytes() == more.y_train[:20].tobytes()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(spec, seed):
    with pytest.raises(ValueError, match=r"expected a seed in \[0, 2\^32\)"):
        load(spec, seed)


def test_a_resolved_specification_loads_the_same(spec):
    resolved = resolve(spec)
    assert resolve(resolved) == resolved
    assert same(load(resolved, 0), load(spec, 0))


def test_a_stream_is_a_traceable_function_of_its_key_and_of_traced_numbers(spec):
    if SOURCES[spec.kind].stream is None:
        with pytest.raises(ValueError, match="a finite set; use load"):
            stream(spec)
        return
    leaves = traced_leaves(spec)
    inside = jax.jit(lambda leaves, key: stream(with_leaves(spec, leaves))(key, 20))(leaves, jax.random.key(9))
    outside = stream(spec)(jax.random.key(9), 20)
    assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(inside, outside, strict=True))
    assert inside[0].shape[1:] == describe(spec).input_shape
