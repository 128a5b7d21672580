"""What single values of JSON stand for, and what is said of one that will not do."""

import binascii
import json
from typing import TypeGuard

from tfcollide.serving.codes import Code, ServingError

__all__ = ["bad", "is_named", "json_type", "shown", "to_bytes"]


def is_named(value: object) -> TypeGuard[dict]:
    """Whether a value is an object, and not bytes in base64."""
    return isinstance(value, dict) and not (list(value) == ["b64"] and isinstance(value["b64"], str))


def to_bytes(value: str | dict) -> bytes:
    """Of a string its UTF-8, of {"b64": TEXT} what TEXT stands for; another object is refused."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if is_named(value):
        raise bad(f'{shown(value)}: expected {{"b64": TEXT}}')
    text = "".join(value["b64"].split())  # line breaks and a missing padding do not matter to TF Serving
    if "=" not in text:
        text += "=" * (-len(text) % 4)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise bad(f"{shown(value['b64'], 40)}: not base64") from None


def json_type(value: object) -> str:
    """As TF Serving names the type of a value in its messages."""
    if isinstance(value, bool):
        return "True" if value else "False"
    names = {dict: "Object", list: "Array", str: "String", type(None): "Null"}
    return names.get(type(value), "Number")


def shown(value: object, limit: int = 300) -> str:
    """A value for a message, cut where it is long."""
    text = json.dumps(value)
    return text if len(text) <= limit else text[:limit] + "..."


def bad(message: str) -> ServingError:
    """A request that cannot be carried out."""
    return ServingError(Code.INVALID_ARGUMENT, message)
