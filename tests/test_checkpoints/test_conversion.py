from copy import deepcopy
from itertools import product

import pytest
import torch
from mmengine.registry import MODELS
from safetensors.torch import load_file, save_file
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer

from mmdeit.checkpoints import FORMATS, add_dist_token, convert, detect_names

from ..conftest import STUDENT
from ..test_golden.fixture import load
from ..test_golden.student import rename


def build(distilled=True, img_size=8):
    """A model of this project whose every tensor is random."""
    cfg = deepcopy(STUDENT)
    cfg['backbone']['img_size'] = img_size
    if not distilled:
        cfg['backbone']['type'] = 'mmdeit.VisionTransformer'
        cfg['head'] = dict(
            type='VisionTransformerClsHead', num_classes=4, in_channels=8)
    model = MODELS.build(cfg).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


@pytest.fixture
def weights():
    torch.manual_seed(0)
    return build().state_dict()


def assert_same(weights, expected):
    assert weights.keys() == expected.keys()
    for name, tensor in expected.items():
        assert weights[name].dtype == tensor.dtype
        assert torch.equal(weights[name], tensor), name


# Two sizes, as 224 and 384 are.
@pytest.mark.parametrize('distilled, img_size', [(True, 8), (True, 12),
                                                 (False, 8), (False, 12)])
def test_round_trips(distilled, img_size):
    torch.manual_seed(0)
    model = build(distilled, img_size)
    for first, second in product(FORMATS, FORMATS):
        weights = convert(model.state_dict(), 'mmdeit', first)
        there = convert(weights, first, second)
        assert_same(convert(there, second, first), weights)
        assert FORMATS[detect_names(there)] == FORMATS[second]
    assert_same(convert(weights, first, 'mmdeit'), model.state_dict())


LAYOUTS = load('layouts')


@pytest.mark.parametrize('name', LAYOUTS['models'])
def test_round_trips_of_every_official_model(name):
    """In real shapes, of one byte; every pair of formats is above."""
    torch.manual_seed(0)
    column = LAYOUTS['models'].index(name)
    official = {
        key: torch.randint(-128, 128, shapes[column], dtype=torch.int8)
        for key, shapes in LAYOUTS['shapes'].items() if shapes[column]
    }
    for fmt in FORMATS:
        there = convert(official, 'official', fmt)
        assert FORMATS[detect_names(there)] == FORMATS[fmt]
        assert_same(convert(there, fmt, 'official'), official)
    ours = convert(official, 'official', 'mmdeit')
    assert_same(ours, {rename(key): official[key] for key in official})


def test_keeps_precision_and_shares_no_memory(weights):
    weights['backbone.cls_token'] = torch.tensor(
        [[[float('nan'), -0., *[1e-40] * 6]]])
    weights['backbone.patch_embed.projection.weight'] = torch.ones(
        8, 3, 4, 4, dtype=torch.half).to(memory_format=torch.channels_last)
    theirs = convert(weights, 'mmdeit', 'huggingface')
    bits = theirs['deit.embeddings.cls_token'].view(torch.int32)
    assert torch.equal(bits, weights['backbone.cls_token'].view(torch.int32))
    name = 'deit.embeddings.patch_embeddings.projection.weight'
    assert theirs[name].dtype == torch.half
    assert all(tensor.is_contiguous() for tensor in theirs.values())
    storages = {t.untyped_storage().data_ptr() for t in theirs.values()}
    assert len(storages) == len(theirs)


@pytest.mark.parametrize('distilled', [True, False])
def test_timm_takes_it_and_agrees(distilled):
    torch.manual_seed(0)
    model = build(distilled)
    reference = (VisionTransformerDistilled if distilled else
                 VisionTransformer)(
                     img_size=8, patch_size=4, in_chans=1, num_classes=4,
                     embed_dim=8, depth=2, num_heads=2, mlp_ratio=2).eval()
    reference.load_state_dict(
        convert(model.state_dict(), 'mmdeit', 'timm'), strict=True)
    images = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(
            model(images, mode='tensor'), reference(images))


