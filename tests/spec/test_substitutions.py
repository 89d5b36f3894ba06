"""``${name}`` and ``!secret``: what takes their place, and where every mistake is said to be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgechain.errors import InvalidDocument
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import parse_device, render_device
from edgechain.spec.secrets import Secrets
from edgechain.spec.substitutions import MAX_TEXT, escaped

NAMES = ("a", "b", "c", "d", "e_1")
WORDS = st.text("xyz $}\n\"'#:é", max_size=6).filter(lambda text: "${" not in text)


def chain_of(definitions: dict[str, str], value: str) -> str:
    """What a document makes of ``value``; JSON's strings are YAML's."""
    whole = {"substitutions": definitions, "name": "n", "insecure": True, "chain": f"={value}"}
    return parse_device(json.dumps(whole), file="f.yaml").config.chain[1:]


def refusal(text: str, values: dict[str, str] | None = None) -> str:
    with pytest.raises(InvalidDocument) as caught:
        parse_device(text, file="f.yaml", secrets=lambda: Secrets(values or {}, "secrets.yaml"))
    return str(caught.value)


@st.composite
def templates(draw: st.DrawFn, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """A value in pieces: text as it is, or a name."""
    text = st.tuples(st.just("text"), WORDS)
    name = st.tuples(st.just("name"), st.sampled_from(names)) if names else text
    return draw(st.lists(text | name, max_size=5))


def written(pieces: list[tuple[str, str]]) -> str:
    return "".join(f"${{{word}}}" if kind == "name" else escaped(word) for kind, word in pieces)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_names_stand_for_what_they_stand_for(data: st.DataObject) -> None:
    """Every name may be made of the ones before it; here they are replaced by hand."""
    definitions: dict[str, str] = {}
    known: dict[str, str] = {}

    def meaning(pieces: list[tuple[str, str]]) -> str:
        return "".join(known[word] if kind == "name" else word for kind, word in pieces)

    for at, name in enumerate(NAMES):
        pieces = joined(data.draw(templates(NAMES[:at])))
        definitions[name], known[name] = written(pieces), meaning(pieces)
    value = joined(data.draw(templates(NAMES)))
    order = data.draw(st.permutations(sorted(definitions)))
    assert chain_of({name: definitions[name] for name in order}, written(value)) == meaning(value)


def joined(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """No piece of text ends in $: before a name or more text that would be another mark."""
    return [(kind, word.rstrip("$") if kind == "text" else word) for kind, word in pieces]


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3)))
@settings(max_examples=100, deadline=None)
def test_a_circle_is_named_and_nothing_else_is_one(wants: dict[str, list[str]]) -> None:
    definitions = {name: " ".join(f"${{{one}}}" for one in wants[name]) for name in wants}
    undefined = any(one not in wants for ones in wants.values() for one in ones)
    if not undefined and not has_circle(wants):
        assert not chain_of(definitions, "")
        return
    with pytest.raises(InvalidDocument) as caught:
        chain_of(definitions, "")
    way = caught.value.reason.rpartition(": ")[2].split(" -> ")
    if len(way) == 1:
        assert undefined
        assert "there is no substitution" in caught.value.reason
    else:
        assert way[0] == way[-1]
        assert len(set(way)) == len(way) - 1
        assert all(after in wants[before] for before, after in pairwise(way))


def has_circle(wants: dict[str, list[str]]) -> bool:
    left = dict(wants)
    while free := [name for name, ones in left.items() if not any(one in left for one in ones)]:
        for name in free:
            del left[name]
    return bool(left)


@given(st.text(min_size=1))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_as_it_was_written(text: str) -> None:
    config = NodeConfig(name="n", chain=text, insecure=True)
    assert parse_device(render_device(config), file="f.yaml").config == config


# Places --------------------------------------------------------------------------------------

FILLERS = (
    "",
    "# ${nothing} in a comment",
    "namespace: ${known}",
    'chain_name: "${known}"  # a comment',
    "interfaces:\n  - ${known}\n  - 'lo'",
    "interpreter: auto",
    "device:\n  board: >-\n    ${known}\n    pi\n  profiles: [ 'é', \"\\u00e9\" ]",
)
PLACES = (
    "identity: {}",
    "identity: 'it''s {}'",
    'identity: "\\t\\u00e9 {} x"',
    "identity: |\n\n  first line\n  then é {}\n",
    "identity: >-\n    folded\n    {}\n    text",
    "identity:\n    plain and\n    {} folded",
    "peers: ['a:1', \"{}:1\"]",
    "peers:\n\n- a:1\n-   {}:1",
    'flash: {{root: ~/x, target: "ssh://{}"}}',
    "wifi:\n  ssid: x\n  country: {}",
    "identity: &same {}\nnext: *same",
    "identity: !secret {}",
)


@st.composite
def layouts(draw: st.DrawFn, wanted: str, special: tuple[str, ...]) -> str:
    """A document with ``wanted`` in it, once, among other keys, in any order."""
    place = draw(st.sampled_from(special)).format(wanted)
    fillers = draw(st.lists(st.sampled_from(FILLERS), unique=True))
    first = ["substitutions:\n  known: two\n  # more\n  other: '${known}lines'", "name: n"]
    parts = [*first, "chain: c", "insecure: true", *fillers, place]
    ending = draw(st.sampled_from(("\n", "\r\n")))
    return "\n".join(draw(st.permutations(parts))).replace("\n", ending) + ending


@given(layouts("${missing}", PLACES))
@settings(max_examples=150, deadline=None)
def test_an_unknown_name_is_where_it_is_written(text: str) -> None:
    assert refusal(text).startswith(f"f.yaml:{place_in(text, '${missing}')}: ")
    assert "there is no substitution 'missing'" in refusal(text)


@given(layouts("${never closed", PLACES[:6]))
@settings(max_examples=100, deadline=None)
def test_a_name_without_an_end_is_where_it_begins(text: str) -> None:
    assert refusal(text).startswith(
        f"f.yaml:{place_in(text, '${never')}: identity: has ${{ without"
    )


WRONG = (
    'port: "${{other}}{}"',
    "threads: ${{other}}{}",
    "slots:   '${{known}}{}'",
    "discovery: >-\n  ${{known}}\n\n  {}",
    "host: ${{other}}{}",
    "flash:\n {{target: 'ssh://${{known}}{}'}}",
)


@given(layouts("!", WRONG))
@settings(max_examples=100, deadline=None)
def test_a_wrong_value_is_at_its_key_whatever_it_became(text: str) -> None:
    keys = ("port", "threads", "slots", "discovery", "host", "flash", " {target")
    rows = [(n, row) for n, row in enumerate(text.splitlines(), 1) if row.startswith(keys)]
    number, row = rows[-1]
    column = 1 + (len(row) - len(row.lstrip(" {")))
    assert refusal(text).startswith(f"f.yaml:{number}:{column}: ")


def place_in(text: str, wanted: str) -> str:
    """Line and column of what is written once."""
    assert text.count(wanted) == 1
    before = re.split("\r\n|\n", text[: text.index(wanted)])
    return f"{len(before)}:{len(before[-1]) + 1}"


# Secrets -------------------------------------------------------------------------------------


def test_what_is_made_of_a_secret_is_one() -> None:
    text = """\
