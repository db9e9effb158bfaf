"""People who approve, reject or let time pass, some of them twice and at the same moment."""

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
"""The longest that anybody thinks before they decide."""
INBOX = """{ myApprovals(first: 200) { nodes { id subject rolloutStep requiredApprovals expiresAt task { key }
  deployment { version { name } } } } }"""
DECIDE = """mutation($input: DecideInput!) { %s(input: $input) { approvals { id } errors { code } } }"""


@dataclass(frozen=True, slots=True)
class Said:
    """One decision of a person, its idempotency key, and whether it was accepted."""

    approval_id: str
    actor_id: str
    verdict: str
    key: str
    took: bool
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
    said: list[Said] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    async def arrive(self, urls: Sequence[str]) -> None:
        """Make the accounts."""
        admin = self.starter.calls
        for name in NAMES:
            made = await admin.change("createServiceAccount", "serviceAccount { id }", name=name)
            id_ = made["serviceAccount"]["id"]
            await admin.change("grantRole", "actor { id }", actorId=id_, role="APPROVER")
            token = await admin.change("createApiToken", "secret", name=name, serviceAccountId=id_, scopes=["APPROVER"])
            self.approvers.append(Person(id_, Calls(urls, token["secret"])))

    async def answer(self) -> None:
        """Decide approvals as they are requested, until cancelled."""
        known: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    found = (await self.approvers[0].calls.query(INBOX))["myApprovals"]["nodes"]
                except NoAnswerError as error:
                    self.troubles.append(str(error))
                    continue
                for approval in found:
                    if approval["id"] not in known:
                        known.add(approval["id"])
                        group.create_task(self._consider(approval))
                await asyncio.sleep(POLL_SECONDS)

    async def _consider(self, asked: dict[str, Any]) -> None:
        """Decide one approval as drawn; a person lets time pass only where the approval expires."""
        of = (asked["deployment"]["version"]["name"], asked["subject"], asked["task"] and asked["task"]["key"])
        chance = random.Random(f"{self.seed} {of} {asked['rolloutStep']}")
        await asyncio.sleep(chance.uniform(0, SLOW_SECONDS))
        [mood] = chance.choices(("approve", "reject", "quarrel", "pass"), (80, 5, 7, 8))
        ann, bob = chance.sample(self.approvers, 2)
        if mood == "pass" and asked["expiresAt"]:
            return
        wanted: list[Awaitable[None]] = []
        if mood in ("reject", "quarrel"):
            wanted += self._often(chance, ann, "reject", asked["id"])
        if mood != "reject":
            for each in (bob, ann)[: 1 if mood == "quarrel" else asked["requiredApprovals"]]:
                wanted += self._often(chance, each, "approve", asked["id"])
        if chance.random() < 0.2:
            wanted.append(self._say(self.starter, "approve", asked["id"], "own"))
        try:
            await asyncio.gather(*wanted)
        except NoAnswerError as error:
            self.troubles.append(f"approval {asked['id']}: {error}")

    def _often(self, chance: random.Random, who: Person, verb: str, id_: str) -> list[Awaitable[None]]:
        """Say it once, or twice at the same moment: as the same call, or as another one."""
        keys = chance.choice((("a",), ("a",), ("a", "a"), ("a", "b")))
        return [self._say(who, verb, id_, key) for key in keys]

    async def _say(self, who: Person, verb: str, id_: str, key: str) -> None:
        if verb == APPROVE and who is not self.starter:
            with self.effects.open("a") as file:
                file.write(f"{APPROVE} {id_}\n")
        order = {"approvalIds": [id_], "idempotencyKey": f"{verb} {id_} {key}"}
        payload = (await who.calls.query(DECIDE % verb, input=order))[verb]
        took = [each["id"] for each in payload["approvals"]] == [id_]
        codes = tuple(error["code"] for error in payload["errors"])
        self.said.append(Said(id_, who.id, verb.upper(), key, took, codes))