@pytest.mark.parametrize('distilled', [True, False])
def test_hugging_face_takes_it_and_agrees(distilled, tmp_path):
    import transformers  # which takes seconds
    torch.manual_seed(0)
    model = build(distilled)
    kind = 'DeiT' if distilled else 'ViT'
    config = getattr(transformers, f'{kind}Config')(
        image_size=8, patch_size=4, num_channels=1, num_labels=4,
        hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, layer_norm_eps=1e-6)
    network = getattr(
        transformers, f'{kind}ForImageClassification' +
        ('WithTeacher' if distilled else ''))
    # As files: transformers 5 has other names in memory.
    config.save_pretrained(tmp_path)
    save_file(convert(model.state_dict(), 'mmdeit', 'huggingface'),
              tmp_path / 'model.safetensors', {'format': 'pt'})
    reference, info = network.from_pretrained(
        tmp_path, output_loading_info=True)
    assert not any(info.values()), info  # missing, unexpected, mismatched
    images = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        theirs = reference.eval()(images)
        torch.testing.assert_close(
            model(images, mode='tensor'), theirs.logits, rtol=0, atol=1e-5)
        if distilled:
            torch.testing.assert_close(
                model.head.scores(model.extract_feat(images)),
                (theirs.cls_logits, theirs.distillation_logits),
                rtol=0, atol=1e-5)
    # and back, from the files that it writes
    reference.save_pretrained(tmp_path)
    assert_same(
        convert(load_file(tmp_path / 'model.safetensors'), 'huggingface',
                'mmdeit'), model.state_dict())


def hugging_face_names(model, heads):
    """Names as transformers 4.49 and 5.23 write them for two blocks."""
    layers = [
        'attention.attention.query', 'attention.attention.key',
        'attention.attention.value', 'attention.output.dense',
        'intermediate.dense', 'output.dense', 'layernorm_before',
        'layernorm_after'
    ]
    modules = [
        f'{model}.embeddings.patch_embeddings.projection',
        *(f'{model}.encoder.layer.{n}.{layer}' for n in (0, 1)
          for layer in layers), f'{model}.layernorm', *heads
    ]
    return {
        f'{model}.embeddings.cls_token',
        f'{model}.embeddings.position_embeddings',
        *(f'{name}.{kind}' for name in modules for kind in ('weight', 'bias'))
    }


def test_names_of_hugging_face(weights):
    # DeiTForImageClassificationWithTeacher
    names = hugging_face_names(
        'deit', ['cls_classifier', 'distillation_classifier'])
    names.add('deit.embeddings.distillation_token')
    theirs = convert(weights, 'mmdeit', 'huggingface')
    assert theirs.keys() == names
    assert torch.equal(theirs['distillation_classifier.weight'],
                       weights['head.layers.head_dist.weight'])
    assert torch.equal(theirs['cls_classifier.weight'],
                       weights['head.layers.head.weight'])
    for kind in ('weight', 'bias'):
        qkv = weights[f'backbone.layers.1.attn.qkv.{kind}']
        for n, part in enumerate(('query', 'key', 'value')):
            name = f'deit.encoder.layer.1.attention.attention.{part}.{kind}'
            assert torch.equal(theirs[name], qkv[8 * n:8 * n + 8])
    # ViTForImageClassification, as facebook/deit-tiny-patch16-224
    theirs = convert(build(False).state_dict(), 'mmdeit', 'huggingface')
    assert theirs.keys() == hugging_face_names('vit', ['classifier'])


def test_undistilled_starts_distilled():
    torch.manual_seed(0)
    undistilled = build(distilled=False)
    weights = add_dist_token(undistilled.state_dict())
    model = build()
    model.load_state_dict(weights, strict=True)
    backbone, before = model.backbone, undistilled.backbone
    assert torch.equal(backbone.dist_token, before.cls_token)
    assert torch.equal(backbone.pos_embed[:, 1], before.pos_embed[:, 0])
    assert torch.equal(backbone.pos_embed[:, [0, 2, 3, 4, 5]],
                       before.pos_embed)
    # Equal tokens give equal predictions, until the teacher parts them.
    with torch.no_grad():
        tokens = model.extract_feat(torch.randn(2, 1, 8, 8))
        torch.testing.assert_close(*model.head.scores(tokens))
    with pytest.raises(ValueError, match='a distillation token already'):
        add_dist_token(weights)


