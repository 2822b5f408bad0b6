import numpy as np
import pytest

from mmdeit.randomness import seed_all


@pytest.fixture(params=['one stream', 'by view'])
def draws(request):
    """Draws many times: from one stream of numbers, or each for its own view.

    The second is what training does: a view's numbers are the first few of a
    generator that is seeded anew.
    """

    def draws(draw, count):
        np.random.seed(0)
        results = []
        for position in range(count):
            if request.param == 'by view':
                seed_all(0, 3, position)
            results.append(draw())
        return results

    return draws
