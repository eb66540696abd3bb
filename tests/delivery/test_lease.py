"""The right to start requests comes from a transaction, and ends by itself."""

from connector.delivery.lease import Lease


def test_it_holds_from_the_beginning_of_a_transaction_for_its_duration() -> None:
    """Before the first transaction there is none; what counts is when the transaction began, not when it ended."""
    lease = Lease(6.0)
    assert not lease.holds(0.0)
    lease.renew(began=10.0)
    assert lease.holds(15.9)
    assert not lease.holds(16.0)


def test_a_late_answer_of_an_older_transaction_shortens_nothing() -> None:
    """Only the newest beginning counts."""
    lease = Lease(6.0)
    lease.renew(began=10.0)
    lease.renew(began=5.0)
    assert lease.holds(15.0)


def test_an_idle_worker_renews_in_time() -> None:
    """After a third of it, so that two failures in a row stop nobody."""
    lease = Lease(6.0)
    assert lease.is_due(0.0)
    lease.renew(began=10.0)
    assert not lease.is_due(11.9)
    assert lease.is_due(12.0)
