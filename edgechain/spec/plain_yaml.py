"""Plain mappings and lists as YAML that readers of 1.1 and of 1.2 take for the same.

Kubernetes and Ansible read YAML 1.1, where ``no`` is false. With ``document`` and ``scalars`` the
only door to ruamel.yaml.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

_SAFE = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
"""Text that no YAML reads as anything else, save the words below."""

_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_LINE = 10_000


def render_plain(*documents: Any) -> str:
    """Documents of mappings, lists, text, numbers and truth values."""
    yaml = YAML()
    yaml.width = _LINE
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    for number, document in enumerate(documents):
        if number:
            out.write("---\n")
        yaml.dump(_quoted(document), out)
    return out.getvalue()


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text(key): _quoted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_quoted(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> Any:
    if text.endswith("\n") and _prints(text.split("\n")):
        return LiteralScalarString(text)
    if _SAFE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return DoubleQuotedScalarString(text)


def _prints(lines: Iterable[str]) -> bool:
    """Whether lines can stand in a block as they are."""
    return all(line.isprintable() and line == line.rstrip() for line in lines)
