from copy import deepcopy

import pytest
import torch
from mmengine.registry import DATASETS, MODELS
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

from mmdeit.models.distillation import agreement, scores
from mmdeit.structures import TrainingTargets

N, K, SIZE = 4, 5, 32
GAP = dict(type='GlobalAveragePooling')
RESNET = dict(
    backbone=dict(
        type='ResNet', depth=18, stem_channels=4, base_channels=4,
        out_indices=(3, )),
    neck=GAP,
    head=dict(type='LinearClsHead', num_classes=K, in_channels=32))
LEVIT = dict(
    backbone=dict(
        type='LeViT', arch='128s', img_size=SIZE, out_indices=(2, )),
    neck=GAP,
    head=dict(type='LeViTClsHead', num_classes=K, in_channels=16))
# its attention wants 7x7 tokens: the stem's, of 28 pixels
EFFICIENTFORMER = dict(
    backbone=dict(
        type='EfficientFormer',
        arch=dict(
            layers=[1] * 4, embed_dims=[16] * 4, downsamples=[False] * 4,
            vit_num=1)),
    neck=dict(type='GlobalAveragePooling', dim=1),
    head=dict(type='EfficientFormerClsHead', num_classes=K, in_channels=16))
DEIT = dict(
    backbone=dict(
        type='DistilledVisionTransformer',
        arch=dict(
            embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16),
        img_size=SIZE),
    head=dict(
        type='DeiTClsHead', num_classes=K, in_channels=8,
        init_cfg=dict(type='TruncNormal', layer='Linear', std=.02)))
CONFORMER = dict(
    backbone=dict(
        type='Conformer', base_channels=8, patch_size=16,
        arch=dict(embed_dims=12, depths=3, num_heads=2, channel_ratio=1)),
    head=dict(type='ConformerHead', num_classes=K, in_channels=[32, 12]))
PAIRS = dict(
    LeViT=(LEVIT, 'head', 'head_dist'),
    EfficientFormer=(EFFICIENTFORMER, 'head', 'dist_head'),
    DeiT=(DEIT, 'layers.head', 'layers.head_dist'))
OTHERS = dict(
    ResNet=RESNET,
    Conformer=CONFORMER,
    LeViT_one=dict(LEVIT, head=dict(LEVIT['head'], distillation=False)),
    EfficientFormer_one=dict(
        EFFICIENTFORMER,
        head=dict(EFFICIENTFORMER['head'], distillation=False)),
    ViT=dict(
        backbone=dict(DEIT['backbone'], type='VisionTransformer'),
        head=dict(
            type='VisionTransformerClsHead', num_classes=K, in_channels=8,
            hidden_dim=6)),
    DeiT3=dict(
        backbone=dict(
            type='DeiT3', arch=DEIT['backbone']['arch'], img_size=SIZE),
        head=dict(
            type='VisionTransformerClsHead', num_classes=K, in_channels=8)),
    Swin=dict(
        backbone=dict(
            type='SwinTransformer', img_size=SIZE, pad_small_map=True,
            arch=dict(
                embed_dims=4, depths=[1] * 4, num_heads=[1, 2, 2, 2])),
        neck=GAP,
        head=dict(type='LinearClsHead', num_classes=K, in_channels=32)),
    ConvNeXt=dict(
        backbone=dict(
            type='ConvNeXt', arch=dict(depths=[1] * 4, channels=[8] * 4)),
        head=dict(type='LinearClsHead', num_classes=K, in_channels=8)),
    MobileNetV3=dict(
        backbone=dict(type='MobileNetV3', arch='small'),
        neck=GAP,
        head=dict(
            type='StackedLinearClsHead', num_classes=K, in_channels=576,
            mid_channels=[8], dropout_rate=0.2, act_cfg=dict(type='HSwish'))),
    RepVGG=dict(
        backbone=dict(
            type='RepVGG', out_indices=(3, ),
            arch=dict(
                num_blocks=[1] * 4, width_factor=[0.125] * 4,
                group_layer_map=None, se_cfg=None)),
        neck=GAP,
        head=dict(type='LinearClsHead', num_classes=K, in_channels=64)),
    MlpMixer=dict(
        backbone=dict(
            type='MlpMixer', img_size=SIZE,
            arch=dict(
                embed_dims=8, num_layers=1, tokens_mlp_dims=8,
                channels_mlp_dims=16)),
        neck=dict(type='GlobalAveragePooling', dim=1),
        head=dict(type='LinearClsHead', num_classes=K, in_channels=8)),
    PoolFormer=dict(
        backbone=dict(
            type='PoolFormer',
            arch=dict(
                layers=[1] * 4, embed_dims=[4, 8, 16, 32], mlp_ratios=[2] * 4,
                layer_scale_init_value=1e-5)),
        neck=GAP,
        head=dict(type='LinearClsHead', num_classes=K, in_channels=32)),
    EfficientNet=dict(
        backbone=dict(type='EfficientNet', arch='b0'),
        neck=GAP,
        head=dict(type='LinearClsHead', num_classes=K, in_channels=1280)))
