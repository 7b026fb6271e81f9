import asyncio

from errlock.delivery.clock import Clock


async def test_waiting_ends_when_the_event_is_set() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(Clock().wait(event, until=None))
    await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    await waiting


async def test_waiting_ends_when_the_time_has_come() -> None:
    clock = Clock()
    until = clock.now() + 0.01
    await clock.wait(asyncio.Event(), until)
    assert clock.now() >= until


async def test_a_time_that_has_passed_is_not_waited_for() -> None:
    clock = Clock()
    await asyncio.wait_for(clock.wait(asyncio.Event(), clock.now() - 1), timeout=10)
