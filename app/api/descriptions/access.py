"""Descriptions of people, programs, tokens, the audit log, and of refusals."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "Actor": {"name": "The name that people know them by."},
    "ApiToken": {
        "name": "A name for people.",
        "createdAt": "When it was made.",
        "expiresAt": "When it ends by itself; null: it does not.",
        "revokedAt": "When somebody ended it; null: nobody did.",
    },
    "AuditEntry": {
        "at": "When it was done.",
        "targetId": "The id of the object that was changed.",
        "reason": "Why, in the words of whoever did it; null: the mutation takes no reason, or none was given.",
        "actor": "Who did it.",
    },
    "Grant": {
        "role": "What it allows.",
        "environment": "The environment that it is for; null: all environments.",
        "application": "The application that it is for; null: all applications.",
    },
    "UserError": {"code": "The kind of refusal, for programs. New codes may come: have a default branch."},
    "WorkflowFault": {"kind": "What sort of fault it is. New kinds may come: have a default branch."},
}
