"""When the log reads the device: what else waits for it waits then."""
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner


def is_logged(runner: Runner, batch_idx: int) -> bool:
    """Whether the log reads the device after an iteration, from 0."""
    return batch_idx + 1 == len(runner.train_dataloader) or any(
        isinstance(hook, LoggerHook) and (batch_idx + 1) % hook.interval == 0
        for hook in runner.hooks)
