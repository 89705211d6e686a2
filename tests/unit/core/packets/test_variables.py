"""Variables, and what is assumed of them if nothing is said."""

import numpy as np

from kachery_core.packets.variables import Variable, Variables


def test_nothing_is_shared_between_two():
    Variables().members["x"] = Variable((), np.array(1))
    assert Variables().members == {}
    Variable((), np.array(1)).attrs["a"] = 1
    assert Variable((), np.array(1)).attrs == {}
