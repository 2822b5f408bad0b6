"""How the views of an iteration are shared by processes and passes."""
from dataclasses import dataclass


@dataclass(frozen=True)
class BatchPlan:
    """The same views in an iteration, whatever the number of processes.

    Attributes:
        views (int): Of an iteration, in all processes.
        share (int): Of each process.
        passes (int): Forward and backward passes over a share, whose
            gradients are added up before the one step of the optimiser.
        group_size (int): Views that are mixed alike.
    """
    views: int
    share: int
    passes: int
    group_size: int = 1

    @property
    def pass_size(self) -> int:
        """int: Views of one pass."""
        return self.share // self.passes

    def __str__(self) -> str:
        groups = (f', mixed in groups of {self.group_size}'
                  if self.group_size > 1 else '')
        return (f'An iteration has {self.views} images, {self.share} in each '
                f'process: {self.passes} x {self.pass_size}{groups}')


def plan_batch(batch_size: int,
               world_size: int,
               passes: int = 1,
               views: int | None = None,
               group_size: int = 1) -> BatchPlan:
    """Share the views of an iteration out to processes and passes.

    A group of views that are mixed alike stays in one pass. The recipe has 8
    groups of 128: 1, 2, 4 or 8 processes take 8, 4, 2 or 1 of them. Where a
    pass takes fewer than 128 images, the groups are smaller. Where the batch
    is whatever the processes make, a pass has ``batch_size`` images, and
    groups of about ``group_size``.

    Args:
        batch_size (int): What a process takes in one pass, at most.
        world_size (int): Number of processes.
        passes (int): ``accumulative_counts`` of a config; if not 1, it and
            ``batch_size`` are meant exactly. Defaults to 1.
        views (int, optional): The batch that the learning rate is for. Defaults
            to None, what ``batch_size``, processes and passes make.
        group_size (int): Views that are mixed alike, at most. Defaults to 1.

    Raises:
        ValueError: If they cannot be shared, with what can.
    """
    product = world_size * batch_size * passes
    if passes > 1 and views not in (None, product):
        raise ValueError(
            f'{world_size} processes x {passes} passes (accumulative_counts) x '
            f'batch_size {batch_size} are {product} images, and the learning '
            f'rate is for {views}: leave accumulative_counts out, to have it '
            f'found, or set auto_scale_lr.base_batch_size={product}')
    group_size = min(group_size, batch_size)
    if views is None or passes > 1:
        return BatchPlan(product, batch_size * passes, passes, group_size)
    while views % group_size:
        group_size -= 1
    if views % (world_size * group_size):
        counts = [str(n) for n in range(1, views + 1)
                  if views % (n * group_size) == 0]
        groups = f' in groups of {group_size}' if group_size > 1 else ''
        share, rest = divmod(views, world_size)
        smaller = (f'train_dataloader.batch_size={share}, or '
                   if not rest and group_size % share == 0 else '')
        raise ValueError(
            f'{world_size} processes cannot share batches of {views} images'
            f'{groups}: take {" or ".join(counts[-8:])} of them, or set '
            f'{smaller}auto_scale_lr.base_batch_size and the learning rate')
    share = views // world_size
    passes = next(n for n in range(1, share + 1)
                  if share % (n * group_size) == 0 and share // n <= batch_size)
    return BatchPlan(views, share, passes, group_size)
