from errlock.delivery.options import DeliveryOptions, RetryOnFailure, SendingQueue
from errlock.pipeline.options import Duration, Size


def test_the_defaults_are_sound() -> None:
    assert list(DeliveryOptions().problems()) == []


def test_every_problem_is_named_with_its_path() -> None:
    options = DeliveryOptions(
        sending_queue=SendingQueue(queue_size=Size(0), max_documents=-1, num_consumers=0),
        retry_on_failure=RetryOnFailure(
            initial_interval=Duration("0"),
            max_interval=Duration("0"),
            multiplier=0.5,
            randomization_factor=2,
        ),
    )
    assert [str(problem) for problem in options.problems()] == [
        "sending_queue.queue_size: expected at least one byte",
        "sending_queue.max_documents: expected 0 (no limit) or more",
        "sending_queue.num_consumers: expected 1 or more",
        "retry_on_failure.initial_interval: expected more than 0",
        "retry_on_failure.multiplier: expected 1 or more",
        "retry_on_failure.randomization_factor: expected 0 to 1",
    ]


def test_the_longest_interval_is_not_shorter_than_the_first() -> None:
    [problem] = RetryOnFailure(max_interval=Duration("1s")).problems()
    assert str(problem) == "max_interval: expected at least initial_interval"
