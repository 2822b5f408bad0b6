# The student of student-distilled.py, of which both heads learn from the
# teacher's soft labels, and from no label.
#
#     python tools/train.py configs/demo/student-distilled-soft.py
_base_ = './student-distilled.py'

model = dict(
    head=dict(
        loss=dict(mode='soft', alpha=1.0, tau=2.0, reduction='batchmean')))