ALL = {**{name: cfg for name, (cfg, *_) in PAIRS.items()}, **OTHERS}


@DATASETS.register_module()
class BrightnessDataset(Dataset):
    """Twenty fixed images, each class of another brightness."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> dict:
        generator = torch.Generator().manual_seed(index)
        image = torch.randint(
            64, (3, self.size, self.size), generator=generator)
        image += 48 * (index % K)
        return dict(
            inputs=image.to(torch.uint8),
            data_samples=DataSample().set_gt_label(index % K))


@pytest.fixture(autouse=True)
def tiny_levit(monkeypatch):
    """Its `arch` takes no dict: the keys it asks for are not those it reads."""
    from mmpretrain.models import LeViT
    monkeypatch.setitem(
        LeViT.arch_zoo, '128s',
        dict(embed_dims=[16] * 3, num_heads=[2] * 3, depths=[1] * 3,
             key_dims=[4] * 3))


def size_of(cfg):
    return 28 if cfg['backbone']['type'] == 'EfficientFormer' else SIZE


def make(cfg, mode='hard', **distillation):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            deepcopy(cfg),
            type='mmdeit.DistilledClassifier',
            distillation=dict(mode=mode, **distillation)))
    model.init_weights()
    return model


def make_batch(cfg):
    torch.manual_seed(1)
    targets = TrainingTargets(torch.arange(N))
    targets.teacher_answer = teacher_logits()
    return torch.randn(N, 3, size_of(cfg), size_of(cfg)), targets


def teacher_logits():
    return 3 * torch.eye(K)[[2, 3, 4, 0]]


def term(score, mode):
    """The teacher's term by hand, with tau = 2."""
    target = teacher_logits()
    if mode == 'hard':
        return -score.log_softmax(1)[range(N), [2, 3, 4, 0]].mean()
    p, q = (x.div(2).softmax(1) for x in (target, score))
    return 4 * (p * (p / q).log()).sum() / N


def nll(score):
    return -score.log_softmax(1)[range(N), range(N)].mean()


@pytest.mark.parametrize('mode', ['hard', 'soft'])
def test_one_classifier_meets_labels_and_teacher(mode):
    model = make(RESNET, mode, alpha=0.3, tau=2., reduction='batchmean')
    inputs, samples = make_batch(RESNET)
    score = model(inputs)
    losses = model.loss(inputs, samples)
    assert set(losses) == {'loss_cls', 'loss_distill', 'teacher_agreement'}
    torch.testing.assert_close(losses['loss_cls'], 0.7 * nll(score))
    torch.testing.assert_close(losses['loss_distill'], 0.3 * term(score, mode))


@pytest.mark.parametrize('mode', ['hard', 'soft'])
@pytest.mark.parametrize('name', PAIRS)
def test_two_classifiers_meet_one_each(name, mode):
    cfg, *names = PAIRS[name]
    model = make(cfg, mode, alpha=0.3, tau=2., reduction='batchmean')
    inputs, samples = make_batch(cfg)
    feat = model.head.pre_logits(model.extract_feat(inputs))
    cls_score, dist_score = (
        model.head.get_submodule(name)(x)
        for name, x in zip(names, feat if name == 'DeiT' else (feat, feat)))
    losses = model.loss(inputs, samples)
    torch.testing.assert_close(losses['loss_cls'], 0.7 * nll(cls_score))
    torch.testing.assert_close(losses['loss_distill'],
                               0.3 * term(dist_score, mode))

    for key, trained, idle in [('loss_cls', *names),
                               ('loss_distill', *names[::-1])]:
        model.zero_grad()
        model.loss(inputs, samples)[key].backward()
        linear = [model.head.get_submodule(name) for name in (trained, idle)]
        linear = [getattr(layer, 'linear', layer) for layer in linear]
        assert linear[0].weight.grad.abs().sum() > 0
        assert linear[1].weight.grad is None


