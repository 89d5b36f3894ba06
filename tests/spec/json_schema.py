"""A small reader of JSON Schema: the words that ours uses, and no others."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
SILENT = {"$schema", "$defs", "title", "description", "default", "examples", "format", "writeOnly"}


class _Editor(SafeConstructor):
    """Takes ``!secret`` for a string, as an editor does with ``yaml.customTags``."""


_Editor.add_constructor("!secret", SafeConstructor.construct_yaml_str)


def faults(text: str, schema: dict[str, Any]) -> list[str]:
    """What an editor would underline in a YAML text."""
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = _Editor
    return list(_Reader(schema).faults(reader.load(text), schema, ""))


class _Reader:
    def __init__(self, whole: dict[str, Any]):
        self._whole = whole

    def faults(self, value: Any, schema: dict[str, Any], at: str) -> list[str]:
        found = []
        for word, wanted in schema.items():
            if word not in SILENT:
                found += getattr(self, f"_{word.lstrip('$')}")(value, wanted, schema, at)
        return found

    def _ref(self, value: Any, wanted: str, schema: Any, at: str) -> list[str]:
        return self.faults(value, self._whole["$defs"][wanted.rpartition("/")[2]], at)

    def _anyOf(self, value: Any, wanted: Any, schema: Any, at: str) -> list[str]:  # noqa: N802
        options = [self.faults(value, option, at) for option in wanted]
        return (
            []
            if [] in options
            else [f"{at}: none of {len(options)}", *(f for o in options for f in o)]
        )

    def _type(self, value: Any, wanted: Any, schema: Any, at: str) -> list[str]:
        names = [wanted] if isinstance(wanted, str) else wanted
        kinds = tuple(kind for name in names for kind in TYPES[name])
        wrong = not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
        return [f"{at}: no {wanted}"] if wrong else []

    def _properties(self, value: Any, wanted: Any, schema: Any, at: str) -> list[str]:
        if not isinstance(value, dict):
            return []
        pairs = ((wanted[key], key) for key in value if key in wanted)
        return [f for part, key in pairs for f in self.faults(value[key], part, f"{at}.{key}")]

    def _patternProperties(  # noqa: N802
        self, value: Any, wanted: Any, schema: Any, at: str
    ) -> list[str]:
        assert len(wanted) == 1
        ((pattern, part),) = wanted.items()
        keys = [key for key in value if re.search(pattern, key)]
        return [f for key in keys for f in self.faults(value[key], part, f"{at}.{key}")]

    def _propertyNames(self, value: Any, wanted: Any, schema: Any, at: str) -> list[str]:  # noqa: N802
        return [fault for key in value for fault in self.faults(key, wanted, f"{at}.{key}")]

    def _additionalProperties(  # noqa: N802
        self, value: Any, wanted: Any, schema: Any, at: str
    ) -> list[str]:
        if not isinstance(value, dict):
            return []
        more = [key for key in value if key not in schema.get("properties", {})]
        if wanted is False:
            return [f"{at}.{key}: unknown" for key in more]
        return [fault for key in more for fault in self.faults(value[key], wanted, f"{at}.{key}")]

    def _required(self, value: Any, wanted: Any, schema: Any, at: str) -> list[str]:
        return [
            f"{at}.{key}: missing" for key in wanted if isinstance(value, dict) and key not in value
        ]

    def _items(self, value: Any, wanted: Any, schema: Any, at: str) -> list[str]:
        items = value if isinstance(value, list) else []
        return [f for n, item in enumerate(items) for f in self.faults(item, wanted, f"{at}.{n}")]

    def _enum(self, value: Any, wanted: Any, schema: Any, at: str) -> list[str]:
        return [] if value in wanted else [f"{at}: not one of {wanted}"]

    def _const(self, value: Any, wanted: Any, schema: Any, at: str) -> list[str]:
        return [] if value == wanted else [f"{at}: not {wanted}"]

    def _pattern(self, value: Any, wanted: str, schema: Any, at: str) -> list[str]:
        no = isinstance(value, str) and not re.search(wanted, value)
        return [f"{at}: not like {wanted}"] if no else []

    def _minLength(self, value: Any, wanted: int, schema: Any, at: str) -> list[str]:  # noqa: N802
        return [f"{at}: too short"] if isinstance(value, str) and len(value) < wanted else []

    def _maxLength(self, value: Any, wanted: int, schema: Any, at: str) -> list[str]:  # noqa: N802
        return [f"{at}: too long"] if isinstance(value, str) and len(value) > wanted else []

    def _minimum(self, value: Any, wanted: float, schema: Any, at: str) -> list[str]:
        return [f"{at}: too small"] if _is_number(value) and value < wanted else []

    def _maximum(self, value: Any, wanted: float, schema: Any, at: str) -> list[str]:
        return [f"{at}: too large"] if _is_number(value) and value > wanted else []

    def _exclusiveMinimum(  # noqa: N802
        self, value: Any, wanted: float, schema: Any, at: str
    ) -> list[str]:
        return [f"{at}: too small"] if _is_number(value) and value <= wanted else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
