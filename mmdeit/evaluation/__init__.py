from .heads_accuracy import HeadsAccuracy
from .real_accuracy import ReaLAccuracy

__all__ = ['HeadsAccuracy', 'ReaLAccuracy']
