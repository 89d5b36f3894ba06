"""A mailbox keeps order, is bounded and never makes its sender wait."""

from __future__ import annotations

import asyncio

import pytest

from edgechain.runtime.mailbox import Mailbox, MailboxStatistics


async def test_items_come_in_order_to_a_waiting_and_to_a_late_reader() -> None:
    mailbox: Mailbox[int] = Mailbox(3)
    reader = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    for item in (1, 2, 3):
        mailbox.put(item)
    assert [await reader, await mailbox.get(), await mailbox.get()] == [1, 2, 3]
    assert mailbox.statistics() == MailboxStatistics(waiting=0, capacity=3, most=3)


async def test_an_item_removed_before_its_reader_woke_is_not_delivered() -> None:
    mailbox: Mailbox[int] = Mailbox(3)
    reader = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put(1)
    mailbox.remove(lambda item: item == 1)
    await asyncio.sleep(0)
    assert not reader.done()
    mailbox.put(2)
    assert await reader == 2


async def test_a_full_mailbox_raises() -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    mailbox.put(1)
    mailbox.put(2)
    with pytest.raises(OverflowError, match="a mailbox of 2 is full"):
        mailbox.put(3)
    mailbox.remove(lambda item: item == 1)
    mailbox.put(3)
    assert [await mailbox.get(), await mailbox.get()] == [2, 3]


async def test_a_cancelled_reader_takes_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    reader = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put(1)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert await mailbox.get() == 1
