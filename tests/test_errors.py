import pickle

import pytest

from roberta import errors


def family(kind=errors.RobertaError):
    return [kind, *(member for below in kind.__subclasses__() for member in family(below))]


@pytest.mark.parametrize("kind", family())
def test_another_process_gets_the_same_error(kind):
    given = {
        errors.InputError: lambda: kind("no <mask>", code="no_mask"),
        errors.MissingExtra: lambda: kind("pyarrow", "ray", "reading a.parquet"),
    }
    error = given.get(kind, lambda: kind("wrong"))()
    error.add_note("where")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))