@pytest.mark.parametrize('mode', ['hard', 'soft'])
@pytest.mark.parametrize('name', [*PAIRS, 'ResNet', 'Conformer'])
def test_alpha_1_trains_every_head_by_the_teacher(name, mode):
    cfg = ALL[name]
    model = make(cfg, mode, alpha=1., tau=2., reduction='batchmean')
    inputs, samples = make_batch(cfg)
    samples.labels[:] = -1
    cls_score, dist_score = scores(model.head, model.extract_feat(inputs))
    losses = model.loss(inputs, samples)
    terms = dict(
        loss_distill=sum(term(score, mode) for score in dist_score)
        if name == 'Conformer' else term(dist_score, mode))
    if name in PAIRS:
        terms['loss_distill_class'] = term(cls_score, mode)
    assert set(losses) == set(terms)
    for key, expected in terms.items():
        torch.testing.assert_close(losses[key], expected)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.head.parameters())


def test_the_accuracy_is_of_the_labelled_images():
    model = make(dict(RESNET, head=dict(RESNET['head'], cal_acc=True)))
    inputs, samples = make_batch(RESNET)
    decided = model(inputs).argmax(1)
    samples.labels = torch.stack(
        [decided[0], decided[1] * 0 - 1, (decided[2] + 1) % K, decided[3]])
    accuracy, = model.loss(inputs, samples)['accuracy_top-1']
    assert accuracy.item() == pytest.approx(200 / 3)
    model.head.loss_module.alpha = 1.
    assert set(model.loss(inputs, samples)) == {'loss_distill'}


def test_each_branch_of_conformer_meets_both():
    model = make(CONFORMER, alpha=0.3)
    inputs, samples = make_batch(CONFORMER)
    branches = model(inputs)
    losses = model.loss(inputs, samples)
    torch.testing.assert_close(losses['loss_cls'],
                               0.7 * sum(map(nll, branches)))
    torch.testing.assert_close(
        losses['loss_distill'], 0.3 * sum(term(s, 'hard') for s in branches))


@pytest.mark.parametrize('name', PAIRS)
def test_none_trains_the_joint_prediction(name):
    cfg = PAIRS[name][0]
    model = make(cfg, 'none')
    inputs, samples = make_batch(cfg)
    cls_score, dist_score = scores(model.head, model.extract_feat(inputs))
    losses = model.loss(inputs, samples)
    assert list(losses) == ['loss_cls']
    torch.testing.assert_close(losses['loss_cls'],
                               nll((cls_score + dist_score) / 2))
    losses['loss_cls'].backward()
    assert all(p.grad is not None for p in model.head.parameters())


@pytest.mark.parametrize('loss', [
    dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=2.)])
@pytest.mark.parametrize('name', ['ResNet', 'Conformer'])
def test_labels_meet_mmpretrains_own_loss(name, loss):
    """On mixed targets; in eval mode, where nothing is random."""
    cfg = dict(OTHERS[name], head=dict(OTHERS[name]['head'], loss=loss))
    inputs, samples = make_batch(cfg)
    samples.mixed = torch.rand(N, K).softmax(1)
    ours = make(cfg, alpha=0.25).eval()
    theirs = MODELS.build(dict(deepcopy(cfg), type='ImageClassifier')).eval()
    theirs.load_state_dict(ours.state_dict())
    expected = theirs.loss(inputs, samples)['loss']
    torch.testing.assert_close(
        ours.loss(inputs, samples)['loss_cls'], 0.75 * expected)
    undistilled = make(cfg, 'none').eval()
    undistilled.load_state_dict(ours.state_dict())
    losses = undistilled.loss(inputs, samples)
    assert list(losses) == ['loss_cls']
    torch.testing.assert_close(losses['loss_cls'], expected)


