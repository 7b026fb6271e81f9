"""Names of people: what stands around them, and that no word of them is one of software."""

from __future__ import annotations

from ..linear import compile_linear
from ..named import NO_PEOPLE
from .accounts import OF_PROGRAMS, WORD, account_name
from .candidates import Candidate

_NOBODY = NO_PEOPLE | OF_PROGRAMS
# Nobody is called so: words of software and of sentences, of what is ordered, of who is no person.
_NO_NAMES = frozenset(
    """service portal record records data id ids list not error found name number info details
    account status and or the with for in at on is was has view page api must length required
    server client consumer producer worker manager order orders request response stream queue task
    job cluster gateway cloud platform software web mobile app application digital network
    new neue neuer neues nouvelle nouveau nuevo nueva nuovo nuova bestellung commande pedido ordine
    payment invoice checkout cart shipping delivery ticket booking visa debit credit card bank
    pending created updated deleted cancelled canceled failed active inactive enabled disabled
    expired missing empty invalid null none undefined guest primary secondary internal external
    advanced premium enterprise business human resources management operations engineering
    marketing finance legal global international national regional united states university
    school college hospital hotel insurance airlines technologies solutions systems""".split()  # noqa: SIM905  reads best as text
)


def person(candidate: Candidate) -> Candidate | None:
    """Two or three capitalised words of which none belongs to software or to a sentence."""
    words = candidate.value.lower().split()
    return candidate if (_NO_NAMES | NO_PEOPLE).isdisjoint(words) else None


def directory_person(candidate: Candidate) -> Candidate | None:
    """As `person`, and no word of software: directories have policies, hosts and groups, too."""
    return person(candidate) if account_name(candidate) is not None else None


_TITLE = compile_linear(
    r"\b(?:mr|mrs|ms|dr|sra?|sig|dott|prof|dhr|mevr|herrn?|frau|mme|mlle|monsieur|madame"
    r"|signora?|señora?|senhora?|pani?|meneer|mevrouw)\.? $"
)


def titled(candidate: Candidate) -> Candidate | None:
    """As `person`; behind a title a comma ends a name: `Frau Dr. Müller, Ihr Passwort`."""
    if "," in candidate.value and _TITLE.search(candidate.before(12)) is not None:
        return None
    return person(candidate)


def mailbox(candidate: Candidate) -> Candidate | None:
    """A display name of a person: one word only where the address has it, too."""
    words = candidate.value.casefold().split()
    if not NO_PEOPLE.isdisjoint(words):
        return None
    said = len(words) > 1 or words[0].strip(".") in candidate.after(80).partition("@")[0]
    return candidate if said else None


def in_address(candidate: Candidate) -> Candidate | None:
    """A name whose last word is a part of the address that follows, and is nobody's."""
    words = _somebody(candidate)
    address = candidate.after(120).partition("@")[0]
    return candidate if words and words[-1] in address else None


def behind_address(candidate: Candidate) -> Candidate | None:
    """A name of which a word is a part of the address before it, and that is nobody's."""
    address = candidate.before(200).rpartition("@")[0]
    address = address[max(address.rfind(quote) for quote in "\"'") + 1 :]
    return candidate if any(word in address for word in _somebody(candidate)) else None


def _somebody(candidate: Candidate) -> list[str]:
    """The words of a name, in small letters; none where one is no person's."""
    words = WORD.findall(candidate.value.casefold())
    return words if _NOBODY.isdisjoint(words) else []
