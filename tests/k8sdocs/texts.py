"""The Korean catalogue, as pairs."""

import polib

from k8sdocs.messages import ROOT


def pairs() -> list[tuple[str, str]]:
    """English and Korean of every entry, plural forms included."""
    found = []
    for entry in polib.pofile(str(ROOT / "locale/ko/LC_MESSAGES/django.po")):
        texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        found += [(entry.msgid_plural or entry.msgid, text) for text in texts]
    return found
