"""A teacher whose process gets SIGTERM as it is asked for the sixth time.

For the config of a process that a test starts; in its own it patches.
"""
import os
import signal
from multiprocessing import parent_process

from mmdeit.teachers import Teacher


def interrupted(forward):
    """A teacher's forward with the signal."""
    asked = 0

    def interrupt(teacher, inputs):
        nonlocal asked
        asked += 1
        if asked == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return forward(teacher, inputs)

    return interrupt


if parent_process() is not None:
    Teacher.forward = interrupted(Teacher.forward)