def test_accuracy_of_the_batch_is_kept():
    cfg = dict(RESNET, head=dict(RESNET['head'], cal_acc=True))
    assert 'accuracy_top-1' in make(cfg).loss(*make_batch(cfg))


@pytest.mark.parametrize('name', ALL)
def test_checkpoints_go_both_ways(name):
    cfg = ALL[name]
    ours = make(cfg)
    theirs = MODELS.build(dict(deepcopy(cfg), type='ImageClassifier'))
    theirs.load_state_dict(ours.state_dict(), strict=True)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    inputs, _ = make_batch(cfg)
    ours.eval(), theirs.eval()
    for our, their in zip(ours.predict(inputs), theirs.predict(inputs)):
        assert torch.equal(our.pred_score, their.pred_score)
        assert torch.equal(our.pred_label, their.pred_label)
        assert ('distill_score' in our) == (name in PAIRS)


@pytest.mark.parametrize('name', PAIRS)
def test_predicts_jointly_and_keeps_each_score(name):
    cfg = PAIRS[name][0]
    model = make(cfg).eval()
    inputs, samples = make_batch(cfg)
    cls_score, dist_score = scores(model.head, model.extract_feat(inputs))
    samples = [DataSample() for _ in range(N)]
    predictions = model.predict(inputs, samples)
    for n, sample in enumerate(predictions):
        assert sample is samples[n]
        torch.testing.assert_close(
            sample.pred_score, ((cls_score + dist_score) / 2)[n].softmax(0))
        torch.testing.assert_close(sample.class_score, cls_score[n].softmax(0))
        torch.testing.assert_close(sample.distill_score,
                                   dist_score[n].softmax(0))


@pytest.mark.parametrize('name', ALL)
def test_steps_with_a_teacher_lower_both_losses(name):
    cfg = ALL[name]
    model = make(cfg)
    inputs, samples = make_batch(cfg)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    history = []
    for _ in range(12):
        torch.manual_seed(0)  # the same dropout
        losses = model.loss(inputs, samples)
        optimizer.zero_grad()
        losses = [losses['loss_cls'], losses['loss_distill']]
        sum(losses).backward()
        optimizer.step()
        history.append([loss.item() for loss in losses])
    first, last = torch.tensor(history)[[0, -1]]
    if name in PAIRS:
        assert (last < first).all()
    # Otherwise labels and teacher, who disagree, pull at the same logits.
    assert last.sum() < first.sum()


def test_no_teacher_logits():
    inputs, _ = make_batch(RESNET)
    with pytest.raises(ValueError, match='mmdeit.TeacherHook'):
        make(RESNET).loss(inputs, TrainingTargets(torch.arange(N)))


@pytest.mark.parametrize('head, message', [
    (None, 'NoneType'),
    (dict(type='ArcFaceClsHead', num_classes=K, in_channels=32), 'ArcFace'),
    (dict(type='MultiLabelLinearClsHead', num_classes=K, in_channels=32),
     'MultiLabelLinearClsHead'),
])
def test_heads_that_cannot_be_distilled(head, message):
    with pytest.raises(TypeError, match=message):
        make(dict(RESNET, head=head))


def deit(**head):
    return dict(
        backbone=dict(
            DEIT['backbone'], type='mmdeit.DistilledVisionTransformer'),
        head=dict(
            type='mmdeit.DeiTClsHead', num_classes=K, in_channels=8, **head))


def test_a_head_that_distils_brings_its_own_objective():
    cfg = deit(loss=dict(type='mmdeit.DistillationLoss', alpha=0.3))
    model = MODELS.build(dict(cfg, type='mmdeit.DistilledClassifier'))
    plain = MODELS.build(dict(deepcopy(cfg), type='ImageClassifier'))
    plain.load_state_dict(model.state_dict())
    inputs, samples = make_batch(cfg)
    assert model.head.loss_module.alpha == 0.3
    assert model.loss(inputs, samples) == plain.loss(inputs, samples)
    with pytest.raises(TypeError, match='leave out model.distillation'):
        make(cfg)


