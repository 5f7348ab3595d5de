"""Errors as text for people: in logs, in dead letters, in the record of a delivery."""

from __future__ import annotations

from botocore.exceptions import ClientError

from truffle.ec2.errors import error_code, error_message

_OWN = ("lambdas", "truffle")


def reason_of(error: BaseException) -> str:
    """The cause of an error in one line.

    AWS's errors show their code, errors of this package their text, and all others the name of
    their class.
    """
    if isinstance(error, ClientError):
        return f"{error_code(error)}: {error_message(error)}"
    text = " ".join(str(error).split())
    name = type(error).__name__
    if isinstance(error, KeyError):
        text = f"{text} is missing"
    if not text:
        return name
    return text if type(error).__module__.split(".")[0] in _OWN else f"{name}: {text}"
