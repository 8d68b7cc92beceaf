"""Markdown to HTML: what our links become, and what they refuse to."""

from __future__ import annotations

import pytest

from apps.articles.prose import Targets, joined, render, unbroken

TARGETS = Targets(
    slugs=frozenset({"etcd", "deployment"}),
    moments={"bind": 41},
    names={"pod": "pods/default/web-5d-x2k9q"},
    refs=frozenset({"pods/default/web-5d-x2k9q", "deployments/default/web"}),
    presets={"recreate": "v1.abc"},
    here="v1.here",
    words={"copy": "Copy", "copied": "Copied", "section": "This section"},
)


def html(text, language="en"):
    return "".join(part for kind, part in render(text, language, TARGETS).parts if kind == "html")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[a](etcd)", '<a href="/en/docs/etcd/">a</a>', id="an article"),
        pytest.param("[a](deployment#undo)", '<a href="/en/docs/deployment/#undo">a</a>', id="a section of one"),
        pytest.param("[a](preset:recreate)", '<a href="/en/s/v1.abc/">a</a>', id="a preset"),
        pytest.param("[a](#here)", '<a href="#here">a</a>', id="this page"),
        pytest.param("[then](rev:bind)", '<a class="rev-l" data-goto="41" href="?at=41#plate">then</a>', id="a moment"),
        pytest.param(
            "[web](obj:deployments/default/web)",
            '<a class="obj-l" data-ref="deployments/default/web" href="?focus=deployments/default/web#plate">web</a>',
            id="an object",
        ),
        pytest.param(
            "[](obj:@pod:short)",
            'data-ref="pods/default/web-5d-x2k9q" href="?focus=pods/default/web-5d-x2k9q#plate">x2k9q</a>',
            id="a captured object, by the end of its name",
        ),
        pytest.param(
            "[a](packet:bind?src=@pod&dst=deployments/default/web&size=1400)",
            '<a href="/en/s/v1.here/?view=packet&amp;at=41&amp;src=pods/default/web-5d-x2k9q'
            '&amp;dst=deployments/default/web&amp;size=1400">a</a>',
            id="a packet of this run at a moment",
        ),
        pytest.param("[a](https://a.example/)", '<a href="https://a.example/" rel="noopener">a</a>', id="outside"),
    ],
)  # fmt: skip
def test_links(text, expected):
    assert expected in html(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("[a](nowhere)", "no such article", id="an article that is not there"),
        pytest.param("[a](rev:never)", "no moment", id="a moment that never comes"),
        pytest.param("[a](preset:none)", "no preset", id="a preset that is not there"),
        pytest.param("[a](packet:never?src=@pod)", "no moment", id="a packet at a moment that never comes"),
        pytest.param("[a](packet:bind?src=@nobody)", "captured", id="a packet from nobody"),
        pytest.param("[](obj:@nobody)", "captured", id="a name that was never captured"),
        pytest.param("[a](obj:pods/default/nobody)", "never in the figure", id="an object that never was"),
    ],
)
def test_a_link_that_leads_nowhere_is_an_error(text, told):
    with pytest.raises(ValueError, match=told):
        html(text)


def test_slots_and_headings():
    prose = render("## One {#one}\n\ntext\n\n[[walk]]\n\n## Two `x` {#two}\n\n[[prediction]]\n", "en", TARGETS)
    assert [kind for kind, _ in prose.parts] == ["html", "walk", "html", "prediction"]
    assert [(heading.id, heading.text) for heading in prose.headings] == [("one", "One"), ("two", "Two x")]
    assert '<a aria-label="This section" class="heading-link" href="#one">#</a>' in prose.parts[0][1]


def test_a_block_of_code_can_be_copied_without_its_prompt():
    found = html("```console\n$ kubectl get pods\n```\n")
    assert '<span class="prompt">$ </span>kubectl get pods' in found
    assert 'data-copy-code data-done="Copied" hidden>Copy</button>' in found
    assert '<pre tabindex="0">' in found


def test_markup_in_a_text_is_text():
    assert "&lt;pending&gt;" in html("`<pending>`")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("조정(reconcile)이라고", "조정(reconcile)\u2060이라고", id="a bracket and its particle"),
        pytest.param("(<code>x</code>)까지", "(<code>x</code>)\u2060까지", id="around code"),
        pytest.param("(a) 다음", "(a) 다음", id="another word"),
    ],
)
def test_a_particle_stays_with_its_bracket(text, expected):
    assert joined(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a kube-proxy b", 'a <span class="nb">kube-proxy</span> b', id="in a text"),
        pytest.param("<code>kube-proxy</code>", "<code>kube-proxy</code>", id="not in code"),
        pytest.param('<a href="/docs/kube-proxy/">x</a>', '<a href="/docs/kube-proxy/">x</a>', id="not in a tag"),
        pytest.param("kube-proxy는", '<span class="nb">kube-proxy</span>는', id="with a particle"),
        pytest.param("well-known", "well-known", id="only names"),
    ],
)  # fmt: skip
def test_a_name_is_not_broken_at_its_hyphen(text, expected):
    assert unbroken(text) == expected
