"""Accounts of simulated users, wherever the site keeps accounts."""

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from pinning.verify.accounts import obstacle

ELSEWHERE = {
    "REPLICAS": {"default": ["replica1"], "orders": ["orders1"]},
    "MODELS": {"auth": "orders"},
}


@pytest.mark.django_db(databases=["default", "orders"], transaction=True)
@override_settings(PINNING=ELSEWHERE)
def test_an_account_that_is_tried_is_not_left_in_another_cluster():
    accounts = get_user_model().objects.using("orders")
    assert obstacle() == ""
    assert not accounts.exists()
