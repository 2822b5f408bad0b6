import importlib

import mmengine
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmpretrain.structures import DataSample
from torch import nn

from mmdeit.teachers import StudentSpec, Teacher
from tests.tools import ROOT, run_tool

TOOL = 'tools/analysis_tools/analyze_agreement.py'
DISTILLED = ROOT / 'configs/demo/student-distilled.py'
UNDISTILLED = ROOT / 'configs/demo/student.py'


@pytest.fixture
def module(monkeypatch):
    """Import a script of the tool's folder, as Python does for a script."""
    monkeypatch.syspath_prepend((ROOT / TOOL).parent)
    return importlib.import_module


@pytest.fixture
def run(module, monkeypatch):
    """Run the tool in this process, which spares its imports."""

    def run(*options):
        monkeypatch.setattr('sys.argv', [TOOL, *map(str, options)])
        module('analyze_agreement').main()

    return run


def build(path):
    init_default_scope('mmpretrain')
    cfg = Config.fromfile(path)
    torch.manual_seed(0)
    model = MODELS.build({
        **cfg.model, 'data_preprocessor': cfg.data_preprocessor
    })
    model.init_weights()
    return model.eval()


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Checkpoints of the demo's students, with random weights."""
    folder = tmp_path_factory.mktemp('students')
    for path in (DISTILLED, UNDISTILLED):
        torch.save(dict(state_dict=build(path).state_dict()),
                   folder / f'{path.stem}.pth')
    return {path: folder / f'{path.stem}.pth' for path in (DISTILLED,
                                                           UNDISTILLED)}


def test_numbers_of_the_paper(module):
    """Table 4 and section 5.3 of arXiv 2012.12877."""
    report = module('agreement_report')
    assert report.PAPER == {
        ('ground truth', 'convnet'): .171,
        ('ground truth', 'DeiT'): .182,
        ('ground truth', 'class'): .170,
        ('ground truth', 'distillation'): .169,
        ('ground truth', 'joint'): .166,
        ('convnet', 'DeiT'): .133,
        ('convnet', 'class'): .112,
        ('convnet', 'distillation'): .100,
        ('convnet', 'joint'): .102,
        ('DeiT', 'class'): .109,
        ('DeiT', 'distillation'): .110,
        ('DeiT', 'joint'): .107,
        ('class', 'distillation'): .050,
        ('class', 'joint'): .033,
        ('distillation', 'joint'): .019,
    }
    assert report.PAPER_COSINES == {'input': .06, 'output': .93}


def test_everything_beside_the_paper(distilled_options, checkpoints, tmp_path):
    output = run_tool(TOOL, DISTILLED, checkpoints[DISTILLED], '--undistilled',
                      UNDISTILLED, checkpoints[UNDISTILLED], '--out',
                      tmp_path / 'new', *distilled_options)
    result = mmengine.load(tmp_path / 'new/agreement.json')
    assert result['images'] == 32
    assert result['classifiers'] == ['ground truth', 'convnet', 'DeiT',
                                     'class', 'distillation', 'joint']
    rates = torch.tensor(result['disagreement'])
    assert torch.equal(rates, rates.T) and not rates.diagonal().any()
    assert f'{rates[4, 5]:.3f} (0.019)' in output
    assert f'{result["token_cosine"]["output"]:.3f} (0.930)' in output
    picture = (tmp_path / 'new/agreement.png').read_bytes()
    assert picture.startswith(b'\x89PNG') and len(picture) > 10_000

    # The teacher errs as it does on its own; so does the undistilled student.
    cfg = Config.fromfile(DISTILLED)
    cfg.merge_from_dict({
        key: value for key, value in (
            option.split('=', 1) for option in distilled_options[1:])
        if 'data_root' in key or 'checkpoint' in key
    })
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    student = build(UNDISTILLED)
    images = student.data_preprocessor(
        dict(inputs=torch.stack([x['inputs'] for x in dataset])))['inputs']
    teacher = MODELS.build(cfg.default_hooks.teacher.teacher)
    teacher.bind(StudentSpec.of(student))
    labels = torch.tensor(dataset.get_gt_labels())
    for row, network in ((1, teacher), (2, student)):
        with torch.no_grad():
            wrong = (network(images).argmax(dim=1) != labels).float().mean()
        assert rates[0, row] == pytest.approx(float(wrong))


