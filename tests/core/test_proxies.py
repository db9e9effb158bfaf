"""The proxy of a request.

The usual variables are read as other programs read them.
"""

import pytest

from app.core.proxies import proxies

PROXY = "http://proxy.example:3128"
BOTH = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY}
WEB, SECURE = "http://boreas.example/graphql", "https://boreas.example/graphql"


@pytest.mark.parametrize(
    ("environ", "url", "expected"),
    [
        ({}, SECURE, None),
        ({"HTTPS_PROXY": PROXY}, SECURE, PROXY),
        ({"HTTPS_PROXY": PROXY}, WEB, None),
        ({"HTTP_PROXY": PROXY}, WEB, PROXY),
        ({"http_proxy": PROXY}, WEB, PROXY),
        ({"https_proxy": "http://one:1", "HTTPS_PROXY": "http://two:2"}, SECURE, "http://one:1"),
        ({"ALL_PROXY": PROXY}, WEB, PROXY),
        ({"ALL_PROXY": PROXY, "HTTPS_PROXY": "http://two:2"}, SECURE, "http://two:2"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, SECURE, PROXY),
        ({"HTTPS_PROXY": ""}, SECURE, None),
        ({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, WEB, None),
        ({"BOREAS_PROXY": "http://own:1", **BOTH}, WEB, "http://own:1"),
        ({"BOREAS_PROXY": "none", **BOTH}, SECURE, None),
    ],
)
def test_the_proxy_is_that_of_the_scheme(environ: dict[str, str], url: str, expected: str | None) -> None:
    assert proxies(environ).proxy_for(url) == expected


@pytest.mark.parametrize("host", ["localhost", "api.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "LOCALHOST"])
def test_requests_to_this_machine_use_no_proxy(host: str) -> None:
    assert proxies(BOTH).proxy_for(f"http://{host}:8000/graphql") is None


@pytest.mark.parametrize(
    ("entry", "host", "direct"),
    [
        ("*", "a.example", True),
        ("example", "a.example", True),
        (".example", "a.example", True),
        ("*.example", "a.example", True),
        ("a.example", "a.example", True),
        ("A.Example", "a.example", True),
        ("a.example", "A.EXAMPLE.", True),
        ("b.example, a.example", "a.example", True),
        ("a.example:8443", "a.example:8443", True),
        ("a.example:8443", "a.example", False),
        ("a.example:443", "a.example", True),
        ("a.example", "ba.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:80", "10.1.2.3", False),
        ("fd00::/8", "[fd00::1]", True),
        ("[fd00::1]:443", "[fd00::1]", True),
        ("", "a.example", False),
        (",, ,", "a.example", False),
        (".", "a.example", False),
        ("10.0.0.0/99", "10.1.2.3", False),
    ],
)
def test_hosts_in_no_proxy_are_reached_directly(entry: str, host: str, direct: bool) -> None:
    proxy = proxies({**BOTH, "NO_PROXY": entry}).proxy_for(f"https://{host}/")
    assert proxy == (None if direct else PROXY)


@pytest.mark.parametrize("value", ["socks5://h:1", "http://", "http://[", "http://h:99999", "http://h:0", "ftp://h"])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "BOREAS_PROXY"])
def test_an_invalid_proxy_is_refused_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is not a valid proxy URL"):
        proxies({name: value})


def test_messages_about_a_proxy_omit_its_password() -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY") as caught:
        proxies({"HTTPS_PROXY": "socks5://user:hunter2@h:1"})
    assert "hunter2" not in str(caught.value)
