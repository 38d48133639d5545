"""The study `deep-bootstrap` at three sizes: networks, data, lengths and seeds, chosen by cost and by stopping in time.

A pilot on seeds 1000 and 1001 settled the difficulty of the glyphs, N and T of `quick`: with them trainings on N reach
their stopping time within T. After first looks at the whole they were made smaller, in steps, to fit into its time; the
study's page says what was changed then.
"""

from __future__ import annotations

from basin.spec.augment import Crop, Flip, Shuffle
from basin.spec.data import Glyphs, Mixture, Teacher
from basin.spec.deep_bootstrap import Arm, DeepBootstrap, Pretraining
from basin.spec.model import CNN5, MLP, VGG11, DenseNet, ResNet18, ViT
from basin.spec.optimizer import SGD, Adam
from basin.spec.schedule import Cosine

_GLYPHS = Glyphs(size=8, difficulty=0.3, num_test=2000)
_MLP = MLP(widths=(64, 64, 64), norm="batch")
_SGD = SGD(learning_rate=0.2)


def _with_mlp(name: str, varies: str, **fields: object) -> Arm:
    return Arm.model_validate({"name": name, "varies": varies, "model": _MLP, "optimizer": _SGD, **fields})


QUICK = DeepBootstrap(
    seeds=5,
    data=_GLYPHS,
    sizes=(300, 1200),
    batch_size=64,
    steps=440,
    looks=11,
    early=2,
    margin=1.0,
    reach=0.15,
    fresh=1000,
    arms=(
        Arm(name="mlp", model=_MLP, optimizer=_SGD),
        Arm(name="cnn", model=CNN5(width=8), optimizer=SGD(learning_rate=0.1), seeds=3),
        Arm(
            name="vit",
            model=ViT(patch=4, width=32, depth=2, heads=4, mlp_width=64),
            optimizer=Adam(learning_rate=2e-3),
            seeds=3,
        ),
        _with_mlp("momentum", "optimiser", optimizer=SGD(learning_rate=0.02, momentum=0.9)),
        _with_mlp("adam", "optimiser", optimizer=Adam(learning_rate=1e-3)),
        _with_mlp("slow", "learning rate", optimizer=SGD(learning_rate=0.05)),
        _with_mlp("fast", "learning rate", optimizer=SGD(learning_rate=0.5)),
        _with_mlp("easy", "data", data=_GLYPHS.replace(difficulty=0.15)),
        _with_mlp("hard", "data", data=_GLYPHS.replace(difficulty=0.5)),
        _with_mlp("mixture", "data", data=Mixture(num_test=2000)),
        _with_mlp("teacher", "data", data=Teacher(num_test=2000)),
        _with_mlp("crop", "augmentation", augment=(Crop(padding=1),)),
        _with_mlp("shuffle", "bad augmentation", augment=(Shuffle(block=4),)),
        _with_mlp(
            "pretrained",
            "pretraining",
            pretraining=Pretraining(data=_GLYPHS.replace(difficulty=0.5), steps=440, layers=("dense", "norm")),
        ),
        _with_mlp("noisy", "label noise", data=_GLYPHS.replace(label_noise=0.2)),
        _with_mlp("few", "few examples", sizes=(100,)),
    ),
)

_LARGER = Glyphs(size=16, difficulty=0.3, num_test=5000)
_WIDER = MLP(widths=(128, 128, 128), norm="batch")


def _standard() -> DeepBootstrap:
    """Return the arms of `quick` on larger images, with more of them."""
    networks = (
        Arm(name="mlp", model=_WIDER, optimizer=_SGD, sizes=(1000, 4000, 16_000)),
        Arm(name="narrow-mlp", model=MLP(widths=(16, 16, 16), norm="batch"), optimizer=_SGD),
        Arm(name="cnn", model=CNN5(width=16), optimizer=SGD(learning_rate=0.1)),
        Arm(name="resnet", model=ResNet18(width=4), optimizer=SGD(learning_rate=0.1)),
        Arm(
            name="vit",
            model=ViT(patch=4, width=48, depth=3, heads=4, mlp_width=96),
            optimizer=Adam(learning_rate=2e-3),
        ),
    )
    others = [arm.replace(model=_WIDER) for arm in QUICK.arms if arm.varies != "architecture"]
    return QUICK.replace(
        seeds=6,
        data=_LARGER,
        sizes=(1000, 4000),
        steps=1600,
        looks=16,
        arms=(*networks, *(arm.replace(**_enlarged(arm)) for arm in others)),
    )


def _enlarged(arm: Arm) -> dict[str, object]:
    """Return the fields of an arm of `quick` that change with the size of its images."""
    changed: dict[str, object] = {}
    if isinstance(arm.data, Glyphs):
        changed["data"] = arm.data.replace(size=16)
    if arm.pretraining is not None:
        data = arm.pretraining.data.replace(size=16)
        changed["pretraining"] = arm.pretraining.replace(data=data, steps=1600)
    if arm.varies == "augmentation":
        changed["augment"] = (Crop(padding=2),)
    return changed


STANDARD = _standard()


def _paper() -> DeepBootstrap:
    """Return the settings of the released code on glyphs of CIFAR's shape: 39 000 steps for every N."""
    rate, small_rate = _cosine(0.1), _cosine(0.01)
    vit = ViT(patch=4, width=768, depth=12, heads=12, mlp_width=3072, attention_scale="width")
    return DeepBootstrap(
        seeds=3,
        data=Glyphs(size=32, channels=3, difficulty=0.5, num_test=10_000),
        sizes=(5000, 10_000, 25_000, 50_000),
        batch_size=128,
        steps=39_000,
        looks=100,
        early=10,
        reach=0.1,
        fresh=10_000,
        arms=(
            Arm(name="resnet18", model=ResNet18(width=64), optimizer=rate),
            Arm(name="mlp", model=MLP(widths=(2048,) * 5, norm="batch"), optimizer=small_rate),
            Arm(name="vit", model=vit, optimizer=small_rate),
            Arm(name="vgg11", model=VGG11(width=64), optimizer=rate),
            Arm(name="densenet", model=DenseNet(depth=40, growth=12), optimizer=rate),
            Arm(name="cnn5", model=CNN5(width=64), optimizer=rate),
            Arm(name="narrow-mlp", model=MLP(widths=(128,) * 3, norm="batch"), optimizer=rate),
            Arm(name="momentum", varies="optimiser", model=ResNet18(width=64), optimizer=_momentum(0.01)),
            Arm(name="adam", varies="optimiser", model=ResNet18(width=64), optimizer=Adam(learning_rate=1e-3)),
            Arm(name="slow", varies="learning rate", model=ResNet18(width=64), optimizer=_cosine(0.01)),
            Arm(
                name="crop",
                varies="augmentation",
                model=ResNet18(width=64),
                optimizer=_cosine(0.1),
                augment=(Crop(padding=4),),
            ),
            Arm(name="flip", varies="bad augmentation", model=ResNet18(width=64), optimizer=rate, augment=(Flip(),)),
        ),
    )


def _cosine(rate: float) -> SGD:
    return SGD(learning_rate=Cosine(initial=rate))


def _momentum(rate: float) -> SGD:
    return SGD(learning_rate=Cosine(initial=rate), momentum=0.9)


PAPER = _paper()
