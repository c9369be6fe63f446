"""django-simple-history: a row of history for each save."""

from ecosystem.project import migrate, start

PAIR = start(apps=("simple_history", "ecosystem.recorded"))
migrate(PAIR)

from typing import Any  # noqa: E402

from ecosystem.recorded.models import Recorded  # noqa: E402
from pinning import scope  # noqa: E402


def test_a_save_of_a_row_that_a_replica_gave_has_its_history(pair: Any) -> None:
    made = Recorded.objects.using("default").create(text="old")
    pair.catch_up()
    with pair.paused(), scope():
        found = Recorded.objects.get(pk=made.pk)
        found.text = "new"
        found.save()
        assert [each.text for each in found.history.order_by("history_id")] == ["old", "new"]
        assert found.history.first().prev_record.text == "old"
