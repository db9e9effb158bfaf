"""References of images: valid ones pass, and invalid ones have a fault."""

import pytest

from app.core.kubernetes.images import fault

SHA256 = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    "reference",
    [
        "nginx",
        "nginx:1.27",
        "library/nginx",
        "docker.io/library/nginx:latest",
        "docker.io/library/x",
        "a/b/c/d:v1.2_3-rc.1",
        "localhost/a",
        "localhost:5000/a/b:tag",
        f"localhost:5000/a/b:tag@{SHA256}",
        f"nginx@{SHA256}",
        "x@sha512:" + "0f" * 64,
        "127.0.0.1:5000/shop",
        "[::1]:5000/shop:1",
        "[2001:db8::1]/shop",
        "registry.example.org:443/shop/user-service:v1",
        "UPPER.example.org/shop:V1",
        "GHCR/shop",
        "a__b/c_d/e-f/g--h.i",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:2026-11-30",
        "t:" + "v" * 128,
        "registry.example.org/" + "a" * 235,
    ],
)
def test_valid_references_have_no_fault(reference: str) -> None:
    assert fault(reference) is None


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("", "it has no name"),
        ("a b", "it has a space"),
        ("nginx:1 ", "it has a space"),
        (":v1", "it has no name"),
        ("UPPER/Case:1", "“Case” has capital letters"),
        ("Nginx", "“Nginx” has capital letters"),
        ("shop/Web:1", "“shop/Web” has capital letters"),
        ("nginx:", "“” is not a tag"),
        ("nginx:-1", "“-1” is not a tag"),
        ("nginx:a:b", "“a:b” is not a tag"),
        ("nginx:" + "v" * 129, "is not a tag"),
        ("nginx:v1 🚀", "it has a space"),
        ("nginx:🚀", "“🚀” is not a tag"),
        ("nginx@", "“” is not a digest"),
        ("nginx@latest", "“latest” is not a digest"),
        ("nginx@md5:" + "a" * 32, "is not a digest: use sha256"),
        ("nginx@sha256:abc", "must have 64 hexadecimal digits in lower case; it has 3"),
        ("nginx@sha256:" + "G" * 64, "must have 64 hexadecimal digits in lower case"),
        ("nginx@" + SHA256.upper(), "is not a digest"),
        (f"nginx@{SHA256}@{SHA256}", "must have 64"),
        (f"@{SHA256}", "it has no name"),
        ("https://registry.example.org/shop", "remove “https://”"),
        ("registry.example.org:port/shop", "“port” is not a registry port"),
        ("registry.example.org:/shop", "“” is not a registry port"),
        ("-registry.org/shop", "“-registry.org” is not a registry host"),
        ("a..b/shop", "“a..b” is not a registry host"),
        ("[::1/shop", "is not a registry host"),
        ("registry.example.org/", "a part between its slashes is empty"),
        ("a//b", "a part between its slashes is empty"),
        ("a/b/", "a part between its slashes is empty"),
        ("/a", "a part between its slashes is empty"),
        ("a/-b", "“-b” is not a valid part of a name"),
        ("a/b_", "“b_” is not a valid part of a name"),
        ("a/b___c", "“b___c” is not a valid part of a name"),
        ("a/b..c", "“b..c” is not a valid part of a name"),
        ("a/é", "“é” is not a valid part of a name"),
        ("$(IMAGE)", "has capital letters"),
        ("registry.example.org/" + "a" * 236, "its name has 256 characters"),
        ("f" * 64, "an image id"),
    ],
)
def test_an_invalid_reference_has_a_fault(reference: str, why: str) -> None:
    message = fault(reference)
    assert message is not None and why in message
