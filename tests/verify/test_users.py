"""What simulated users make of the answers."""

import pytest

from pinning.verify.clients import Answer
from pinning.verify.history import NO_ANSWER
from pinning.verify.users import Browser


class Site:
    """A client whose site gives one answer to all."""

    def __init__(self, answer):
        self.get = self.post = lambda *_, **__: answer


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(200, 0.0, 1.0, {"value": 3}), 200),
        (Answer(200, 0.0, 1.0, {}, "Back soon."), NO_ANSWER),
        (Answer(200, 0.0, 1.0, {"value": None}), NO_ANSWER),
        (Answer(500, 0.0, 1.0), 500),
    ],
)
def test_a_page_of_somebody_else_is_no_answer(answer, status):
    noted = []
    user = Browser(0, lambda **_: Site(answer), noted.append)
    user.hands[0].read()
    user.hands[0].write()
    assert [operation.status for operation in noted] == [status, status]
