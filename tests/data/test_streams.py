"""The mixture and the teacher: what they are drawn from, and the least error that anyone can have on them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from pydantic import ValidationError

from basin.data import Digits, Mixture, Teacher, bayes_error, load, reference, stream

KEY = jax.random.key(0)


def drawn(spec: Mixture | Teacher, n: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = jax.jit(stream(spec), static_argnums=1)(KEY, n)
    return np.asarray(x, np.float64), np.asarray(y)


@pytest.mark.parametrize("separation", [0.5, 2.0, 4.0])
def test_two_gaussians_have_the_error_of_the_textbook(separation: float) -> None:
    spec = Mixture(num_classes=2, modes=1, dimension=4, separation=separation)
    assert bayes_error(spec).value == pytest.approx(scipy.stats.norm.cdf(-separation / 2), abs=1e-9)


@pytest.mark.parametrize("modes", [1, 3])
def test_the_best_classifier_errs_as_often_as_was_said(modes: int) -> None:
    # independent: the classifier is written out from the densities and counted on fresh examples
    spec = Mixture(num_classes=4, modes=modes, dimension=14, separation=2.5)
    x, y = drawn(spec, 100_000)
    means = spec.separation * reference(spec)
    densities = np.exp(-0.5 * ((x[:, None] - means) ** 2).sum(-1)).reshape(len(x), modes, 4).sum(1)
    counted = (densities.argmax(1) != y).mean()
    found = bayes_error(spec)
    noise = np.hypot(np.sqrt(counted * (1 - counted) / len(x)), found.standard_error)
    assert abs(counted - found.value) < 4 * noise
    assert (found.standard_error == 0) == (modes == 1)


def test_the_means_are_as_far_apart_as_asked_and_the_noise_is_standard() -> None:
    spec = Mixture(num_classes=3, modes=1, dimension=6, separation=3.0)
    x, y = drawn(spec, 60_000)
    means = np.stack([x[y == label].mean(0) for label in range(3)])
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(means[a] - means[b]) == pytest.approx(3.0, abs=0.05)
    rest = x - means[y]
    np.testing.assert_allclose(np.cov(rest.T), np.eye(6), atol=0.03)
    assert np.bincount(y) / len(y) == pytest.approx(np.full(3, 1 / 3), abs=0.01)


def test_a_teacher_without_chance_is_never_wrong_and_one_of_pure_chance_tells_nothing() -> None:
    assert bayes_error(Teacher(temperature=0.0)) == (0.0, 0.0)
    assert bayes_error(Teacher(num_classes=4, temperature=100.0)).value == pytest.approx(0.75, abs=0.01)


def test_the_teachers_labels_have_the_probabilities_of_its_softmax() -> None:
    # independent: the network is written out in NumPy and the labels' frequencies are binned against its softmax
    spec = Teacher(num_classes=3, dimension=8, width=16, temperature=0.5)
    x, y = drawn(spec, 100_000)
    net = reference(spec)
    hidden = np.floor(np.maximum(x @ np.float64(net.first), 0) * 64 + 0.5) / 64
    logits = (hidden @ np.float64(net.second) - net.mean) * np.float64(net.inverse_deviation) / spec.temperature
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    for label in range(3):
        bins = np.digitize(p[:, label], np.linspace(0.1, 0.9, 9))
        for b in range(10):
            inside = bins == b
            expected, spread = p[inside, label].mean(), np.sqrt((p[inside, label] * (1 - p[inside, label])).sum())
            assert abs((y[inside] == label).mean() - expected) < 4.5 * spread / inside.sum()
    wrong = (logits.argmax(1) != y).mean()
    assert abs(wrong - bayes_error(spec).value) < 4 * np.sqrt(wrong / len(x))


def test_the_teachers_outputs_are_standardised_so_that_no_class_is_rare() -> None:
    _, y = drawn(Teacher(), 50_000)
    assert np.bincount(y, minlength=10).min() > 0.03 * len(y)


@pytest.mark.parametrize("spec", [Mixture(), Teacher()])
def test_no_example_of_a_stream_comes_twice(spec: Mixture | Teacher) -> None:
    x, _ = drawn(spec, 20_000)
    assert len(np.unique(x, axis=0)) == len(x)


@pytest.mark.parametrize("spec", [Mixture(), Teacher()])
def test_inputs_of_different_examples_are_independent(spec: Mixture | Teacher) -> None:
    x, _ = drawn(spec, 40_000)
    x = x - x.mean(0)
    for lag in (1, 2, 128):
        correlation = (x[lag:] * x[:-lag]).mean(0) / x.var(0)
        assert np.abs(correlation).max() < 4.5 / np.sqrt(len(x))


@pytest.mark.parametrize("spec", [Mixture(num_train=50, num_test=20), Teacher(num_train=50, num_test=20)])
def test_an_example_does_not_depend_on_how_many_are_drawn(spec: Mixture | Teacher) -> None:
    few, many = drawn(spec, 7), drawn(spec, 500)
    np.testing.assert_array_equal(few[0], many[0][:7])
    np.testing.assert_array_equal(few[1], many[1][:7])


def test_another_teacher_is_another_problem() -> None:
    a, b = (load(Teacher(teacher=which, num_train=200, num_test=10), 0) for which in (0, 1))
    np.testing.assert_array_equal(a.x_train, b.x_train)
    assert (a.y_train != b.y_train).mean() > 0.5


def test_a_sample_and_its_held_out_examples_are_the_first_ones_of_its_key() -> None:
    more = load(Mixture(num_train=60, num_test=10), 2)
    held = load(Mixture(num_train=40, num_validation=20, num_test=10), 2)
    np.testing.assert_array_equal(held.x_validation, more.x_train[40:])
    assert jnp.shape(held.x_train) == (40, 32)


def test_a_mixture_without_room_for_its_means_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"expected a dimension of at least num_classes \* modes = 30, got 20"):
        Mixture(dimension=20)


def test_the_least_error_of_a_data_set_is_not_known() -> None:
    with pytest.raises(ValueError, match=r"whose least possible error is known \(mixture, teacher, language\)"):
        bayes_error(Digits())
