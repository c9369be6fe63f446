"""Tells how the pages read: `make prose`. It only reports, and nothing fails by it.

For each page: its words, the words of a sentence on average, the part of its sentences that are
longer than 25 words, Flesch's reading ease (60 and more is plain English), and the longest
sentence. Code is left out. The words of tables count, their sentences do not.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
LONG = 25

_CODE = re.compile(r"^( *)```[\s\S]*?^\1```$|^<!--.*-->$|^ {4,}\S.*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_WORD = re.compile(r"[A-Za-z][\w'-]*")
_ROW = re.compile(r"^ *\|.*$", re.MULTILINE)
_BREAK = re.compile(r"\n\s*\n|^ *(?:[-*] |\d+\. |#+ )|(?<=[.!?:])\s+(?=[A-Z`*\[])", re.MULTILINE)


def main() -> None:
    """Print the table, and the longest sentence of each page."""
    print(f"{'page':24}{'words':>7}{'a sentence':>12}{'over 25':>9}{'ease':>6}  longest")
    for page in PAGES:
        text = prose_of(page.read_text())
        sentences = sentences_of(text)
        if sentences:
            print(f"{page.name:24}{len(_WORD.findall(text)):7}{figures_of(sentences)}")


def prose_of(text: str) -> str:
    """A page without code, and with links as their words."""
    return _LINK.sub(r"\1", _CODE.sub("", text))


def sentences_of(text: str) -> list[str]:
    """What stands between full stops, in paragraphs and items of lists."""
    parts = (" ".join(part.split()) for part in _BREAK.split(_ROW.sub("\n\n", text)))
    return [part for part in parts if len(_WORD.findall(part)) > 1]


def figures_of(sentences: list[str]) -> str:
    """The end of a page's line."""
    lengths = [len(_WORD.findall(sentence)) for sentence in sentences]
    words = [word for sentence in sentences for word in _WORD.findall(sentence)]
    average = len(words) / len(sentences)
    ease = 206.835 - 1.015 * average - 84.6 * sum(map(syllables, words)) / len(words)
    long = sum(length > LONG for length in lengths) / len(lengths)
    longest = max(sentences, key=lambda sentence: len(_WORD.findall(sentence)))
    return f"{average:12.1f}{long:9.0%}{ease:6.0f}  {max(lengths)}: {longest[:60]}"


def syllables(word: str) -> int:
    """About how many: groups of vowels, without an e at the end."""
    found = len(re.findall(r"[aeiouy]+", word.lower().removesuffix("e")))
    return max(found, 1)


if __name__ == "__main__":
    main()
