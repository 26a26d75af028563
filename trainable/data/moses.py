"""Moses tokenisation as in the standard pipelines, and detokenisation."""

from __future__ import annotations

import re
from functools import lru_cache

from sacremoses import MosesDetokenizer, MosesTokenizer

from trainable.characters import base_language, lowered, marks_class, normal
from trainable.data.detokenise import joined_words
from trainable.data.hyphens import HyphenMark, without_marks

# Languages whose rules in sacremoses are tried and used as they are: its tokens come back.
_SACREMOSES = frozenset({"de", "en", "fr", "it"})
# Others of which less comes back by sacremoses; earlier versions took it for them too.
_SACREMOSES_EARLIER = frozenset({"ga", "cs", "fi"})
_ELIDING = frozenset({"fr", "it"})
_ELISION = re.compile(r"(?<=\w) ’ (?=\w)")  # sacremoses returns only ' to its place
# Marks at the start of a word, whose tokens depend on the word before, and control characters.
_UNUSUAL = re.compile(r"[',`\x00-\x1f](?:(?<=[\x00-\x1f])|(?<!\S.))")
_N_CACHED = 2**17  # words


class Moses:
    """The Moses tokenizer and detokenizer of one language.

    Only some languages that sacremoses has rules for use them. For others a mark inside a word,
    such as the apostrophe of Turkish, does not part the word, combining marks are letters, and
    the marks of all scripts find their place again.

    Args:
        earlier: go by the rules of earlier versions, as folders do that do not name the language
            among their ``own_rules``.
        hyphen_mark: parts compounds at their hyphens, which are whole if None.
    """

    def __init__(
        self,
        language: str,
        *,
        cased: bool = False,
        earlier: bool = False,
        hyphen_mark: HyphenMark | None = None,
    ) -> None:
        self._language = language
        self._cased = cased
        code = base_language(language)
        # Han and Hangul are letters below; sacremoses would list them, which takes seconds.
        self._tokenizer = MosesTokenizer(lang="" if code in ("zh", "ja", "ko") else code)
        self._detokenizer = MosesDetokenizer(lang=code)
        self._is_standard = code in _SACREMOSES or (earlier and code in _SACREMOSES_EARLIER)
        self._hyphen_mark = hyphen_mark
        self._has_elisions = code in _ELIDING and not earlier
        if not self._is_standard:
            _keep_words_whole(self._tokenizer)
        self._lower = frozenset(self._tokenizer.IsLower)
        self._word = lru_cache(_N_CACHED)(self._tokens_of_word)

    @property
    def words(self) -> str:
        """Name of the words that it makes, for the signature of a score of them."""
        name = "Moses" if self._is_standard else "Moses, words whole"
        return name if self._hyphen_mark is None else f"{name}, compounds parted"

    def tokenise(self, raw: str) -> str:
        """Tokens separated by spaces, with entities escaped; lower-cased unless ``cased``."""
        text = normal(raw)
        tokens = self._tokens(text) if _UNUSUAL.search(text) else self._word_by_word(text)
        return tokens if self._cased else lowered(tokens, self._language)

    def _tokens(self, text: str) -> str:
        mark = self._hyphen_mark
        tokens = str(
            self._tokenizer.tokenize(
                text, aggressive_dash_splits=mark is not None, return_str=True, escape=True
            )
        )
        return tokens if mark is None else tokens.replace(" @-@ ", f" {mark} ")

    def _word_by_word(self, text: str) -> str:
        """Tokens of ``text`` by those of its words, which is many times as fast.

        Of the words around one, only the first letter of the next counts, and only beside a mark.
        """
        words = text.split()
        following = [
            "a" if word.isalnum() else self._kind(after)
            for word, after in zip(words, [*words[1:], ""], strict=False)
        ]
        return " ".join(filter(None, map(self._word, words, following)))

    def _tokens_of_word(self, word: str, following: str) -> str:
        """Tokens of ``word`` within a sentence, before the word ``following``, or at its end."""
        tokens = self._tokens(f"a {word} {following}").split(" ")
        return " ".join(tokens[1:-1] if following else tokens[1:])

    def _kind(self, word: str) -> str:
        """A word that begins like ``word``, in lower case, with a digit or else; none for none."""
        first = word[:1]
        if first in self._lower:
            return "a"
        return first and ("1" if first in "0123456789" else "A")

    def detokenise(self, tokens: str) -> str:
        """Sentence in normal spelling with entities unescaped; capitals are not restored."""
        if self._hyphen_mark is not None:
            tokens = without_marks(tokens)
        if self._is_standard:
            text = str(self._detokenizer.detokenize(tokens.split(), return_str=True, unescape=True))
            return _ELISION.sub("’", text) if self._has_elisions else text
        words = self._detokenizer.unescape_xml(tokens).split()
        return joined_words(words, language=self._language)


def with_own_rules(*languages: str) -> tuple[str, ...]:
    """Those of ``languages`` whose rules are others than in earlier versions."""
    changed = _SACREMOSES_EARLIER | _ELIDING
    return tuple(language for language in languages if base_language(language) in changed)


def _keep_words_whole(tokenizer: MosesTokenizer) -> None:
    """Change the patterns of ``tokenizer`` such that only marks at the edge of a word part."""
    letter = rf"\w{marks_class()}"
    mark = rf"[^{letter}\s.'`,\-]"
    tokenizer.PAD_NOT_ISALNUM = (
        re.compile(f"((?<![{letter}]){mark}|{mark}(?![{letter}]))"),
        r" \1 ",
    )
    tokenizer.COMMA_SEPARATE_1 = re.compile(f"(?<![{letter}]),|,(?![{letter}])"), " , "
    tokenizer.COMMA_SEPARATE_2 = tokenizer.COMMA_SEPARATE_3 = re.compile("(?!)"), ""
    apostrophe = re.compile(f"(?<![{letter}])'|'(?![{letter}])")
    tokenizer.NON_SPECIFIC_APOSTROPHE = apostrophe, " ' "
