"""How alike two short texts are: typing errors, swapped words, words that mean the same.

It is meant for the words on a screen that somebody half remembers. It must rather find nothing than
the wrong thing: "network normal" is one sign from a fault and says the opposite.
"""

from __future__ import annotations

import functools
import re
import unicodedata

IDEOGRAPHS_PER_ERROR = 4
LETTERS_PER_ERROR = 5
"""One wrong sign is let pass per so many."""
LEAST_IDEOGRAPHS = 4
LEAST_LETTERS = 6
"""Shorter texts must be right."""
INSIDE_MORE = 2
"""So many signs more are needed where a text stands inside another."""
LEAST_COMMON_START = 0.6
"""Share of a word that a shortened one must have."""
LEAST_COMMON_WORDS = 0.7
"""Words in common, of all words of both texts taken as a share of their mean number."""
_WORD = re.compile(r"[a-z0-9]+")
_IDEOGRAPHS = re.compile(r"[\u3400-\u9fff]+")
# The left one is often said, or typed, for the right one.
_SAME = (
    ("没有", "无"),
    ("未能", "无法"),
    ("不能", "无法"),
    ("通信", "通讯"),
    ("通迅", "通讯"),
    ("链接", "连接"),
    ("联接", "连接"),
    ("登陆", "登录"),
    ("签道", "签到"),
    ("错语", "错误"),
    ("回应", "应答"),
    ("响应", "应答"),
    ("服务器", "主机"),
    ("出错", "错误"),
    ("失败", "错误"),
    ("异常", "错误"),
    ("故障", "错误"),
)
# One of these in one text alone: the texts speak of different things, however alike they look.
_OPPOSITES = (
    "成功",
    "正常",
    "完成",
    "已连接",
    "正确",
    "通过",
    "充足",
    "不",
    "余额",
    "金额",
    "密码",
    "密钥",
)
_GOOD_WORDS = frozenset(
    {"ok", "success", "successful", "approved", "accepted", "complete", "ready"}
)
_FILLERS = frozenset({"the", "a", "an", "to", "of", "is", "was", "it", "from", "please", "pls"})


def like(text: str, wording: str) -> float:
    """Return 0 where two texts are not alike enough, else signs in common.

    Args:
        text: as typed.
        wording: as displayed.
    """
    typed, known = _plain(text), _plain(wording)
    if any((word in typed.joined) != (word in known.joined) for word in _OPPOSITES):
        return 0.0
    if (_GOOD_WORDS & typed.words) != (_GOOD_WORDS & known.words):
        return 0.0
    return max(_by_signs(typed.joined, known.joined), _by_words(typed, known))


class _Plain:
    """A text ready to be compared.

    Attributes:
        joined: letters, digits and ideographs only.
        words: Latin words without those that say nothing.
    """

    __slots__ = ("joined", "words")

    def __init__(self, text: str) -> None:
        folded = unicodedata.normalize("NFKC", text).casefold()
        for said, meant in _SAME:
            folded = folded.replace(said, meant)
        self.joined = "".join(sign for sign in folded if sign.isalnum())
        self.words = frozenset(_WORD.findall(folded)) - _FILLERS


@functools.lru_cache(maxsize=4096)
def _plain(text: str) -> _Plain:
    return _Plain(text)


def _by_signs(typed: str, known: str) -> float:
    """Return the likeness of two texts with few wrong signs; one may stand inside the other."""
    short, long = sorted((typed, known), key=len)
    latin = short.isascii()
    least = LEAST_LETTERS if latin else LEAST_IDEOGRAPHS
    if len(short) < least:
        return 0.0
    allowed = len(short) // (LETTERS_PER_ERROR if latin else IDEOGRAPHS_PER_ERROR)
    errors = _errors(typed, known)
    if errors <= allowed:
        return len(short) + 1.0 - errors
    # Inside a longer text chance finds much, so only longer ones may stand there with errors.
    errors = _errors_inside(short, long) if len(short) >= least + INSIDE_MORE else errors
    return float(len(short) - errors) if errors <= allowed else 0.0


def _errors(one: str, other: str) -> int:
    """Return wrong, missing, extra and swapped neighbouring signs (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, sign in enumerate(one, 1):
        row = [i]
        for j, meant in enumerate(other, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (sign != meant))
            if i > 1 and j > 1 and sign == other[j - 2] and one[i - 2] == meant:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


def _errors_inside(short: str, long: str) -> int:
    """Return the fewest errors with which the short text stands anywhere in the long one."""
    last = [0] * (len(long) + 1)
    for i, sign in enumerate(short, 1):
        row = [i]
        for j, meant in enumerate(long, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (sign != meant)))
        last = row
    return min(last)


def _by_words(typed: _Plain, known: _Plain) -> float:
    """Return the likeness of texts with the same words in another order; two words at least."""
    mine, theirs = typed.words, known.words
    if len(mine) < 2 or len(theirs) < 2 or _IDEOGRAPHS.search(typed.joined):
        return 0.0
    common = [word for word in mine if any(_same_word(word, other) for other in theirs)]
    share = 2 * len(common) / (len(mine) + len(theirs))
    if len(common) < 2 or share < LEAST_COMMON_WORDS:
        return 0.0
    return share * sum(map(len, common))


def _same_word(one: str, other: str) -> bool:
    if one == other:
        return True
    short, long = sorted(map(len, (one, other)))
    starts = one.startswith(other) or other.startswith(one)
    if starts and short >= LEAST_IDEOGRAPHS and short >= LEAST_COMMON_START * long:
        return True
    return short > LEAST_IDEOGRAPHS and _errors(one, other) <= 1
