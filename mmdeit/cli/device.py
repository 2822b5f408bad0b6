"""Running a config, written for GPUs, on the machine at hand."""
import atexit
import gc
import os
from datetime import timedelta

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from torch.optim import Adam, AdamW

from mmdeit.registry import resolve

PRECISIONS = ('highest', 'high', 'medium')


def adapt_to_device(cfg: Config) -> None:
    """Take what a GPU is fast with; without one, do without.

    On CUDA an Adam of torch is the fused one, unless the config says which, and
    fp32 is multiplied as ``env_cfg.float32_matmul_precision`` says, of
    ``torch.set_float32_matmul_precision``; else as torch's default does.

    Without an accelerator mixed precision is off, and NCCL becomes gloo.

    mmengine's ``AmpOptimWrapper`` refuses to run on a CPU, and its launchers
    ask for a GPU unless the process group exists already: it is created here.
    PyTorch synchronises batch norm on GPUs only: under a launcher it becomes
    that of each process. The config is changed in place.

    With ``randomness.deterministic=True`` torch refuses a cuBLAS whose sums may
    differ from run to run: it is told not to, unless the environment says how.
    """
    if (cfg.get('randomness') or {}).get('deterministic'):
        # Read where the first matrices are multiplied.
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    precision = (cfg.get('env_cfg') or {}).get('float32_matmul_precision')
    if precision is not None:
        if precision not in PRECISIONS:
            raise ValueError(
                f'env_cfg.float32_matmul_precision is {precision!r}: choose '
                f'from {", ".join(map(repr, PRECISIONS))}')
        torch.set_float32_matmul_precision(precision)
    if get_device() == 'cuda':
        fuse_optimizer(cfg)
    if get_device() != 'cpu':
        return
    optim_wrapper = cfg.get('optim_wrapper') or {}
    kind = resolve(OPTIM_WRAPPERS, optim_wrapper.get('type'),
                   cfg.get('default_scope'))
    if kind is AmpOptimWrapper:
        print_log('No accelerator found: training in fp32. --amp and '
                  'AmpOptimWrapper are for GPUs.')
        optim_wrapper['type'] = 'OptimWrapper'
        for key in ('dtype', 'loss_scale'):
            optim_wrapper.pop(key, None)
    if cfg.launcher != 'none':
        print_log('No accelerator found: distributing over gloo.')
        cfg.model_wrapper_cfg = {
            'type': 'MMDistributedDataParallel',
            'broadcast_buffers': False,
            **cfg.get('model_wrapper_cfg', {}),
            # mmengine's choice, a GPU's number, DDP refuses on a CPU.
            'device_ids': None,
        }
        if revert_sync_bn(cfg.get('model') or {}):
            print_log('No accelerator found: SyncBN is BN in each process.')
        dist_cfg = (cfg.get('env_cfg') or {}).get('dist_cfg') or {}
        init_gloo(cfg.launcher, dist_cfg.get('timeout'))


def fuse_optimizer(cfg: Config) -> None:
    """Let an Adam step in one kernel, in place; None of torch is several."""
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    kind = resolve(OPTIMIZERS, optimizer.get('type'), cfg.get('default_scope'))
    if kind in (Adam, AdamW) and not {
            'fused', 'foreach', 'differentiable'} & set(optimizer):
        optimizer['fused'] = True


def revert_sync_bn(cfg: dict | list | tuple) -> bool:
    """Turn ``SyncBN`` into ``BN``, of the same weights, and say if it did."""
    found = isinstance(cfg, dict) and cfg.get('type') in ('SyncBN', 'MMSyncBN')
    if found:
        cfg['type'] = 'BN'
    for part in cfg.values() if isinstance(cfg, dict) else cfg:
        if isinstance(part, (dict, list, tuple)):
            found |= revert_sync_bn(part)
    return found


def init_gloo(launcher: str, timeout: float | None = None) -> None:
    """Create a gloo process group from what a launcher left in the environment.

    Several nodes under ``'slurm'`` need ``MASTER_ADDR``; the other launchers
    set what torchrun sets. As in mmengine, the timeout is in seconds; None is
    torch's, 30 minutes.
    """
    if launcher == 'slurm':
        os.environ.setdefault('MASTER_ADDR', '127.0.0.1')
        os.environ.setdefault('MASTER_PORT', '29500')
        os.environ['RANK'] = os.environ['SLURM_PROCID']
        os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']
        os.environ['LOCAL_RANK'] = os.environ['SLURM_LOCALID']
    options = {} if timeout is None else dict(
        timeout=timedelta(seconds=timeout))
    dist.init_process_group('gloo', **options)
    # Otherwise gloo's threads, still running at the end, may abort the process.
    atexit.register(_leave_group)


def _leave_group() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
    # The Runner, a cycle of references, holds the group through DDP.
    gc.collect()
