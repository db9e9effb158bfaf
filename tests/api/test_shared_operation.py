"""Which subscriptions can share an execution, and how the cursor is taken out of them."""

import pytest

from app.api.feeds.shared_operation import shared_operation

FEED = "deploymentEvents(id: $id{}) {{ cursor }}"


def test_the_cursor_is_taken_out_of_the_variables() -> None:
    text = f"subscription($id: ID!, $from: Cursor) {{ {FEED.format(', after: $from')} }}"
    first = shared_operation(text, {"id": "a", "from": "x"}, None)
    second = shared_operation(text, {"from": "y", "id": "a"}, None)
    assert first and second and first[0] == second[0] and (first[1], second[1]) == ("x", "y")
    assert first[0].text == text and first[0].variables_behind("z") == {"id": "a", "from": "z"}
    other = shared_operation(text, {"id": "b"}, None)
    assert other and other[0] != first[0] and other[1] is None


def test_a_cursor_variable_is_added_to_a_document_without_one() -> None:
    shared = shared_operation(f"subscription Name($id: ID!) {{ alias: {FEED.format('')} }}", {"id": "a"}, "Name")
    assert shared and shared[1] is None
    assert "after: $boreasAfter" in shared[0].text and "$boreasAfter: Cursor" in shared[0].text
    assert shared[0].variables_behind("z") == {"id": "a", "boreasAfter": "z"}


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
def test_operations_that_cannot_be_shared(text: str, variables: dict[str, object]) -> None:
    assert shared_operation(text, variables, None) is None
