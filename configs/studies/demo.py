# Fashion-MNIST: what a small DeiT gains from a convnet, by the paper's method
# and by soft labels alone. Settings were chosen by demo_choice.py.
# make demo runs one seed.
#
#     python tools/study.py configs/studies/demo.py
prepare = ['tools/dataset_converters/prepare_fashion_mnist.py']
teacher = dict(config='configs/demo/teacher.py')
seeds = [0, 1, 2, 3, 4, 5, 6, 7]

distilled = ['default_hooks.teacher.teacher.checkpoint={teacher}']
baseline = 'labels'
methods = {
    'labels':
    dict(config='configs/demo/student.py'),
    'labels and teacher, hard, token (the paper)':
    dict(config='configs/demo/student-distilled.py', options=distilled),
    'teacher alone, soft, token':
    dict(config='configs/demo/student-distilled-soft.py', options=distilled),
}
