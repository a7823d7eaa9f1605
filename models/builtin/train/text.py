"""Text as the recipe sees it: the normalisation of both sides, tokens for alignment, and names that sound alike.

Separate because cleaning, aligning and training must agree on it. What the shipped model must do at run time is not
here but inside `source.spm`: its own normalisation rules do the same folding.
"""

import difflib
import re
import unicodedata

TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
ARABIC = re.compile(r"[\u0621-\u064a\u0671-\u06d3]")
LATIN = re.compile(r"[A-Za-z]")

# What `source.spm` maps beyond nmt_nfkc: vowel marks and tatweel go, variants of a letter and of a sign become one.
_GONE = [*range(0x064B, 0x0653), 0x0670, 0x0640, *range(0x0610, 0x061B), 0x200C, 0x200D, 0x200E, 0x200F, 0xFEFF]
SOURCE_FOLDS = {chr(c): "" for c in _GONE} | {
    **dict(zip("أإآٱىیکھ", "ااااييكه")),
    **{chr(0x0660 + i): str(i) for i in range(10)},
    **{chr(0x06F0 + i): str(i) for i in range(10)},
    **dict(zip("٪٫٬،؛؟", "%.,,;?")),
    **{c: '"' for c in "«»“”„"},
    **{c: "'" for c in "‘’"},
    **{c: "-" for c in "–—"},
}
_SOURCE = str.maketrans(SOURCE_FOLDS)
_TARGET = str.maketrans({**{c: '"' for c in "“”„«»"}, **{c: "'" for c in "‘’"}, "\u200b": "", "\u00ad": ""})


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def source(text: str) -> str:
    """Returns Arabic text in the one spelling that the source vocabulary knows."""
    return " ".join(_plain(text).translate(_SOURCE).split())


def target(text: str) -> str:
    """Returns English text with plain quotes and spaces."""
    return " ".join(_plain(text).translate(_TARGET).split())


def ascii_letters(text: str) -> str:
    """Returns Latin letters without their accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def fold(text: str) -> str:
    """Returns the form in which two lines are compared: letters and digits alone."""
    return re.sub(r"[\W_]+", " ", source(text).lower()).strip()


_PREFIX = re.compile(r"^[وف]?(?:[بك]ال|لل|ال|[بلك](?=\w{4}))?(?=\w{3})")
_SUFFIX = re.compile(r"(?<=\w{3})(?:هما|ها|هم|هن|نا|ات|ون|ين|ان|يه|ية|ه|ة|ي|ا)$")


def stem(token: str) -> str:
    """Returns a token's rough stem, under which the aligner counts it."""
    if ARABIC.match(token):
        return _SUFFIX.sub("", _PREFIX.sub("", token))[:5]
    return token.lower()[:5]


_SOUNDS = {
    **dict(zip("بتثجحخدذرزسشصضطظعغفقكلمنه", "btsjhkdzrzszsdtz gfkklmnh")),
    "چ": "z",
    "پ": "b",
    "گ": "g",
    "ڤ": "f",
}
_LATIN_SOUNDS = str.maketrans({"p": "b", "c": "k", "q": "k", "v": "f", "x": "s", "j": "j"})


def _skeleton(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower())
    letters = (_SOUNDS.get(c, c if "a" <= c <= "z" else "") for c in plain)
    sounds = re.sub(r"[aeiouyw ]", "", "".join(letters).translate(_LATIN_SOUNDS))
    return re.sub(r"(.)\1+", r"\1", sounds)


def sounds_alike(arabic: str, english: str) -> bool:
    """Says whether two names share most of their consonants."""
    a, b = _skeleton(arabic), _skeleton(english)
    return bool(a and b) and difflib.SequenceMatcher(None, a, b).ratio() >= 0.66
