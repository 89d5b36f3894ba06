"""``secrets.yaml``, and that no error ever repeats a secret, whatever is wrong with what."""

from __future__ import annotations

import json
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edgechain.errors import InvalidDocument
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import parse_device, render_device
from edgechain.spec.document import parse
from edgechain.spec.secrets import Secrets, parse_secrets

CANARY = "hunter2canary"
SIGNS = (
    *"'\":{}[],&*!#%@`|>-?\t\\\x07\u2028é\n ",
    *(": ", "\n  ", " #", "- ", "!!int ", "${", "$${"),
)


def test_values_are_taken_as_they_are_written() -> None:
    text = "pin: 0012\n# no\nnull_: null\nyes: true\ntext: 'a: ${b}'\nlong: |\n  one\n  two\n"
    found = parse_secrets(text, file="s.yaml")
    names = ("pin", "null_", "yes", "text", "long", "no")
    assert [found.get(name) for name in names] == [
        "0012", "null", "true", "a: ${b}", "one\ntwo\n", None,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_there_may_be_none(text: str) -> None:
    assert repr(parse_secrets(text, file="s.yaml")) == "<0 secrets of s.yaml>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"a: 1\na: {CANARY}\n", "s.yaml:2:1: this name is there twice"),
        (f"a:\n{CANARY}:\n", "s.yaml:1:1: this name has no value"),
        (f"a: {{b: {CANARY}}}\n", "s.yaml:1:1: should be lines of NAME: VALUE"),
        (f"- {CANARY}\n", "s.yaml:1:1: should be lines of NAME: VALUE"),
        (f"{CANARY}\n", "s.yaml:1:1: should be lines of NAME: VALUE"),
        (f"a: !secret {CANARY}\n", "s.yaml:1:1: a secret is written out here"),
        (f"a: *{CANARY}\n", "s.yaml:1:4: is not YAML: found undefined alias"),
        (f"a: '{CANARY}\n", "s.yaml:2:1: is not YAML: found unexpected end of stream"),
        (f"a: \x00{CANARY}\n", "s.yaml: is not YAML: ReaderError"),
    ],
)
def test_a_mistake_has_its_place_and_not_the_secret(text: str, said: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_secrets(text, file="s.yaml")
    assert str(caught.value).startswith(said)
    assert CANARY not in everything(caught.value)


def test_nothing_but_asking_for_it_shows_one() -> None:
    secrets = Secrets({"a": CANARY}, "s.yaml")
    assert CANARY not in f"{secrets!r} {secrets} {secrets.missing('b')}"
    assert secrets.get("a") == CANARY
    assert secrets.missing("aa") == "there is no secret 'aa' in s.yaml; did you mean 'a'?"
    assert "make one beside this file" in Secrets({}).missing("a")


# What errors say -----------------------------------------------------------------------------

DEVICE = """\
name: n
chain: c
insecure: true
port: 1
stages: [s]
host: 0.0.0.0
peers: ["a:1"]
wifi:
  ssid: x
  password: {value}
  country: DE
flash: {{target: "ssh://a"}}
device: {{board: pi-4}}
"""
PLACES = (
    ("name: n", "name: {}"),
    ("port: 1", "port: {}"),
    ("insecure: true", "insecure: {}"),
    ("stages: [s]", "stages: {}"),
    ("[s]", "[{}]"),
    ("host: 0.0.0.0", "host: {}"),
    ('["a:1"]', "[{}]"),
    ("ssid: x", "ssid: [{}]"),
    ("ssid: x", "sid: {}"),
    ("country: DE", "country: {}"),
    ("ssh://a", "ssh://pi:hunter2canary@a"),
    ('"ssh://a"', "{}"),
    ("device: {board: pi-4}", "device: {}"),
    ("board: pi-4", "memory_mb: {}"),
    ("device:", "? {}\n:"),
    ("wifi:", "wife:"),
    ("name: n", "name: n\nname: {}"),
)  # fmt: skip


def everything(error: BaseException) -> str:
    """All that a log could show of an error."""
    shown = [repr(error), str(error), *traceback.format_exception(error)]
    seen: list[BaseException | None] = [error, error.__cause__, error.__context__]
    told = [one.errors() for one in seen if isinstance(one, ValidationError)]
    return "\n".join([*shown, *map(repr, seen), *map(str, seen), repr(vars(error)), repr(told)])


def secrets() -> Secrets:
    return Secrets({"it": CANARY}, "s.yaml")


@pytest.mark.parametrize("value", ["!secret it", "${it}", "x${it}"])
@pytest.mark.parametrize(("old", "new"), PLACES)
def test_a_secret_in_the_wrong_place_is_not_repeated(old: str, new: str, value: str) -> None:
    text = "substitutions: {it: !secret it}\n" + DEVICE.format(value="!secret it")
    assert old in text
    quoted = json.dumps(value) if value.startswith(("$", "x")) else value
    with pytest.raises(InvalidDocument) as caught:
        parse_device(text.replace(old, new.replace("{}", quoted)), file="f.yaml", secrets=secrets)
    assert caught.value.line > 0
    assert CANARY not in everything(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        f"[{CANARY}]",
        f"*{CANARY}",
        f"!{CANARY} x",
        f"!!int {CANARY}",
        f"!!float {CANARY}",
        f"!!timestamp {CANARY}",
        f'"{CANARY}',
        f'"{CANARY}\\q"',
        f"{CANARY}: {CANARY}",
        f"{{a: {CANARY}}}",
        f"&a {CANARY}\n  password: {CANARY}",
        f"{CANARY}\x00",
        "hunter2",
        f"{CANARY}é",
        CANARY * 9,
    ],
)
def test_a_password_that_is_written_out_is_not_repeated_either(value: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_device(DEVICE.format(value=value), file="f.yaml", secrets=secrets)
    assert "hunter2" not in everything(caught.value)


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(SIGNS)), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_no_slip_in_secrets_yaml_shows_one(slips: list[tuple[int, str]]) -> None:
    text = f"first: 1\nsecond: {CANARY}\nthird: 3\n"
    begin = text.index(CANARY)
    for place, sign in sorted(slips, reverse=True):
        if not begin < place < begin + len(CANARY):
            text = text[:place] + sign + text[place:]
    said = ""
    try:
        said = repr(parse_secrets(text, file="s.yaml"))
    except InvalidDocument as error:
        said = everything(error)
    assert CANARY not in said
    assert said