def test_students_are_evaluated(module, checkpoints):
    tool = module('analyze_agreement')
    cfg = Config.fromfile(UNDISTILLED)
    init_default_scope('mmpretrain')
    student = tool.build_student(cfg, str(checkpoints[UNDISTILLED]))
    assert not any(part.training for part in student.modules())


@MODELS.register_module()
class Reader(nn.Module):
    """Decides for the number that an image is, ``shift`` from its start."""

    def __init__(self, shift=0):
        super().__init__()
        self.shift = shift
        self.head = nn.Module()
        self.head.num_classes = 10

    def data_preprocessor(self, data, training):
        return dict(inputs=data['inputs'] + self.shift)

    def forward(self, inputs):
        return F.one_hot(inputs[:, 0, 0, 0].long(), 10).float()


def test_each_student_sees_images_of_its_own(module):
    loader = [dict(inputs=torch.full((2, 1, 4, 4), float(i)),
                   data_samples=[DataSample().set_gt_label(i)] * 2)
              for i in range(3)]
    decisions, cosines = module('analyze_agreement').analyse(
        loader, Teacher(dict(type='Reader')), Reader(1), Reader(3))
    assert {name: row.tolist() for name, row in decisions.items()} == {
        'ground truth': [0, 0, 1, 1, 2, 2],
        'convnet': [1, 1, 2, 2, 3, 3],  # sees what its student sees
        'DeiT': [3, 3, 4, 4, 5, 5],
        'student': [1, 1, 2, 2, 3, 3],
    }
    assert cosines is None


def test_teacher_of_other_classes(run, distilled_options, checkpoints):
    options = [*distilled_options,
               'default_hooks.teacher.teacher.class_mapping=[9,8,7,6,5,4,3,2,1,11]']
    with pytest.raises(SystemExit, match="'teacher' has 10 classes, but class_"
                       'mapping asks for class 11'):
        run(DISTILLED, checkpoints[DISTILLED], *options)


def test_classes_by_the_names_of_the_dataset(run, distilled_options,
                                             checkpoints):
    options = [*distilled_options,
               'default_hooks.teacher.teacher.class_mapping=name',
               'default_hooks.teacher.teacher.class_names=[coat]']
    with pytest.raises(SystemExit, match="names 0 of the teacher's 1 class_nam"
                       'es instead of one'):
        run(DISTILLED, checkpoints[DISTILLED], *options)


def test_one_head_and_no_token(run, distilled_options, checkpoints, capsys,
                               tmp_path):
    cfg = Config.fromfile(UNDISTILLED)
    cfg.default_hooks = Config.fromfile(DISTILLED).default_hooks
    cfg.dump(tmp_path / 'usual.py')
    checkpoint = checkpoints[UNDISTILLED]
    run(tmp_path / 'usual.py', checkpoint, *distilled_options)
    assert 'the student has no distillation token' in capsys.readouterr().out
    result = mmengine.load(checkpoint.with_name('agreement.json'))
    assert result['classifiers'] == ['ground truth', 'convnet', 'student']
    assert result['token_cosine'] is None
    assert checkpoint.with_name('agreement.png').is_file()


@pytest.mark.parametrize('config, checkpoint, message', [
    (UNDISTILLED, UNDISTILLED, 'student.py has no teacher: give the config'),
    (DISTILLED, UNDISTILLED, 'does not hold the weights of this model'),
])
def test_errors_are_one_line(request, run, options, checkpoints, config,
                             checkpoint, message):
    if config == DISTILLED:
        options = request.getfixturevalue('distilled_options')
    with pytest.raises(SystemExit) as error:
        run(config, checkpoints[checkpoint], *options)
    assert str(error.value).startswith('error: ')
    assert message in error.value.code and '\n' not in error.value.code


def test_other_classes(run, distilled_options, checkpoints, tmp_path):
    """An undistilled student of other data is refused."""
    cfg = Config.fromfile(UNDISTILLED)
    cfg.num_classes = cfg.model.head.num_classes = 7
    cfg.dump(tmp_path / 'seven.py')
    torch.save(build(tmp_path / 'seven.py').state_dict(), tmp_path / '7.pth')
    with pytest.raises(SystemExit, match='has 7 classes, the distilled 10'):
        run(DISTILLED, checkpoints[DISTILLED], '--undistilled',
            tmp_path / 'seven.py', tmp_path / '7.pth', *distilled_options)