def test_hard_distillation_by_default():
    model = MODELS.build(dict(RESNET, type='mmdeit.DistilledClassifier'))
    objective = model.head.loss_module
    assert (objective.mode, objective.alpha) == ('hard', 0.5)


@pytest.mark.parametrize('backbone', [
    dict(type='mmdeit.VisionTransformer'),
    dict(out_type='avg_featmap'),
    dict(out_type='featmap'),
])
def test_a_backbone_without_the_two_tokens(backbone):
    cfg = deit()
    cfg['backbone'].update(backbone)
    model = MODELS.build(dict(cfg, type='mmdeit.DistilledClassifier'))
    with pytest.raises(ValueError, match="out_type='cls_token'"):
        model.loss(*make_batch(cfg))


@pytest.mark.parametrize('answer', ['labels', 'logits'])
def test_the_teacher_answers_with_labels_or_logits(answer):
    model = make(RESNET)
    inputs, samples = make_batch(RESNET)
    expected = model.loss(inputs, samples)
    if answer == 'labels':
        samples.teacher_answer = samples.teacher_answer.argmax(dim=1)
    assert model.loss(inputs, samples) == expected


def test_datasamples_of_mmpretrains_preprocessor():
    model = make(RESNET, 'none')
    inputs, targets = make_batch(RESNET)
    samples = [DataSample().set_gt_label(i) for i in range(N)]
    assert model.loss(inputs, samples) == model.loss(inputs, targets)


@pytest.mark.parametrize('teacher', [
    torch.tensor([[0., 1., 0.], [2., 0., 0.], [0., 0., 3.]]),
    torch.tensor([1, 0, 2]),
])
def test_agreement_by_hand(teacher):
    assert agreement(teacher, torch.tensor([1, 0, 0])) == 2 / 3
    mixed = torch.tensor([[.5, .5, 0.], [0., .75, .25], [0., 0., 1.]])
    assert agreement(teacher, mixed) == 0.5
    # without some of the labels
    assert agreement(teacher, torch.tensor([1, -1, 0])) == 0.5
    assert agreement(teacher, torch.tensor([-1, -1, -1])) == 0
    mixed = torch.tensor([[0., .5, 0.], [0., .25, .25], [0., 0., 0.]])
    assert agreement(teacher, mixed) == 0.5
    assert agreement(teacher, 0 * mixed) == 0


def test_arguments_it_does_not_know():
    with pytest.raises(TypeError, match='temperature'):
        make(RESNET, temperature=1)


@pytest.mark.parametrize('name', ['LeViT', 'EfficientFormer'])
def test_trains_and_evaluates_in_the_runner(name, cfg, build_runner):
    """What mmpretrain refuses; with the teacher of the hook."""
    student = deepcopy(PAIRS[name][0])
    cfg.model = dict(
        student,
        type='mmdeit.DistilledClassifier',
        distillation=dict(mode='hard', alpha=0.5),
        data_preprocessor=dict(
            num_classes=K, mean=[128.] * 3, std=[64.] * 3))
    hook = cfg.default_hooks.teacher
    hook.teacher.model.backbone.in_channels = 3
    hook.teacher.model.head.num_classes = K
    torch.manual_seed(0)
    teacher = MODELS.build(deepcopy(hook.teacher.model).to_dict())
    torch.save(dict(state_dict=teacher.state_dict()), hook.teacher.checkpoint)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset = dict(type='BrightnessDataset', size=size_of(student))
    cfg.train_dataloader.batch_size = 10
    cfg.param_scheduler = None
    cfg.train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=30)
    cfg.default_hooks.checkpoint.interval = 30
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg.pop(key)
    runner = build_runner(cfg)
    runner.train()

    scalars = runner.message_hub.log_scalars
    for key in ('train/loss_cls', 'train/loss_distill'):
        losses = scalars[key].data[0]
        assert losses[-2:].mean() < 0.7 * losses[:2].mean(), key
    assert scalars['val/accuracy/class_top1'].current() > 50  # by chance: 20
    assert {'val/accuracy/top1', 'val/accuracy/distill_top1'} < {*scalars}
