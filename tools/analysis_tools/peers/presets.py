"""What is trained in a comparison: students, teacher, images and turns."""
from dataclasses import dataclass, field

from mmdeit import hooks

METHODS = {
    'undistilled': 'ours, from labels alone',
    'ours': 'ours, the teacher live',
    'ours-cached': 'ours, from the cache',
    'ours-compiled': 'ours, compiled',
    'timm': 'timm',
    'timm-compiled': 'timm, compiled',
    'official': 'as the official loop',
}
PEERS = ('timm', 'timm-compiled', 'official')
EAGER = [name for name in METHODS if 'compiled' not in name]


@dataclass(frozen=True)
class Size:
    """A DeiT: width, blocks and heads."""
    width: int
    depth: int
    heads: int


@dataclass(frozen=True)
class Preset:
    """The sizes of a comparison.

    Args:
        students (dict[str, Size]): By name.
        teacher (str): timm's name of a RegNetY.
        arch (str | dict): The same one's ``arch`` in this project.
        features (int): Its last channels.
        size (int): Height and width of the images in pixels.
        patch (int): Height and width of a patch in pixels.
        classes (int): Number K of classes.
        batch (int): Images of an iteration, an even number.
        warmup (int): First iterations of a turn, which are not timed.
        iters (int): Iterations that are.
        rounds (int): Turns of each method.
        methods (list[str]): Keys of :data:`METHODS`.
    """
    students: dict[str, Size]
    teacher: str
    arch: str | dict
    features: int
    size: int
    patch: int
    classes: int
    batch: int
    warmup: int
    iters: int
    rounds: int
    methods: list[str] = field(default_factory=lambda: list(METHODS))


_SMALL_TEACHER = dict(
    teacher='regnety_002',
    arch=dict(w0=24, wa=36.44, wm=2.49, group_w=8, depth=13, bot_mul=1.0),
    features=368)

PRESETS = {
    'gpu': Preset(
        students={
            'DeiT-Ti': Size(192, 12, 3),
            'DeiT-S': Size(384, 12, 6),
            'DeiT-B': Size(768, 12, 12),
        },
        teacher='regnety_160', arch='regnety_16gf', features=3024,
        size=224, patch=16, classes=1000,
        batch=256, warmup=2, iters=8, rounds=4),
    'cpu': Preset(
        students={'6 blocks of width 96': Size(96, 6, 3)}, **_SMALL_TEACHER,
        size=32, patch=4, classes=10,
        batch=16, warmup=1, iters=3, rounds=4, methods=EAGER),
    'tiny': Preset(
        students={'2 blocks of width 16': Size(16, 2, 2)}, **_SMALL_TEACHER,
        size=32, patch=16, classes=4,
        batch=4, warmup=1, iters=1, rounds=2, methods=EAGER),
}


def supported(methods: list[str]) -> list[str]:
    """Leave out what this release cannot do: compile our student."""
    return [name for name in methods
            if name != 'ours-compiled' or hasattr(hooks, 'CompileHook')]
