"""Every sentence of the interface exists in both languages."""

import re

from k8sdocs import messages
from tests.k8sdocs.texts import pairs

PARTICLE_AFTER = re.compile(r"(?:%\(\w+\)s|\{\w+\})(?:은|는|이|가|을|를|와|과|으로|로)(?=[\s.,)]|$)")


def test_nothing_is_untranslated():
    assert [(message.where, message.text) for message in messages.missing()] == []


def test_nothing_is_translated_that_is_not_said():
    assert messages.unused() == []


def test_both_languages_have_the_same_parameters():
    for source, translated in pairs():
        assert set(re.findall(r"%\(\w+\)s|\{\w+\}", source)) == set(re.findall(r"%\(\w+\)s|\{\w+\}", translated)), (
            source
        )


def test_no_particle_follows_a_parameter():
    assert [text for _source, text in pairs() if PARTICLE_AFTER.search(text)] == []


def test_compiling_again_does_nothing():
    messages.compile_all()
    assert messages.compile_all() == []
