# SPDX-License-Identifier: Apache-2.0
"""Reads Settings from a TOML file. What is wrong becomes one line: `file: key: wrong; do this`."""

from __future__ import annotations

import difflib
import json
import tomllib
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from opaska_gateway.errors import ConfigurationError
from opaska_gateway.settings import Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_BYTES = 1_000_000  # a settings file is small; anything larger is the wrong file
MAX_SHOWN = 60  # characters of a wrong value that are repeated to the operator

# What to write instead, by pydantic's name of the error; {names} are its details.
ADVICE = {
    "bool_type": "{given} is not a yes or no; write true or false",
    "int_type": "{given} is not a whole number; write one without quotes",
    "int_from_float": "{given} is not a whole number; write one without a fraction",
    "float_type": "{given} is not a number; write one without quotes",
    "finite_number": "{given} is not a usable number; write an ordinary one",
    "string_type": '{given} is not text; write text in "quotes"',
    "path_type": '{given} is not a path; write a path in "quotes"',
    "literal_error": "{given} is not known; write {expected}",
    "enum": "{given} is not known; write {expected}",
    "greater_than_equal": "{given} is too small; write {ge} or more",
    "greater_than": "{given} is too small; write more than {gt}",
    "less_than_equal": "{given} is too large; write {le} or less",
    "less_than": "{given} is too large; write less than {lt}",
    "string_too_short": "{given} is too short; write at least {min_length} characters",
    "string_too_long": "{given} is too long; write at most {max_length} characters",
    "string_pattern_mismatch": "{given} has another form; write text that fits {pattern}",
    "too_short": "too few entries; write at least {min_length}",
    "too_long": "too many entries; write at most {max_length}",
    "tuple_type": "{given} is not a list; write [ ... ]",
    "list_type": "{given} is not a list; write [ ... ]",
    "model_type": "{given} is not a table; write [{key}] and its keys below it",
    "model_attributes_type": "{given} is not a table; write [{key}] and its keys below it",
    "missing": "it is missing; add a line `{name} = ...`",
}


def load(path: Path | None) -> Settings:
    """The settings in this file, or the defaults when there is none; or ConfigurationError."""
    if path is None:
        return Settings()
    tree = _read(path)
    try:
        return Settings.model_validate(tree, context={"folder": path.parent})
    except ValidationError as error:
        raise ConfigurationError(*(_line(path, detail) for detail in error.errors())) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _problem(path, "file", "it is too large", "write the path of a TOML file")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        make = f"write the path of a file, or make one: opaska config example > {path}"
        raise _problem(path, "file", "there is no such file", make) from None
    except OSError as error:
        why = (error.strerror or "error").lower()
        raise _problem(path, "file", f"cannot be read ({why})", "make it readable") from None
    except UnicodeDecodeError:
        raise _problem(path, "file", "it is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        form = 'write lines like `key = 5` or `key = "text"` under a [section]'
        raise _problem(path, "syntax", _lower_first(str(error)), form) from None


def _problem(path: Path, key: str, problem: str, advice: str) -> ConfigurationError:
    return ConfigurationError(f"{path}: {key}: {problem}; {advice}")


def _line(path: Path, error: ErrorDetails) -> str:
    location = error["loc"]
    key = key_text(location)
    details = {
        "given": _shown(error.get("input")),
        "name": location[-1] if location else "",
        "key": key,
        **error.get("ctx", {}),
    }
    if error["type"] == "extra_forbidden":
        return f"{path}: {key}: unknown key; {_known_keys(location)}"
    if error["type"] == "value_error":  # our own validators say it all, sometimes with a key
        own_key, sentence = _split_key(str(details["error"]))
        return f"{path}: {'.'.join(filter(None, (key, own_key)))}: {sentence}"
    advice = ADVICE.get(error["type"])
    if advice is None:
        return f"{path}: {key}: {_lower_first(error['msg'])}; write what the example shows"
    return f"{path}: {key}: {advice.format(**details)}"


def _split_key(sentence: str) -> tuple[str, str]:
    """A check over several keys names one of them: `port: 0 means nothing here; write ...`."""
    own_key, colon, rest = sentence.partition(": ")
    return (own_key, rest) if colon and own_key.isidentifier() else ("", sentence)


def key_text(location: tuple[int | str, ...]) -> str:
    """`("centre", "receiver", 0, "port")` as an operator writes it: `centre.receiver[1].port`."""
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _known_keys(location: tuple[int | str, ...]) -> str:
    """The closest known key, else all of them."""
    known = list(model_at(location[:-1]).model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.6)
    if close:
        return f"write {close[0]}"
    return f"remove it, or write one of {', '.join(known)}"


def model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    """The settings class that stands at this place of the tree."""
    model: type[BaseModel] = Settings
    for part in location:
        if isinstance(part, str):
            model = model_in(model.model_fields[part].annotation) or model
    return model


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The settings class in `Model`, `Model | None` or `tuple[Model, ...]`, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, list, Union, types.UnionType):
        found = (model_in(argument) for argument in get_args(annotation))
        return next((model for model in found if model), None)
    return None


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
