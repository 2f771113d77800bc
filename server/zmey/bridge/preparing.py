"""From a delivery to a step, or to the verdict that needs no server."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from zmey.bridge.answers import (
    FORBIDDEN,
    LATER,
    MALFORMED,
    Verdict,
    result_body,
)
from zmey.bridge.attempts import DELIVERIES_MAX
from zmey.bridge.delivery import Delivery
from zmey.bridge.feedback import feedback_id_of
from zmey.bridge.message import ImportMessage, MessageError, read_message
from zmey.bridge.translate import change_of
from zmey.bridge.wording import NO_SUCH_SPACE
from zmey.logs import get_logger
from zmey.v1.member_pb2 import MemberChange

REQUEST_ID_BYTES_MAX = 128

SPENT = f"The message was delivered {DELIVERIES_MAX} times and never answered; it was set aside."
BROKEN = "The message could not be processed; it was set aside."


@dataclass(slots=True)
class Prepared:
    """One delivery on its way.

    Attributes:
        delivery: as the broker gave it.
        message: its parameters; None where it is malformed.
        step: what is to be applied; None where there is a verdict already.
        verdict: what became of it.
        feedback_id: for the answer.
        matching: for the answer.
        is_unread: whether it was given up without reading it.
    """

    delivery: Delivery
    message: ImportMessage | None = None
    step: MemberChange | None = None
    verdict: Verdict | None = None
    feedback_id: str = ""
    matching: str = ""
    is_unread: bool = False

    @property
    def space(self) -> tuple[int, int]:
        """The space of a message that is well-formed."""
        assert self.message is not None  # noqa: S101 - for the type checker
        return self.message.account_id, self.message.db_id

    def answer(self) -> bytes:
        """Returns the result message."""
        assert self.verdict is not None  # noqa: S101 - likewise
        return result_body(
            self.verdict,
            feedback_id=self.feedback_id,
            matching=self.matching,
            db_id=self.message.db_id if self.message else 0,
        )


def set_aside(delivery: Delivery) -> Prepared:
    """Gives up a message that takes the process down, without reading more of it than its id."""
    verdict = Verdict(LATER, SPENT, parks=True)
    prepared = Prepared(delivery, verdict=verdict, is_unread=True)
    prepared.feedback_id = feedback_id_of(delivery.body)
    return prepared


class Preparer:
    """Prepares deliveries of one queue."""

    def __init__(self, vhost: str, queue: str) -> None:
        # No other caller's request ids begin so, and no two queues share them.
        self._namespace = f"amqp:{quote(vhost, safe='')}:{quote(queue, safe='')}"

    def prepare(self, delivery: Delivery) -> Prepared:
        """Reads a delivery."""
        prepared = Prepared(delivery)
        try:
            self._read(prepared)
        except MessageError as error:
            prepared.verdict = Verdict(error.code, error.text, parks=error.code == MALFORMED)
            prepared.feedback_id = prepared.feedback_id or error.feedback_id
            prepared.matching = prepared.matching or error.matching
        except Exception as error:  # A fault of ours may not stop the messages behind this one.
            get_logger().error("message cannot be processed", kind=type(error).__name__)
            prepared.verdict = Verdict(LATER, BROKEN, parks=True)
        return prepared

    def _read(self, prepared: Prepared) -> None:
        message = read_message(prepared.delivery.body)
        prepared.message = message
        prepared.feedback_id, prepared.matching = message.feedback_id, message.matching
        if not all(0 < number < 2**32 for number in (message.account_id, message.db_id)):
            raise MessageError(FORBIDDEN, NO_SUCH_SPACE)
        prepared.step = change_of(message, self._request_id(prepared))

    def _request_id(self, prepared: Prepared) -> str:
        """Names what is to happen once: by the id of the message, else by its feedback_id."""
        if message_id := prepared.delivery.properties.message_id:
            kind, name = "message", message_id
        elif prepared.feedback_id:
            kind, name = "feedback", prepared.feedback_id
        else:
            return ""
        request_id = f"{self._namespace}:{kind}:{name}"
        if len(request_id.encode()) <= REQUEST_ID_BYTES_MAX:
            return request_id
        return "amqp:sha256:" + hashlib.sha256(request_id.encode()).hexdigest()


def by_space(batch: Iterable[Prepared]) -> dict[tuple[int, int], list[Prepared]]:
    """Sorts what has a step by its space, in the order of the queue."""
    spaces: dict[tuple[int, int], list[Prepared]] = {}
    for prepared in batch:
        if prepared.step is not None and prepared.verdict is None:
            spaces.setdefault(prepared.space, []).append(prepared)
    return spaces