@pytest.mark.parametrize('change, message', [
    (lambda w: w.pop('blocks.0.attn.qkv.bias'),
     'missing keys blocks.0.attn.qkv.bias: expected a whole distilled DeiT '
     'of 2 blocks with the names of timm'),
    (lambda w: [w.pop(n) for n in list(w) if n.startswith('blocks.0')],
     'missing keys blocks.0.norm1.weight, .* and 9 more'),
    (lambda w: w.pop('dist_token'), 'missing keys dist_token:'),
    (lambda w: w.update({'blocks.1.ls1.gamma': torch.ones(8)}),
     'unknown keys blocks.1.ls1.gamma:'),
    (lambda w: w.update({'cls_classifier.bias': w.pop('head.bias')}),
     'unknown keys cls_classifier.bias and missing keys head.bias:'),
    (lambda w: w.update({'blocks.99999.norm1.bias': torch.ones(8)}),
     'unknown keys blocks.99999.norm1.bias and missing'),
    (lambda w: w.update({3: 'no name'}), 'unknown keys 3:'),
    (lambda w: w.update(cls_token=1), 'missing keys cls_token:'),
    (lambda w: w.update(cls_token=torch.ones(())),
     r'cls_token has shape \(\)'),
    (lambda w: w.update({'norm.weight': torch.ones(9)}),
     r'norm.weight has shape \(9,\), expected \(8,\)'),
    (lambda w: w.update({'head_dist.weight': torch.ones(3, 8)}),
     r'head_dist.weight has shape \(3, 8\), expected \(4, 8\)'),
    (lambda w: w.update(pos_embed=torch.ones(1, 5, 8)),
     'has 5 rows, expected 2 and a square number'),
])
def test_not_one_whole_model(weights, change, message):
    weights = convert(weights, 'mmdeit', 'timm')
    change(weights)
    assert detect_names(weights) == 'timm'
    with pytest.raises(ValueError, match=message) as info:
        convert(weights, 'timm', 'mmdeit')
    assert '\n' not in str(info.value)


def test_shapes_of_hugging_face(weights):
    weights = convert(weights, 'mmdeit', 'huggingface')
    name = 'deit.encoder.layer.0.attention.attention.key.weight'
    weights[name] = torch.ones(24, 8)
    with pytest.raises(ValueError, match=r'key.weight has shape \(24, 8\), '
                       r'expected \(8, 8\)'):
        convert(weights, 'huggingface', 'mmdeit')


def test_one_head_for_two_tokens(weights):
    """DeiTForImageClassification; no other format has such a model."""
    weights = convert(weights, 'mmdeit', 'huggingface')
    for kind in ('weight', 'bias'):
        weights[f'classifier.{kind}'] = weights.pop(f'cls_classifier.{kind}')
        weights.pop(f'distillation_classifier.{kind}')
    with pytest.raises(ValueError, match='unknown keys classifier.weight, '
                       '.* and missing keys cls_classifier.weight, '):
        convert(weights, 'huggingface', 'mmdeit')


def test_wrong_format(weights):
    with pytest.raises(ValueError, match='unknown keys backbone.cls_token, '
                       '.* and missing keys cls_token, .* names of timm'):
        convert(weights, 'timm', 'mmdeit')


@pytest.mark.parametrize('weights, named', [
    (dict(conv1=torch.ones(1), fc=torch.ones(1)), 'conv1, fc'), ({}, 'none')])
def test_unknown_layout(weights, named):
    with pytest.raises(ValueError, match=f'unknown keys .?{named}.?: '
                       'expected .* mmdeit, mmpretrain, official'):
        detect_names(weights)