substitutions: {half: !secret half, whole: "canary-${half}", which: ha}
name: n
chain: c
insecure: true
wifi: {ssid: "${whole}", password: !secret "${which}lf", country: DE}
"""
    found = parse_device(text, file="f.yaml", secrets=lambda: Secrets({"half": "${which}-2"}))
    assert found.config.wifi is not None
    assert found.config.wifi.ssid.get_secret_value() == "canary-${which}-2"
    assert found.config.wifi.password is not None
    assert found.config.wifi.password.get_secret_value() == "${which}-2"
    said = refusal(text.replace("name: n", "name: ${whole}"), {"half": "canary"})
    assert said.startswith("f.yaml:2:1: name: is no place for a secret")


def doubling() -> Iterator[str]:
    yield "n0: xxxxxxxx"
    for number in range(40):
        yield f"n{number + 1}: ${{n{number}}}${{n{number}}}"


def test_a_few_lines_do_not_become_gigabytes() -> None:
    text = "substitutions:\n" + "\n".join(f"  {line}" for line in doubling())
    assert f"becomes longer than {MAX_TEXT} characters" in refusal(text)


def test_a_long_way_round_is_no_crash() -> None:
    names = "\n".join(f"  n{number}: ${{n{number + 1}}}" for number in range(3000))
    said = refusal(f"substitutions:\n{names}\n  n3000: end\nname: n\nchain: ${{n0}}\n")
    assert said.startswith("f.yaml:65:8: substitutions.n63: goes on over more than 64 names")