@given(st.lists(st.tuples(st.integers(0, 500), st.sampled_from(SIGNS)), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_no_slip_in_a_device_file_shows_one(slips: list[tuple[int, str]]) -> None:
    text = 'substitutions: {it: !secret it, that: "a${it}"}\n' + DEVICE.format(value='"${that}"')
    for place, sign in slips:
        text = text[: place % len(text)] + sign + text[place % len(text) :]
    said = ""
    try:
        config = parse_device(text, file="f.yaml", secrets=secrets).config
        said = f"{config!r} {config} {config.model_dump()} {render_device(config)}"
    except InvalidDocument as error:
        said = everything(error)
    assert CANARY not in said
    assert said


def test_a_noun_does_not_show_its_secrets() -> None:
    text = DEVICE.format(value="!secret it").replace("ssid: x", "ssid: !secret it")
    config = parse_device(text, file="f.yaml", secrets=secrets).config
    shown = [
        repr(config),
        str(config),
        repr(config.wifi),
        config.model_dump_json(),
        f"{vars(config)}",
    ]
    assert CANARY not in " ".join([*shown, str(config.model_dump()), render_device(config)])
    with pytest.raises(ValidationError) as caught:
        NodeConfig.model_validate(config.model_dump() | {"port": -1})
    assert CANARY not in everything(caught.value)


def test_other_documents_know_no_secrets() -> None:
    with pytest.raises(InvalidDocument, match="chain: Input should be a valid string"):
        parse(NodeConfig, "name: n\nchain: !secret it\n", file="f.yaml")
