"""Which subscriptions can share an execution, and how the position is taken out of them."""

import pytest

from app.api.feeds.shared_operation import shared_operation

FEED = "deploymentEvents(id: $id{}) {{ cursor }}"


def test_the_position_is_taken_out_of_the_variables() -> None:
    text = f"subscription($id: ID!, $from: Cursor) {{ {FEED.format(', after: $from')} }}"
    one = shared_operation(text, {"id": "a", "from": "x"}, None)
    two = shared_operation(text, {"from": "y", "id": "a"}, None)
    assert one and two and one[0] == two[0] and (one[1], two[1]) == ("x", "y")
    assert one[0].text == text and one[0].variables_behind("z") == {"id": "a", "from": "z"}
    other = shared_operation(text, {"id": "b"}, None)
    assert other and other[0] != one[0] and other[1] is None


def test_a_position_is_put_into_a_document_that_has_none() -> None:
    found = shared_operation(f"subscription Name($id: ID!) {{ alias: {FEED.format('')} }}", {"id": "a"}, "Name")
    assert found and found[1] is None
    assert "after: $boreasAfter" in found[0].text and "$boreasAfter: Cursor" in found[0].text
    assert found[0].variables_behind("z") == {"id": "a", "boreasAfter": "z"}


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ viewer { id } }", {}),
        ("subscription {", {}),
        ("", {}),
        (None, {}),
        ("subscription { unknown(id: 1) { cursor } }", {}),
        ("subscription($id: ID!) { " + FEED.format(', after: "x"') + " }", {"id": "a"}),
        (f'subscription($id: ID!, $a: Cursor = "x") {{ {FEED.format(", after: $a")} }}', {"id": "a"}),
        (f"subscription($id: ID!) {{ {FEED.format(', after: $id')} }}", {"id": "a"}),
        (f"subscription($id: ID!) {{ {FEED.format('')} two: {FEED.format('')} }}", {"id": "a"}),
        (f"subscription($id: ID!) {{ ...F }} fragment F on Subscription {{ {FEED.format('')} }}", {"id": "a"}),
        (f"subscription($id: ID!, $if: Boolean!) {{ {FEED.format('').replace(' {', ' @skip(if: $if) {', 1)} }}", {}),
        (f"subscription A($id: ID!) {{ {FEED.format('')} }} query B {{ viewer {{ id }} }}", {"id": "a"}),
        (f"subscription($id: ID!, $a: Cursor) {{ {FEED.format(', after: $a')} }}", {"id": "a", "a": 7}),
        (f"subscription($id: ID!) {{ {FEED.format('')} }}", ["id"]),
    ],
)
def test_what_can_not_be_shared(text: str, variables: dict[str, object]) -> None:
    assert shared_operation(text, variables, None) is None
