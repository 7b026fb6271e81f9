"""When rules want something done: computed from what people stated."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

from ..facts import Facts
from ..model import Deadline


def deadlines(facts: Facts, now: datetime) -> list[Deadline]:
    """All that may apply, the earliest first; without a beginning the due time is None."""
    aware, material = facts.aware_at, facts.material_at
    notified = _after(aware, hours=72)
    found = [
        _deadline("NIS2", "early warning to the CSIRT or authority (Article 23(4)(a))",
                  "24 hours", "awareness", _after(aware, hours=24), now),
        _deadline("DORA", "initial notification (Article 19; RTS 2025/301 Article 5)",
                  "24 hours, and 4 hours after it was classified as major", "awareness",
                  _after(aware, hours=24), now),
        _deadline("GDPR", "notification to the authority (Article 33(1))",
                  "72 hours", "awareness", notified, now),
        _deadline("NIS2", "incident notification (Article 23(4)(b))",
                  "72 hours", "awareness", notified, now),
        _deadline("GDPR", "communication to the people, if the risk is high (Article 34(1))",
                  "without undue delay", "awareness", None, now),
        _deadline("NIS2", "final report (Article 23(4)(d))",
                  "1 month after the notification", "awareness",
                  _month_after(notified), now),
        _deadline("California SB 446", "notice to residents of California",
                  "30 days", "awareness", _after(aware, days=30), now),
        _deadline("HIPAA", "notice to individuals (45 CFR 164.404)",
                  "60 days", "awareness", _after(aware, days=60), now),
        _deadline("SEC Form 8-K", "Item 1.05", "4 business days (holidays not counted here)",
                  "the finding that it is material", _business_days_after(material, 4), now),
    ]  # fmt: skip
    return sorted(found, key=lambda each: (each.due is None, each.due or now))


def _deadline(
    regime: str, duty: str, term: str, starts: str, due: datetime | None, now: datetime
) -> Deadline:
    left = None if due is None else int((due - now).total_seconds())
    return Deadline(regime=regime, duty=duty, term=term, starts=starts, due=due, left=left)


def _after(start: datetime | None, *, hours: int = 0, days: int = 0) -> datetime | None:
    return None if start is None else start + timedelta(hours=hours, days=days)


def _month_after(start: datetime | None) -> datetime | None:
    if start is None:
        return None
    year, month = (start.year, start.month + 1) if start.month < 12 else (start.year + 1, 1)
    return start.replace(
        year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1])
    )


def _business_days_after(start: datetime | None, days: int) -> datetime | None:
    if start is None:
        return None
    day = start
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day
