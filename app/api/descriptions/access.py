"""Descriptions of people, service accounts, tokens, the audit log and errors."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "Actor": {"name": "The display name."},
    "ApiToken": {
        "name": "The display name.",
        "createdAt": "When the token was created.",
        "expiresAt": "When the token expires. Null if it never expires.",
        "revokedAt": "When the token was revoked. Null if it was not.",
    },
    "AuditEntry": {
        "at": "When the change was made.",
        "targetId": "The id of the object that was changed.",
        "reason": "The reason that the actor gave. Null if none was given, or if the mutation takes none.",
        "actor": "The person or service account that made the change.",
    },
    "Grant": {
        "role": "The role that is granted.",
        "environment": "The environment that the grant covers. Null if it covers all environments.",
        "application": "The application that the grant covers. Null if it covers all applications.",
    },
    "UserError": {"code": "The kind of error, for programs. Later releases may add codes: have a default branch."},
    "WorkflowFault": {"kind": "The kind of fault. Later releases may add kinds: have a default branch."},
}
