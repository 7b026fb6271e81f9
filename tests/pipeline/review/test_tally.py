"""Counting over all documents."""

from errlock.pipeline.review.tally import Numbers


def test_documents_are_counted_once_whatever_their_number() -> None:
    one, two = Numbers(), Numbers()
    for number in (1, 1023, 1024, 1024, 10**12):  # as one row of bits the last were 125 GB
        one.add(number)
    for number in (1024, 1025):
        two.add(number)
    assert (len(one), len(two)) == (4, 2)
    one.update(two)
    assert (len(one), len(two)) == (5, 2)
