"""Training on sentences: against a loop written out with optax, against NumPy's counts, and to a known floor.

The loop knows neither slots nor feeds nor Basin's losses: labels become distributions, smoothed by optax, and the mean
is over the tokens that a mask lets through. A language whose translations are certain has a floor of 0.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special

import basin
from basin.data import Language
from basin.data.sampler import batch_indices
from basin.models import MLP, Mode, Transformer, build
from basin.optim import SGD, Adam, InverseSquareRoot
from basin.spec.run import Evaluations, RunSpec
from basin.training import evaluate
from basin.training.keys import named_key
from basin.training.plan import plan, resolve
from basin.training.run import Run

pytestmark = pytest.mark.usefixtures("compiled_cheaply")

LANGUAGE = Language(nouns=4, verbs=2, adjectives=2, length=8, noise=0.2, num_train=40, num_test=60)
RUN = RunSpec(
    data=LANGUAGE,
    model=Transformer(width=8, depth=1, heads=2),
    optimizer=SGD(learning_rate=0.5),
    batch_size=16,
    budget="6 steps",
    evaluations=Evaluations(early=0, regular=1),
    gradient_norm=False,
    precision="float64",
)
SWEEP = [
    RUN,
    RUN.replace(seed=1, optimizer=SGD(learning_rate=0.3)),
    RUN.replace(data=LANGUAGE.replace(num_train=25)),
]
SMOOTHED = [RUN.replace(label_smoothing=share) for share in (0.1, 0.4)]


@pytest.fixture(scope="module")
def trained(compiled_cheaply: None) -> list[Run]:
    return basin.train([*SWEEP, *SMOOTHED], slots=4)


def by_hand(run: RunSpec) -> dict:
    """Return the weights after the same training, as a loop over steps."""
    about, examples = basin.data.describe(run.data), basin.data.load(run.data, run.seed)
    model = build(run.model, about.input_shape, about.num_classes)
    first = jax.jit(model.init)(named_key(run.seed, "init"))[0]
    key = named_key(run.seed, "order")
    order = [batch_indices(key, step, run.batch_size, run.data.num_train) for step in range(run.num_steps)]
    with jax.enable_x64(True):
        params = jax.tree.map(lambda a: np.asarray(a, np.float64), first)

        def mean_loss(params: dict, x: jax.Array, y: jax.Array) -> jax.Array:
            outputs = model.apply(params, {}, x, mode=Mode.TRAIN, key=jax.random.key(0))[0]
            labels = jax.nn.one_hot(y, about.num_classes, dtype=outputs.dtype)
            wanted = optax.smooth_labels(labels, run.label_smoothing or 0.0)
            return jnp.mean(optax.softmax_cross_entropy(outputs, wanted), where=y >= 0)

        update = jax.jit(lambda p, x, y: jax.tree.map(lambda w, g: w - rate * g, p, jax.grad(mean_loss)(p, x, y)))
        rate = run.optimizer.learning_rate.value
        for chosen in map(np.asarray, order):
            params = update(params, examples.x_train[chosen], examples.y_train[chosen])
    return params


@pytest.mark.parametrize("index", range(5), ids=["plain", "another rate", "fewer", "smoothed", "smoothed more"])
def test_a_run_in_company_is_the_run_written_out_by_hand(trained: list[Run], index: int) -> None:
    expected = by_hand(resolve([*SWEEP, *SMOOTHED][index]))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), trained[index].params, expected)


def test_smoothing_and_sample_sizes_are_numbers_of_one_program() -> None:
    assert len(plan(SWEEP)) == len(plan(SMOOTHED)) == 1
    assert len(plan([*SWEEP, *SMOOTHED])) == 2


def by_numpy(run: Run, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return every metric, one token after another."""
    with jax.enable_x64(True):
        outputs = np.asarray(run.model.apply(run.params, {}, jnp.asarray(x), mode=Mode.EVAL)[0])
    tokens = [(outputs[place], y[place]) for place in np.ndindex(y.shape) if y[place] >= 0]
    logs = [scipy.special.log_softmax(z) for z, _ in tokens]
    return {
        "loss": np.mean([-log[label] for log, (_, label) in zip(logs, tokens, strict=True)]),
        "error": np.mean([log.argmax() != label for log, (_, label) in zip(logs, tokens, strict=True)]),
        "soft_error": np.mean([1 - np.exp(log[label]) for log, (_, label) in zip(logs, tokens, strict=True)]),
        "confidence": np.mean([np.exp(log.max()) for log in logs]),
    }


def test_metrics_are_means_over_tokens_counted_by_numpy(trained: list[Run]) -> None:
    run, data = trained[3], basin.data.load(resolve(SMOOTHED[0]).data, 0)
    parts = {
        "train": (data.x_train, data.y_train),
        "test": (data.x_test, data.y_test),
        "test_a": (data.x_test[0::2], data.y_test[0::2]),
        "test_b": (data.x_test[1::2], data.y_test[1::2]),
    }
    for split, (x, y) in parts.items():
        for metric, value in by_numpy(run, x, y).items():
            assert run.history.last(split, metric) == pytest.approx(value, rel=1e-10), (split, metric)
    assert float(run.loss_fn(run.params)) == pytest.approx(run.history.last("train", "loss"), rel=1e-12)


def test_looks_take_as_many_sentences_together_as_have_a_bounded_number_of_outputs(
    trained: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    num_words = basin.data.describe(LANGUAGE).num_classes
    monkeypatch.setattr(evaluate, "OUTPUTS", 7 * 8 * num_words)
    sizes = []
    scores = evaluate._scores
    monkeypatch.setattr(evaluate, "_scores", lambda *args: sizes.append(len(args[-1])) or scores(*args))
    again = basin.train(SWEEP, slots=4)[0]
    assert max(sizes) == 7
    for metric in evaluate.METRICS:
        assert again.history.last("test", metric) == pytest.approx(trained[0].history.last("test", metric), rel=1e-12)


def test_a_transformer_learns_an_endless_language_to_its_floor() -> None:
    language = LANGUAGE.replace(num_train=None, ambiguous=0.0, free=0.0, noise=0.0)
    assert basin.data.entropy_floor(language) == 0
    run = basin.train(
        RUN.replace(
            data=language,
            precision="float32",
            model=Transformer(width=32, depth=1, heads=4),
            optimizer=Adam(learning_rate=InverseSquareRoot(peak=5e-3, warmup=0.1)),
            batch_size=32,
            budget="300 steps",
            fresh=64,
        )
    )
    assert run.history.at("test", "loss", 0) > 3
    assert run.history.last("test", "loss") < 0.2
    assert run.history.last("test", "error") < 0.03
    assert run.history.last("fresh", "loss") == pytest.approx(run.history.last("test", "loss"), abs=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": MLP(widths=(4,))}, r"a sequence of labels takes a Transformer"),
        ({"loss": "mse"}, r"sequences take loss='cross_entropy'"),
    ],
)
def test_what_cannot_learn_sentences_says_so(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        basin.train(RUN.replace(**change))
