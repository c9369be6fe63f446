"""How a run begins and ends."""

import pytest

from pinning.verify.clients import Answer, Client
from pinning.verify.crowd import Crowd, Plan
from pinning.verify.users import TwoDevices

SITE = {
    "replicas": ["replica1"],
    "has_scope": True,
    "has_server_side": True,
    "has_rule": False,
    "no_accounts": "",
}


@pytest.fixture
def posted(monkeypatch):
    """The paths that were posted to, on a site that says yes to all."""
    paths = []

    def post(client, path, **fields):
        paths.append(path)
        return Answer(200, 0.0, 1.0, SITE)

    monkeypatch.setattr(Client, "post", post)
    return paths


def test_a_run_that_is_interrupted_as_it_begins_leaves_nothing(posted, monkeypatch):
    sign_in = TwoDevices.begin

    def interrupted(user):
        sign_in(user)
        raise KeyboardInterrupt

    monkeypatch.setattr(TwoDevices, "begin", interrupted)
    plan = Plan(users=2, kinds=(TwoDevices,))
    with pytest.raises(KeyboardInterrupt), Crowd(["http://127.0.0.1:9"], plan):
        pass
    assert posted == ["begin", *["0/login"] * 2, *["0/logout"] * 2, "end"]
