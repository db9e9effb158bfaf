"""Which subscriptions can share an execution, and how the cursor is taken out of them."""

import pytest

from app.api.feeds.shared_operation import shared_operation

FEED = "deploymentEvents(id: $id{}) {{ cursor }}"


def test_the_cursor_is_taken_out_of_the_variables() -> None:
    text = f"subscription($id: ID!, $from: Cursor) {{ {FEED.format(', after: $from')} }}"
    first_operation = shared_operation(text, {"id": "a", "from": "x"}, None)
    second_operation = shared_operation(text, {"from": "y", "id": "a"}, None)
    assert (
        first_operation
        and second_operation
        and first_operation[0] == second_operation[0]
        and (first_operation[1], second_operation[1]) == ("x", "y")
    )
    assert first_operation[0].text == text and first_operation[0].variables_behind("z") == {"id": "a", "from": "z"}
    other_operation = shared_operation(text, {"id": "b"}, None)
    assert other_operation and other_operation[0] != first_operation[0] and other_operation[1] is None


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
