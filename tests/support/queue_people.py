"""Random messages of the queue, and a model of what applying each of them once must lead to.

The model is written from the specification and shares no code with the bridge or the core. Every
message that has an effect leaves a name of its own in the data and raises the version by one, so
that one which is lost, done twice or out of order is seen in the end.
"""

import json
import random
from dataclasses import dataclass, field

__all__ = ["People", "Step"]


@dataclass(frozen=True)
class Step:
    """One message with the error code that it must get."""

    message_id: str
    body: bytes
    error: int


@dataclass
class People:
    """The model: who is there, and with which data."""

    data: dict[str, dict[str, int]] = field(default_factory=dict)
    version: dict[str, int] = field(default_factory=dict)

    def steps(self, count: int, seed: int) -> list[Step]:
        """Makes so many messages and applies each once."""
        chance = random.Random(seed)
        return [self._step(number, chance) for number in range(count)]

    def _step(self, number: int, chance: random.Random) -> Step:
        name = f"p{chance.randrange(1 + number // 3)}@example.org"
        data = {"last": number, f"k{number}": number}
        asked = {"account_id": 1, "db_id": 1, "email": name, "data": data}
        kind = chance.random()
        if kind < 0.03:
            return self._refused(number, b'{"account_id": 1,', 400)
        if kind < 0.06:
            return self._refused(number, json.dumps(asked | {"email": "nobody"}).encode(), 422)
        # Whoever is not there yet is refused, also where a later message makes him.
        if kind < 0.4:
            asked["update_only"] = True
            if name not in self.data:
                return self._refused(number, json.dumps(asked).encode(), 404)
        self.data.setdefault(name, {}).update(data)
        self.version[name] = self.version.get(name, 0) + 1
        return Step(f"m{number}", json.dumps(asked).encode(), 0)

    @staticmethod
    def _refused(number: int, body: bytes, error: int) -> Step:
        return Step(f"m{number}", body, error)
