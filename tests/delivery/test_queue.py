from itertools import count

from errlock.delivery.options import MEMORY_QUEUE, SendingQueue
from errlock.delivery.queue import Queue
from errlock.delivery.store import Record
from errlock.pipeline.options import Duration, Size

NUMBERS = count(1)


def record(*, size: int = 10, documents: int = 1, at: float = 0.0) -> Record:
    number, counts = next(NUMBERS), {"event": documents}
    return Record(number, number, "one", "p:1", counts, size, enqueued=at, due=at)  # type: ignore[arg-type]


def queue(*, queue_size: int = MEMORY_QUEUE, **options: object) -> Queue:
    return Queue(SendingQueue(**options), queue_size)  # type: ignore[arg-type]  # a test's shorthand


def test_parcels_are_taken_in_the_order_of_arrival() -> None:
    waiting = queue()
    first, second = record(), record()
    assert waiting.put(first) == waiting.put(second) == []
    assert [waiting.take(0), waiting.take(0), waiting.take(0)] == [first, second, None]


def test_a_record_in_flight_still_counts() -> None:
    waiting = queue()
    waiting.put(record(size=10, documents=3))
    assert waiting.take(0) is not None
    assert (len(waiting), waiting.documents, waiting.bytes) == (1, 3, 10)


def test_a_removed_record_counts_no_more() -> None:
    waiting = queue()
    one = record()
    waiting.put(one)
    waiting.remove(one)
    assert (len(waiting), waiting.documents, waiting.bytes) == (0, 0, 0)
    assert waiting.take(0) is None


def test_a_retry_is_not_taken_before_it_is_due_and_others_pass_it() -> None:
    waiting = queue()
    late, next_ = record(), record()
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
    one = record()
    waiting.put(one)
    waiting.take(0)
    waiting.again(one, due=5.0)
    waiting.hurry()
    assert waiting.take(0) is one
    assert waiting.take(99) is None


def test_only_the_last_time_set_for_a_retry_counts() -> None:
    waiting = queue()
    one = record()
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
    first, second, third = record(), record(), record()
    for one in (first, second, third):
        waiting.put(one)
    assert waiting.put(record(size=15)) == [first, second]
    assert waiting.bytes == 25


def test_what_is_in_flight_does_not_go_for_room() -> None:
    waiting = queue(queue_size=Size(20))
    flying, second = record(), record()
    waiting.put(flying)
    waiting.put(second)
    assert waiting.take(0) is flying
    assert waiting.put(record()) == [second]


def test_nothing_goes_for_a_record_that_would_never_fit() -> None:
    waiting = queue(queue_size=Size(20))
    huge = record(size=21)
    waiting.put(record())
    assert waiting.put(huge) == [huge]
    assert len(waiting) == 1


def test_the_newest_goes_when_told_so() -> None:
    waiting = queue(queue_size=Size(20), drop="newest")
    waiting.put(record())
    waiting.put(record())
    newest = record()
    assert waiting.put(newest) == [newest]


def test_documents_are_bounded_too() -> None:
    waiting = queue(max_documents=5)
    first = record(documents=3)
    waiting.put(first)
    assert waiting.put(record(documents=3)) == [first]
    assert waiting.documents == 3


def test_what_waited_too_long_expires_oldest_first() -> None:
    waiting = queue(max_age=Duration("60s"))
    first, second = record(at=0), record(at=30)
    waiting.put(first)
    waiting.put(second)
    assert waiting.next_expiry(0) == 60
    assert waiting.expire(59, 0) == []
    assert waiting.expire(60, 0) == [first]
    assert waiting.expire(90, 0) == [second]


def test_an_attempt_under_way_does_not_expire() -> None:
    waiting = queue(max_age=Duration("60s"))
    waiting.put(record(at=0))
    waiting.take(0)
    assert waiting.next_expiry(0) is None
    assert waiting.expire(1000, 0) == []


def test_nothing_expires_when_there_is_no_age() -> None:
    waiting = queue(max_age=Duration(0))
    waiting.put(record(at=0))
    assert waiting.expire(1e9, 0) == []
