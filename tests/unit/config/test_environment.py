"""The hub's variables, as its own client reads them."""

from __future__ import annotations

import pytest

from wan_healthd.config.environment import hub_access, secrets
from wan_healthd.domain.errors import ConfigInvalid
from wan_healthd.domain.hub import DEFAULT_ENDPOINT, HubAccess


def test_nothing_is_said() -> None:
    assert hub_access({}) == HubAccess(DEFAULT_ENDPOINT, None, is_offline=False)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("HF_ENDPOINT", "http://127.0.0.1:8080/", HubAccess("http://127.0.0.1:8080")),
        ("HF_ENDPOINT", "https://mirror.example/hub", HubAccess("https://mirror.example/hub")),
        ("HF_ENDPOINT", "", HubAccess()),
        ("HF_TOKEN", " hf_x\n", HubAccess(token="hf_x")),
        ("HUGGING_FACE_HUB_TOKEN", "hf_y", HubAccess(token="hf_y")),
        ("HF_TOKEN", "", HubAccess()),
        ("HF_HUB_OFFLINE", "1", HubAccess(is_offline=True)),
        ("HF_HUB_OFFLINE", "yes", HubAccess(is_offline=True)),
        ("TRANSFORMERS_OFFLINE", "ON", HubAccess(is_offline=True)),
        ("HF_HUB_OFFLINE", "0", HubAccess()),
    ],
)
def test_what_is_said(variable: str, value: str, expected: HubAccess) -> None:
    assert hub_access({variable: value}) == expected


@pytest.mark.parametrize(
    "value",
    [
        "hub",
        "ftp://hub",
        "https://",
        "https://me:secret@hub",
        "https://hub?x=1",
        "https://hub:x",
        "https://a b",
        "https://[::1",
    ],
)
def test_an_endpoint_that_is_none(value: str) -> None:
    with pytest.raises(ConfigInvalid, match="cannot use HF_ENDPOINT"):
        hub_access({"HF_ENDPOINT": value})


def test_a_token_that_is_none_is_not_shown() -> None:
    with pytest.raises(ConfigInvalid, match="cannot use HF_TOKEN") as caught:
        hub_access({"HF_TOKEN": "geheimnisvöll"})
    assert "geheim" not in caught.value.message


def test_a_stored_token_counts_where_the_environment_has_none() -> None:
    assert hub_access({}, "hf_stored").token == "hf_stored"
    assert hub_access({"HF_TOKEN": ""}, "hf_stored").token == "hf_stored"
    assert hub_access({"HF_TOKEN": "hf_x"}, "hf_stored").token == "hf_x"


def test_no_token_may_stand_in_a_log() -> None:
    assert secrets({"HF_TOKEN": "hf_x\n", "HUGGING_FACE_HUB_TOKEN": " "}, "hf_stored") == ("hf_x", "hf_stored")
    assert secrets({}) == ()
