"""The sentences of the interface: which ones the code uses, and `locale/*/LC_MESSAGES/*.po` compiled without gettext.

    python -m k8sdocs.messages            compiles what has changed
    python -m k8sdocs.messages missing    lists what the code says and Korean does not

English is the language of the source; a sentence is its own id. `pgettext` contexts part words that Korean parts.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polib

ROOT = Path(__file__).resolve().parent.parent
PLAIN = {"_", "gettext", "gettext_lazy", "gettext_noop"}
CONTEXTUAL = {"pgettext", "pgettext_lazy"}
PLURAL = {"ngettext", "ngettext_lazy"}


class Message(NamedTuple):
    context: str
    text: str
    where: str


def compile_all() -> list[Path]:
    """Write a .mo beside each .po that is newer than its own; return those written."""
    written = []
    for source in sorted(ROOT.glob("locale/*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        polib.pofile(str(source)).save_as_mofile(str(target))
        written.append(target)
    return written


def used() -> Iterator[Message]:
    """Every message that a template or a module of the site marks for translation."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        yield from _in_template(path)
    for folder in ("apps", "k8sdocs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "cluster" not in path.relative_to(ROOT).parts:
                yield from _in_module(path)


def _in_module(path: Path) -> Iterator[Message]:
    where = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if node.func.id in CONTEXTUAL and len(texts) >= 2:
            yield Message(texts[0], texts[1], where)
        elif (node.func.id in PLAIN and texts) or (node.func.id in PLURAL and len(texts) >= 2):
            yield Message("", texts[0], where)


def _in_template(path: Path) -> Iterator[Message]:
    from django.template.base import Lexer, TokenType
    from django.utils.translation import trim_whitespace
    from django.utils.translation.template import block_re, endblock_re

    where = str(path.relative_to(ROOT))
    blocks: list[str] | None = None
    plural, trimmed, context = False, False, ""
    for token in Lexer(path.read_text(encoding="utf-8")).tokenize():
        if blocks is not None:
            if token.token_type == TokenType.BLOCK and endblock_re.match(token.contents):
                text = "".join(blocks)
                yield Message(context, trim_whitespace(text) if trimmed else text, where)
                blocks = None
            elif token.token_type == TokenType.BLOCK:  # {% plural %}: the id is the singular
                plural = True
            elif plural:
                continue
            elif token.token_type == TokenType.VAR:
                blocks.append(f"%({token.contents})s")
            elif token.token_type == TokenType.TEXT:
                blocks.append(token.contents.replace("%", "%%"))
            continue
        if token.token_type == TokenType.BLOCK:
            words = token.split_contents()
            if words[0] in ("translate", "trans") and words[1][0] in "\"'":
                asked = words[words.index("context") + 1][1:-1] if "context" in words else ""
                yield Message(asked, words[1][1:-1], where)
            elif words[0] in ("blocktranslate", "blocktrans") and block_re.match(token.contents):
                blocks, plural, trimmed = [], False, "trimmed" in words
                context = words[words.index("context") + 1][1:-1] if "context" in words else ""
        if token.token_type in (TokenType.BLOCK, TokenType.VAR):
            for piece in token.split_contents():
                inner = piece.partition("=")[2] or piece
                if inner.startswith(('_("', "_('")) and ")" in inner:
                    yield Message("", inner[3 : inner.rindex(")") - 1], where)


def missing(language: str = "ko") -> list[Message]:
    """What is used and not translated."""
    path = ROOT / "locale" / language / "LC_MESSAGES" / "django.po"
    known = {(entry.msgctxt or "", entry.msgid) for entry in polib.pofile(str(path)) if entry.translated()}
    lacking = {(message.context, message.text): message for message in used() if message[:2] not in known}
    return list(lacking.values())


def unused(language: str = "ko") -> list[str]:
    """What is translated and no longer used."""
    path = ROOT / "locale" / language / "LC_MESSAGES" / "django.po"
    wanted = {message[:2] for message in used()}
    return [entry.msgid for entry in polib.pofile(str(path)) if (entry.msgctxt or "", entry.msgid) not in wanted]


if __name__ == "__main__":
    if sys.argv[1:] == ["missing"]:
        for message in missing():
            print(f"{message.where}: {message.context + '|' if message.context else ''}{message.text}")
    else:
        compile_all()
