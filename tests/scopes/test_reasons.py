"""Every read has a reason that a person can look up."""

import json

import pytest

from pinning import Reason


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_explains_itself(reason):
    assert len(reason.explanation.split()) >= 4


def test_no_two_reasons_explain_themselves_alike():
    assert len({reason.explanation for reason in Reason}) == len(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_its_value(reason):
    assert (str(reason), f"{reason}", json.dumps(reason)) == (
        reason.value,
        reason.value,
        f'"{reason.value}"',
    )


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_found_by_its_value(reason):
    assert Reason(reason.value) is reason
