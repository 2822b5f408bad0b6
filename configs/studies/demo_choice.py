# Which settings the demo has: chosen on the last 10,000 training images, which
# the students and the teacher do not see, over two of the demo's three epochs.
#
#     python tools/study.py configs/studies/demo_choice.py
prepare = ['tools/dataset_converters/prepare_fashion_mnist.py']
seeds = [0]

# 10,000 training images in place of the test's
held_out = [
    'test_dataloader.dataset.split=train',
    'test_dataloader.dataset.indices=-10000',
    'test_dataloader.dataset.test_mode=False',
]
teacher = dict(config='configs/demo/teacher.py', options=held_out)

short = [*held_out, 'train_cfg.max_epochs=2']
distilled = [*short, 'default_hooks.teacher.teacher.checkpoint={teacher}']
soft = 'configs/demo/student-distilled-soft.py'
baseline = 'labels'
methods = {
    'labels':
    dict(config='configs/demo/student.py', options=short),
    'labels, lr 1e-3':
    dict(
        config='configs/demo/student.py',
        options=[*short, 'optim_wrapper.optimizer.lr=1e-3']),
    'labels, lr 4e-3':
    dict(
        config='configs/demo/student.py',
        options=[*short, 'optim_wrapper.optimizer.lr=4e-3']),
    'labels, mixed':
    dict(config='configs/demo/student_mixed.py', options=short),
    'token, hard':
    dict(config='configs/demo/student-distilled.py', options=distilled),
    'token, hard, mixed':
    dict(
        config='configs/demo/student-distilled_mixed.py',
        options=distilled),
    'teacher alone, soft, tau 1':
    dict(config=soft, options=[*distilled, 'model.head.loss.tau=1.']),
    'teacher alone, soft, tau 2':
    dict(config=soft, options=distilled),
    'teacher alone, soft, tau 4':
    dict(config=soft, options=[*distilled, 'model.head.loss.tau=4.']),
    'token, soft, tau 2':
    dict(config=soft, options=[*distilled, 'model.head.loss.alpha=.5']),
    'teacher alone, soft, tau 2, mixed':
    dict(
        config='configs/demo/student-distilled-soft_mixed.py',
        options=distilled),
}
