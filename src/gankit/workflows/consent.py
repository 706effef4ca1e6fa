"""Asking once, before training, what covers the people in the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gankit.config.consent import cleaned
from gankit.runs.consent import Consent

AskConsent = Callable[[str], str]
"""Why the data seem to be of people, to what the user states of their consent; empty for nothing.
It may block: only where somebody is there to answer."""


def asked(consent: Consent, ask: AskConsent) -> Consent:
    """The same with the user's answer, where something is missing.

    Raises:
        GankitError: the answer is too long.
    """
    if not consent.is_missing:
        return consent
    answer = ask(consent.people)
    return replace(consent, text=cleaned(answer)) if answer.strip() else consent
