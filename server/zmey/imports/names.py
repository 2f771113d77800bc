"""Names of operations: `spaces/ACCOUNT/DB/operations/NUMBER`."""

import re

from zmey.refusal import RefusedError
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1.space_pb2 import Space

_SPACE = re.compile(r"spaces/([1-9][0-9]{0,9})/([1-9][0-9]{0,9})")
_OPERATION = re.compile(_SPACE.pattern + r"/operations/([1-9][0-9]{0,18})")
_NUMBER_MAX = 2**32 - 1


def operation_name(space: Space, job_id: int) -> str:
    """Names the operation of an import."""
    return f"{space_name(space)}/operations/{job_id}"


def space_name(space: Space) -> str:
    """Names what lists the operations of a space."""
    return f"spaces/{space.account_id}/{space.db_id}"


def parse_operation(name: str) -> tuple[Space, int]:
    """Returns the space and the number of an operation.

    Raises:
        RefusedError: no operation can have this name.
    """
    found = _OPERATION.fullmatch(name)
    if found is None:
        raise _invalid(name, "spaces/ACCOUNT/DB/operations/NUMBER")
    return _space(name, *found.group(1, 2)), int(found[3])


def parse_space(name: str) -> Space:
    """Returns the space whose operations are listed.

    Raises:
        RefusedError: no space can have this name.
    """
    found = _SPACE.fullmatch(name)
    if found is None:
        raise _invalid(name, "spaces/ACCOUNT/DB")
    return _space(name, *found.group(1, 2))


def _space(name: str, account_id: str, db_id: str) -> Space:
    if max(int(account_id), int(db_id)) > _NUMBER_MAX:
        raise _invalid(name, "spaces/ACCOUNT/DB with numbers below 2^32")
    return Space(account_id=int(account_id), db_id=int(db_id))


def _invalid(name: str, form: str) -> RefusedError:
    return RefusedError(
        reasons.ERROR_REASON_OPERATION_NAME_INVALID,
        f"The name must be of the form {form}.",
        {"name": name[:100]},
    )
