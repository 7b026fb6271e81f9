"""Values are looked up among the needles: all at once, in every spelling and normalisation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...policy.keyring.pseudonyms import normalised
from ..needles.keys import NeedleKey, is_guessable, shortened
from ..needles.store import Needle, NeedleStore
from .variants import Spelling

# Tells apart how classes are normalised: it comes out differently for each way.
_PROBE = "A-b:1.C"


def look_up(
    store: NeedleStore,
    keys: Sequence[NeedleKey],
    spelled: Sequence[Spelling],
    destinations: Collection[str] | None,
) -> Iterator[tuple[Spelling, Needle]]:
    """What is kept of values, and which spelling it was found by."""
    short = {
        each: is_guessable(each.class_)
        for each in store.series()
        if destinations is None or each.destination in destinations
    }
    texts, origins = _texts(spelled, {each.class_ for each in short})
    fingerprints = [(key, key.fingerprints(texts)) for key in keys]
    texts, origins = texts * len(keys), origins * len(keys)  # as needles: key after key
    if not texts:
        return
    wanted = {}  # by destination and whether they are short: a needle for each text
    for place in {(each.destination, is_short) for each, is_short in short.items()}:
        needles = np.concatenate([key.needles(place[0], each) for key, each in fingerprints])
        wanted[place] = shortened(needles) if place[1] else needles
    found = list(store.find(np.concatenate(list(wanted.values()))))
    present = np.array(list({each.needle for each in found}), np.int64)
    at = {place: _places(needles, present) for place, needles in wanted.items()}
    for needle in found:
        series = needle.series
        if series in short:
            for number in at[series.destination, short[series]].get(needle.needle, ()):
                # What is only so written for another class is another value of this one.
                if normalised(series.class_, origins[number].text) == texts[number]:
                    yield origins[number], needle


def _texts(spelled: Sequence[Spelling], classes: Iterable[str]) -> tuple[list[str], list[Spelling]]:
    """Spellings as they are normalised for some classes, and which one each text is of."""
    ways = list({normalised(class_, _PROBE): class_ for class_ in classes}.values())
    texts, origins = [], []
    for spelling in spelled:
        for text in {normalised(class_, spelling.text) for class_ in ways}:
            texts.append(text)
            origins.append(spelling)
    return texts, origins


def _places(needles: NDArray[np.int64], present: NDArray[np.int64]) -> Mapping[int, list[int]]:
    """Where each needle that is present stands among needles."""
    places: defaultdict[int, list[int]] = defaultdict(list)
    for number in np.flatnonzero(np.isin(needles, present)).tolist():
        places[int(needles[number])].append(number)
    return places
