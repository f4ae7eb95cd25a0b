"""Servers by name, as `normlab context` keeps them in the user's config directory. Read here, never written."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from normlab import _spec
from normlab.errors import FieldViolation, InvalidArgument, NotFound, invalid

_LARGEST = 1 << 20
_PARTS = ("home", "socket", "address", "token_file", "ca", "cert", "key")


def file() -> str:
    """Empty if nobody says where the user's home is."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    if config.startswith("/"):  # others are to be ignored (XDG base directories)
        return f"{config}/normlab/contexts.json"
    home = os.environ.get("HOME", "")
    return f"{home}/.config/normlab/contexts.json" if home else ""


def _load() -> dict[str, Any]:
    path = file()
    if not path or not os.path.exists(path):
        return {"contexts": {}}
    try:
        with pathlib.Path(path).open("rb") as opened:
            content = opened.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"has more than {_LARGEST} bytes")
        found = json.loads(content)
        if not isinstance(found, dict) or not isinstance(found.get("contexts"), dict):
            raise ValueError("is not a list of contexts")
        if odd := [name for name, parts in found["contexts"].items() if not isinstance(parts, dict)]:
            raise ValueError(f"context {odd[0]!r} is not an object")
        return found
    except OSError as error:
        raise _damaged(f"{path}: {error.strerror}") from None
    except ValueError as error:
        why = "is not a list of contexts" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else str(error)
        raise _damaged(f"{path}: {why}; correct or remove the file") from None


def _damaged(said: str) -> InvalidArgument:
    return invalid([FieldViolation("context", said)])


def current() -> str:
    """The context in use; empty: none."""
    name = _load().get("current")
    return name if isinstance(name, str) else ""


def find(name: str) -> dict[str, str]:
    """Its home, socket, address, token_file, ca, cert and key, as far as it has them."""
    named = _load()["contexts"]
    if name not in named:
        near = _spec.near(name, named)
        raise NotFound(f"there is no context {name}{near}; add it with: normlab context add {name} --address HOST:PORT")
    return {part: value for part in _PARTS if isinstance(value := named[name].get(part), str) and value}
