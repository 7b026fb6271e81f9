from line_payload import events

from errlock.delivery.options import SendingQueue
from errlock.delivery.queue import MemoryQueue, Parcel
from errlock.pipeline.options import Duration, Size


def parcel(*, size: int = 10, documents: int = 1, at: float = 0.0) -> Parcel:
    return Parcel(events(documents), {"event": documents}, size, at)


def queue(**options: object) -> MemoryQueue:
    return MemoryQueue(SendingQueue(**options))  # type: ignore[arg-type]  # a test's shorthand


def test_parcels_are_taken_in_the_order_of_arrival() -> None:
    waiting = queue()
    first, second = parcel(), parcel()
    assert waiting.put(first) == waiting.put(second) == []
    assert [waiting.take(0), waiting.take(0), waiting.take(0)] == [first, second, None]


def test_a_parcel_in_flight_still_counts() -> None:
    waiting = queue()
    waiting.put(parcel(size=10, documents=3))
    assert waiting.take(0) is not None
    assert (len(waiting), waiting.documents, waiting.bytes) == (1, 3, 10)


def test_a_removed_parcel_counts_no_more() -> None:
    waiting = queue()
    one = parcel()
    waiting.put(one)
    waiting.remove(one)
    assert (len(waiting), waiting.documents, waiting.bytes) == (0, 0, 0)
    assert waiting.take(0) is None


def test_a_retry_is_not_taken_before_it_is_due_and_others_pass_it() -> None:
    waiting = queue()
    late, next_ = parcel(), parcel()
    waiting.put(late)
    waiting.put(next_)
    assert waiting.take(0) is late
    waiting.again(late, due=5.0)
    assert waiting.take(0) is next_
    assert waiting.take(4.9) is None
    assert waiting.next_due() == 5.0
    assert waiting.take(5.0) is late


def test_what_hurries_is_due_at_once_and_only_once() -> None:
    waiting = queue()
    one = parcel()
    waiting.put(one)
    waiting.take(0)
    waiting.again(one, due=5.0)
    waiting.hurry()
    assert waiting.take(0) is one
    assert waiting.take(99) is None


def test_only_the_last_time_set_for_a_retry_counts() -> None:
    waiting = queue()
    one = parcel()
    waiting.put(one)
    waiting.take(0)
    waiting.again(one, due=5.0)
    waiting.hurry()
    waiting.take(0)
    waiting.again(one, due=50.0)
    assert waiting.take(5.0) is None
    assert waiting.next_due() == 50.0


def test_the_oldest_go_when_there_is_no_room() -> None:
    waiting = queue(queue_size=Size(30))
    first, second, third = parcel(), parcel(), parcel()
    for one in (first, second, third):
        waiting.put(one)
    assert waiting.put(parcel(size=15)) == [first, second]
    assert waiting.bytes == 25


def test_what_is_in_flight_does_not_go_for_room() -> None:
    waiting = queue(queue_size=Size(20))
    flying, second = parcel(), parcel()
    waiting.put(flying)
    waiting.put(second)
    assert waiting.take(0) is flying
    assert waiting.put(parcel()) == [second]


def test_nothing_goes_for_a_parcel_that_would_never_fit() -> None:
    waiting = queue(queue_size=Size(20))
    huge = parcel(size=21)
    waiting.put(parcel())
    assert waiting.put(huge) == [huge]
    assert len(waiting) == 1


def test_the_newest_goes_when_told_so() -> None:
    waiting = queue(queue_size=Size(20), drop="newest")
    waiting.put(parcel())
    waiting.put(parcel())
    newest = parcel()
    assert waiting.put(newest) == [newest]


def test_documents_are_bounded_too() -> None:
    waiting = queue(max_documents=5)
    first = parcel(documents=3)
    waiting.put(first)
    assert waiting.put(parcel(documents=3)) == [first]
    assert waiting.documents == 3


def test_what_waited_too_long_expires_oldest_first() -> None:
    waiting = queue(max_age=Duration("60s"))
    first, second = parcel(at=0), parcel(at=30)
    waiting.put(first)
    waiting.put(second)
    assert waiting.next_expiry() == 60
    assert waiting.expire(59) == []
    assert waiting.expire(60) == [first]
    assert waiting.expire(90) == [second]


def test_an_attempt_under_way_does_not_expire() -> None:
    waiting = queue(max_age=Duration("60s"))
    waiting.put(parcel(at=0))
    waiting.take(0)
    assert waiting.next_expiry() is None
    assert waiting.expire(1000) == []


def test_nothing_expires_when_there_is_no_age() -> None:
    waiting = queue(max_age=Duration(0))
    waiting.put(parcel(at=0))
    assert waiting.expire(1e9) == []
