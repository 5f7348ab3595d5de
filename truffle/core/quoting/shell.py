"""Words of a POSIX shell: sh, bash, zsh, in a file or pasted at a prompt."""

from __future__ import annotations

import re

from truffle.core.quoting.terminal import HIDDEN, visible

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,:/@+=-]*")


def word(text: str) -> str:
    """One word of which a shell makes exactly this text (but for NUL, which no word can hold).

    Characters that a terminal would act on while they are pasted are written as octal numbers for
    ``printf %b`` (POSIX, printf). A substitution loses the line feeds at its end: they are quoted.
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
    """The text in a comment: on the line, and quoted, as zsh runs comments that are pasted."""
    return word(visible(text))


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _octal(character: str) -> str:
    if character.isalnum() or character in " _.,:/@+=-":
        return character
    return "".join(f"\\0{byte:03o}" for byte in character.encode(errors="replace"))
