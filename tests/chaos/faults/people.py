"""People who approve, reject or wait, sometimes twice at the same moment."""

import asyncio
import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.faults.calls import Calls, NoAnswerError
from tests.chaos.faults.observe import APPROVE

NAMES = ("ann", "bob")
POLL_SECONDS = 0.4
SLOW_SECONDS = 1.5
"""The longest time before a person decides."""
INBOX = """{ myApprovals(first: 200) { nodes { id subject rolloutStep requiredApprovals expiresAt task { key }
  deployment { version { name } } } } }"""
DECIDE = """mutation($input: DecideInput!) { %s(input: $input) { approvals { id } errors { code } } }"""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a person, its idempotency key, and whether it was accepted."""

    approval_id: str
    actor_id: str
    verdict: str
    key: str
    accepted: bool
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """A person who may decide."""

    id: str
    calls: Calls


@dataclass(slots=True)
class People:
    """Two approvers, and the creator, who may not approve. Each action is drawn per request."""

    starter: Person
    effects: Path
    seed: int
    approvers: list[Person] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def arrive(self, urls: Sequence[str]) -> None:
        """Create the accounts."""
        admin = self.starter.calls
        for name in NAMES:
            answer = await admin.change("createServiceAccount", "serviceAccount { id }", name=name)
            id_ = answer["serviceAccount"]["id"]
            await admin.change("grantRole", "actor { id }", actorId=id_, role="APPROVER")
            token = await admin.change("createApiToken", "secret", name=name, serviceAccountId=id_, scopes=["APPROVER"])
            self.approvers.append(Person(id_, Calls(urls, token["secret"])))

    async def answer(self) -> None:
        """Decide approvals as they are requested, until cancelled."""
        approval_ids: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    approvals = (await self.approvers[0].calls.query(INBOX))["myApprovals"]["nodes"]
                except NoAnswerError as error:
                    self.errors.append(str(error))
                    continue
                for approval in approvals:
                    if approval["id"] not in approval_ids:
                        approval_ids.add(approval["id"])
                        group.create_task(self._consider(approval))
                await asyncio.sleep(POLL_SECONDS)

    async def _consider(self, approval: dict[str, Any]) -> None:
        """Decide one approval as drawn; a person lets time pass only where the approval expires."""
        subject = (
            approval["deployment"]["version"]["name"],
            approval["subject"],
            approval["task"] and approval["task"]["key"],
        )
        chance = random.Random(f"{self.seed} {subject} {approval['rolloutStep']}")
        await asyncio.sleep(chance.uniform(0, SLOW_SECONDS))
        [behaviour] = chance.choices(("approve", "reject", "quarrel", "pass"), (80, 5, 7, 8))
        ann, bob = chance.sample(self.approvers, 2)
        if behaviour == "pass" and approval["expiresAt"]:
            return
        actions: list[Awaitable[None]] = []
        if behaviour in ("reject", "quarrel"):
            actions += self._decide_often(chance, ann, "reject", approval["id"])
        if behaviour != "reject":
            for person in (bob, ann)[: 1 if behaviour == "quarrel" else approval["requiredApprovals"]]:
                actions += self._decide_often(chance, person, "approve", approval["id"])
        if chance.random() < 0.2:
            actions.append(self._decide(self.starter, "approve", approval["id"], "own"))
        try:
            await asyncio.gather(*actions)
        except NoAnswerError as error:
            self.errors.append(f"approval {approval['id']}: {error}")

    def _decide_often(self, chance: random.Random, person: Person, verb: str, id_: str) -> list[Awaitable[None]]:
        """Decide once, or twice at the same moment, with the same or another idempotency key."""
        keys = chance.choice((("a",), ("a",), ("a", "a"), ("a", "b")))
        return [self._decide(person, verb, id_, key) for key in keys]

    async def _decide(self, person: Person, verb: str, id_: str, key: str) -> None:
        if verb == APPROVE and person is not self.starter:
            with self.effects.open("a") as file:
                file.write(f"{APPROVE} {id_}\n")
        decision_input = {"approvalIds": [id_], "idempotencyKey": f"{verb} {id_} {key}"}
        payload = (await person.calls.query(DECIDE % verb, input=decision_input))[verb]
        accepted = [approval["id"] for approval in payload["approvals"]] == [id_]
        codes = tuple(error["code"] for error in payload["errors"])
        self.decisions.append(Decision(id_, person.id, verb.upper(), key, accepted, codes))
