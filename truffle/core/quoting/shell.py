"""Words of a POSIX shell: sh, bash, zsh, in a file or pasted at a prompt."""

from __future__ import annotations

import re

from truffle.core.quoting.terminal import HIDDEN, visible

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,:/@+=-]*")


def word(text: str) -> str:
    """One word that a shell expands to exactly this text (except NUL, which no word can contain).

    Characters that a pasting terminal would act on are written as octal numbers for ``printf %b``
    (POSIX, printf). A substitution drops the line feeds at its end, so they are quoted separately.
    """
    text = text.replace("\0", "")
    if _PLAIN.fullmatch(text):
        return text
    body = text.rstrip("\n")
    if HIDDEN.search(body) is None:
        return _single(text)
    written = "".join(map(_octal, body))
    return f"\"$(printf %b '{written}')\"" + (_single(text[len(body) :]) if body != text else "")


def comment_word(text: str) -> str:
    """The text in a comment: on one line and quoted, because zsh executes pasted comments."""
    return word(visible(text))


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _octal(character: str) -> str:
    if character.isalnum() or character in " _.,:/@+=-":
        return character
    return "".join(f"\\0{byte:03o}" for byte in character.encode(errors="replace"))
