"""A history becomes transactions on keys."""

from pinning.verify.history import Kind, Operation
from pinning.verify.transactions import Step, transactions


def did(kind, value, sent, answered=None, status=200, session="one", client="phone", least=0):
    return Operation(
        kind=kind,
        session=session,
        client=client,
        sent=sent,
        answered=sent + 1 if answered is None else answered,
        status=status,
        value=value,
        least=least,
    )


def wrote(value, *when, **more):
    return did(Kind.WRITE, value, *when, **more)


def read(value, *when, **more):
    return did(Kind.READ, value, *when, **more)


def steps(*history):
    return [each.steps for each in transactions(history)]


def w(value, key="one"):
    return Step(True, key, value)


def r(value, key="one", least=0):
    return Step(False, key, value, least)


def test_each_request_is_one_and_they_are_in_order():
    assert steps(read(1, 2), wrote(1, 0)) == [(w(1),), (r(1),)]


def test_it_says_whose_it_was_and_when():
    (only,) = transactions([wrote(1, 0, 3)])
    assert (only.session, only.client, only.begun, only.ended) == ("one", "phone", 0, 3)
    assert only.is_sure


def test_what_says_nothing_about_a_number_is_left_out():
    assert steps(did(Kind.LOGIN, None, 0), did(Kind.LOGOUT, None, 2), read(0, 4, status=500)) == []


def test_a_failed_write_is_unsure_also_if_its_number_is_unknown():
    found = transactions([wrote(1, 0, status=500), wrote(None, 2, status=0)])
    assert [(each.steps, each.is_sure) for each in found] == [((w(1),), False), ((w(None),), False)]


def test_a_write_that_came_too_late_to_change_anything_is_left_out():
    assert steps(wrote(6, 0), wrote(5, 2), wrote(7, 4)) == [(w(6),), (w(7),)]
    assert steps(wrote(6, 0), wrote(5, 0.5)) == [(w(6),), (w(5),)]  # perhaps it came first


def test_a_request_that_writes_and_then_reads_is_one():
    assert steps(wrote(2, 0), read(2, 0, least=2)) == [(w(2), r(2, least=2))]
    assert steps(wrote(2, 0), read(1, 0, least=2)) == [(w(2), r(1, least=2))]


def test_a_request_that_reads_and_then_writes_is_one():
    assert steps(wrote(2, 0), read(1, 0)) == [(r(1), w(2))]


def test_a_request_in_which_another_wrote_meanwhile_is_two():
    assert steps(wrote(2, 0), read(3, 0, least=2)) == [(w(2),), (r(3, least=2),)]


def test_a_number_from_which_writes_were_lost_is_another_key_with_what_is_left():
    lost = did(Kind.LOST, 1, 4, 4, client="")
    history = [wrote(1, 0), wrote(2, 2), lost, read(1, 6), wrote(3, 8)]
    key = "one, after loss 1"
    assert steps(*history) == [(w(1),), (w(2),), (w(1, key),), (r(1, key),), (w(3, key),)]


def test_a_loss_leaves_no_more_than_there_was():
    key = "one, after loss 1"
    assert steps(wrote(1, 0), did(Kind.LOST, 7, 4, 4), read(1, 6))[1] == (w(1, key),)


def test_a_loss_before_any_write_leaves_nothing():
    assert steps(did(Kind.LOST, 0, 4, 4), wrote(1, 6)) == [(w(1, "one, after loss 1"),)]


def test_a_second_loss_begins_where_the_first_one_ended():
    losses = [did(Kind.LOST, 1, 4, 4), did(Kind.LOST, 5, 6, 6)]
    assert steps(wrote(2, 0), *losses)[1:] == [
        (w(1, "one, after loss 1"),),
        (w(1, "one, after loss 2"),),
    ]


def test_a_read_during_a_loss_is_left_out():
    assert len(transactions([wrote(1, 0), did(Kind.LOST, 0, 4, 4), read(1, 3, 5)])) == 2
