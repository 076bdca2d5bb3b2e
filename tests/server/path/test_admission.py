"""Requests under way are bounded, and nobody has more than half of them."""

import pytest

from pairsmith.errors import ServiceUnavailable
from pairsmith.server.path.admission import Admission
from pairsmith.server.path.refusals import QuotaExceeded


def test_nobody_has_more_than_half() -> None:
    """The others find room; what has ended makes room again."""
    admission = Admission(4)
    admission.enter("a")
    admission.enter("a")
    with pytest.raises(QuotaExceeded):
        admission.enter("a")
    admission.enter("b")
    admission.leave("a")
    admission.enter("a")
    assert admission.count == 3


def test_there_is_an_end_to_all_of_them() -> None:
    """Whoever comes then is told to come again, and counts as nothing."""
    admission = Admission(4)
    for principal in ("a", "a", "b", "c"):
        admission.enter(principal)
    with pytest.raises(ServiceUnavailable):
        admission.enter("d")
    for principal in ("a", "a", "b", "c"):
        admission.leave(principal)
    assert admission.count == 0
    assert admission._of == {}


def test_one_is_always_possible() -> None:
    """Whatever the limit."""
    Admission(1).enter("a")
