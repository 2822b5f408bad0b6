import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmdeit.models import VisionTransformer
from mmdeit.optim.merging_optim_wrapper_constructor import merge_groups

PARAMWISE = dict(
    norm_decay_mult=0.0,
    bias_decay_mult=0.0,
    custom_keys={
        '.cls_token': dict(decay_mult=0.0),
        '.projection': dict(lr_mult=0.1)
    })


def build(constructor, **settings):
    torch.manual_seed(0)
    model = nn.ModuleDict(
        dict(
            backbone=VisionTransformer(
                arch=dict(
                    embed_dims=8, num_layers=2, num_heads=2,
                    feedforward_channels=16),
                img_size=8, patch_size=4)))
    cfg = dict(
        optimizer=dict(type='AdamW', lr=1e-2, weight_decay=0.1, **settings),
        constructor=constructor,
        paramwise_cfg=PARAMWISE)
    return model, build_optim_wrapper(model, cfg).optimizer


def settings_by_name(model, optimizer):
    names = {id(param): name for name, param in model.named_parameters()}
    return {
        names[id(param)]: (group['lr'], group['weight_decay'])
        for group in optimizer.param_groups for param in group['params']
    }


def test_the_same_settings_and_updates_in_fewer_groups():
    (ours, merged), (theirs, single) = (
        build(name) for name in ('mmdeit.MergingOptimWrapperConstructor',
                                 'DefaultOptimWrapperConstructor'))
    assert settings_by_name(ours, merged) == settings_by_name(theirs, single)
    # The projection has a rate of its own, whose bias decays too.
    assert len(merged.param_groups) == 3 < len(single.param_groups)
    images = torch.randn(2, 3, 8, 8)
    for model, optimizer in ((ours, merged), (theirs, single)):
        for _ in range(3):
            optimizer.zero_grad()
            model['backbone'](images)[-1].square().sum().backward()
            optimizer.step()
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters()):
        torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)


def test_no_setting_is_lost():
    a, b, c, d = (nn.Parameter(torch.zeros(1)) for _ in range(4))
    groups = [
        dict(params=[a], lr=1., betas=[.9, .99], param_name='a'),
        dict(params=[b], lr=1.),
        dict(params=[c], lr=1., betas=[.9, .99], param_name='c'),
        dict(params=[d], lr=2.),
    ]
    merged = merge_groups(groups)
    assert [g['params'] for g in merged] == [[a, c], [b], [d]]
    assert merged[0]['betas'] == [.9, .99] and 'betas' not in merged[1]
    assert [g['params'] for g in groups] == [[a], [b], [c], [d]]


def test_without_paramwise_settings():
    model = nn.Linear(2, 2)
    wrapper = build_optim_wrapper(
        model,
        dict(
            optimizer=dict(type='SGD', lr=0.1),
            constructor='mmdeit.MergingOptimWrapperConstructor'))
    group, = wrapper.optimizer.param_groups
    assert group['params'] == [*model.parameters()]


@pytest.mark.parametrize('kind', ['merging', 'layer_decay'])
def test_a_group_less_for_each_parameter(kind):
    name = dict(
        merging='mmdeit.MergingOptimWrapperConstructor',
        layer_decay='mmdeit.LayerDecayOptimWrapperConstructor')[kind]
    model, optimizer = build(name)
    assert len(optimizer.param_groups) < len([*model.parameters()])
