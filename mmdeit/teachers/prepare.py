"""Everything that happens to a teacher before the first iteration."""
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from .answer import check_answer
from .preflight import preflight, take_images
from .view import View


def prepare_teacher(teacher: nn.Module, runner: Runner,
                    num_images: int) -> None:
    """Fit a teacher to a student, choose its execution, and examine it.

    Args:
        teacher (nn.Module): A :class:`Teacher` or :class:`TeacherEnsemble`,
            changed in place.
        runner (Runner): Has the student and its datasets.
        num_images (int): How many images of the validation dataset it is
            evaluated on, by the first process; 0 for none.

    Raises:
        ValueError: If the teacher does not fit, does not answer, or is
            refused; in each process.
    """
    student = runner.model
    if is_model_wrapper(student):
        student = student.module
    dataset = runner.train_dataloader.dataset
    view = View.of(student, getattr(dataset, 'metainfo', {}).get('classes'))
    teacher.adapt(view)
    teacher.to(next(student.parameters()).device)

    images, _ = take_images(dataset, student.data_preprocessor, 2)
    check_answer(teacher, images, view.num_classes)
    # Where a pass is slow, a smaller batch tells as much.
    batch_size = runner.train_dataloader.batch_size if images.is_cuda else 16
    runner.logger.info('Teacher ' + teacher.tune(
        images[:1].repeat(batch_size, 1, 1, 1)))

    if num_images and runner.val_loop is None:
        runner.logger.warning('The teacher is not evaluated before training: '
                              'there is no validation dataset.')
    elif num_images:
        _examine(teacher, runner, student.data_preprocessor, num_images, view)


def _examine(teacher: nn.Module, runner: Runner, preprocessor: nn.Module,
             num_images: int, view: View) -> None:
    verdict = [None]
    if is_main_process():
        images, labels = take_images(runner.val_loop.dataloader.dataset,
                                     preprocessor, num_images)
        try:
            runner.logger.info(
                '\n' + preflight(teacher, images, labels, view.num_classes))
        except ValueError as error:
            verdict = [str(error)]
    # Otherwise the others would wait for the first one for ever.
    broadcast_object_list(verdict)
    if verdict[0]:
        raise ValueError(verdict[0])
