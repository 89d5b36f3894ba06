"""The JSON Schema of a device's file, for editors that complete and check while somebody types."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from edgechain.spec.config import NodeConfig
from edgechain.spec.substitutions import KEY
from edgechain.spec.tensor import Frozen

SCHEMA_FILE = "device.schema.json"
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""The first line of a device's file with the schema beside it, for the YAML language server."""

SECRET_TAG = "!secret scalar"  # noqa: S105 - a tag
"""What the editor's setting ``yaml.customTags`` has to list, so that secrets are strings to it."""

_SUBSTITUTED = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
"""What stands where a number or a name will be after substitution."""

_SUBSTITUTIONS = {
    "type": "object",
    "description": "Names and values: ${name} in any value of this file becomes the value.",
    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}


def device_schema() -> dict[str, Any]:
    """The schema of a file in ``device_configs/``, every key described.

    Numbers, choices and names may be written as ``${name}``; what only code can check (that a host
    is an address, that targets and roots agree) is left to ``edgechain config check``.
    """
    made = NodeConfig.model_json_schema()
    nouns = {noun.__name__: noun for noun in Frozen.__subclasses__()}
    _describe(made, NodeConfig)
    for name, part in made["$defs"].items():
        _describe(part, nouns[name])
    made["properties"] = {KEY: _SUBSTITUTIONS} | made["properties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "edgechain device",
    }


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    part.pop("title")
    part["description"] = _plain(part["description"])
    told = _attribute_docstrings(model)
    for name, schema in part["properties"].items():
        schema.pop("title", None)
        description = {"description": told[name]} if name in told else {}
        part["properties"][name] = description | _substitutable(schema)


def _substitutable(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, or text that becomes it by substitution."""
    if "items" in schema:
        return {**schema, "items": _substitutable(schema["items"])}
    if "anyOf" in schema:
        options = [_substitutable(o) if "items" in o else o for o in schema["anyOf"]]
    else:
        options = [schema]
    if not any(map(_is_checked, options)):
        return schema
    kept = {"default": schema["default"]} if "default" in schema else {}
    return {"anyOf": [*options, _SUBSTITUTED], **kept}


def _is_checked(schema: dict[str, Any]) -> bool:
    """Whether it refuses some text."""
    numbers = schema.get("type") in ("integer", "number", "boolean")
    return numbers or any(word in schema for word in ("pattern", "enum", "const"))


def _attribute_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The string below each field, which Python itself forgets (PEP 258)."""
    classes = ast.walk(ast.parse(inspect.getsource(model)))
    body = next(part.body for part in classes if isinstance(part, ast.ClassDef))
    return {
        field.target.id: _plain(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _plain(text: str) -> str:
    """A docstring as an editor shows it: paragraphs on one line each."""
    paragraphs = inspect.cleandoc(text).replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
