"""What an argument must be. One of another type is the caller's mistake, said with its name before anything is done."""
from __future__ import annotations

import numbers
from typing import Any, Optional

from .errors import Code, NoriKVError, error_of

U64_MAX = (1 << 64) - 1


def shown(value: object) -> str:
    """A value in words."""
    return repr(value) if value is None or isinstance(value, (str, bool, int, float)) else type(value).__name__


def refused(what: str, wanted: str, value: object) -> NoriKVError:
    return error_of(Code.INVALID_ARGUMENT, f"{what} must be {wanted}, not {shown(value)}")


def is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def number(value: Any, what: str) -> float:
    """Seconds, mostly."""
    if not is_number(value):
        raise refused(what, "a number", value)
    return float(value)


def whole(value: Any, what: str, most: int) -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value > most:
        raise refused(what, f"a whole number of at most {most}", value)
    return int(value)


def flag(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise refused(what, "True or False", value)
    return value


def text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise refused(what, "a text", value)
    return value


def key_text(value: Any) -> Optional[str]:
    """An idempotency key; without one, or where it is empty, None."""
    return None if value is None else text(value, "idempotency_key") or None


def token(value: Any) -> bytes:
    """A page's token, which is handed on as it came."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise refused("page_token", "the bytes that a page gave", value)
    return bytes(value)
