"""Seed 002, newbie.confirm: how many e-mails come in without waiting for confirmation.

`member.noconfirm.limit` is confirm_free_per_month_max, `member.tarif.limit` members_max. Months and
their zones are in native/tests/core/confirming.rs, where a test moves the clock.
"""

from typing import Any

import pytest

from support.core import Api, check_fault, fault_in_answer, open_api, warnings_of
from support.imports import attach_column, column, email_column, run_import
from support.policies import policy
from support.requests import address, change, head_key, keys, member_key, ruled

ANN, BOB, EVE = "email=ann@example.com", "email=bob@example.com", "email=eve@example.com"
WAITS = 2


def waiting(api: Api, who: str) -> list[bool]:
    """Whether each head of a member waits for confirmation."""
    return [state.haslock == WAITS for state in api.list_heads(keys(who)).heads]


def imported(api: Api, *emails: str, **options: Any) -> list[str]:
    """Imports e-mails; answers those that wait."""
    (receipt,) = run_import(api, [email_column()], [[[email] for email in emails]], **options)
    assert not receipt.rejects
    for warning in receipt.warnings:
        assert fault_in_answer(warning.warning).reason == "CONFIRMATION_FORCED"
    return [email for email in emails if waiting(api, f"email={email}") == [True]]


def test_without_a_limit_nobody_waits() -> None:
    assert imported(open_api(), "ann@example.com", "bob@example.com") == []


def test_when_it_is_exhausted_the_rest_waits() -> None:
    api = open_api(confirm_free_per_month_max=2)
    emails = [f"{name}@example.com" for name in "abcd"]
    (receipt,) = run_import(api, [email_column()], [[[email] for email in emails]])
    assert [waiting(api, f"email={email}") for email in emails] == [
        [False], [False], [True], [True],
    ]  # fmt: skip
    assert [warning.row for warning in receipt.warnings] == [2, 3]
    warned = fault_in_answer(receipt.warnings[0].warning)
    check_fault(warned, "CONFIRMATION_FORCED", limit="confirm_free_per_month_max", max="2")


def test_unique_emails_count() -> None:
    """An e-mail that comes again within the month is not counted again."""
    api = open_api(confirm_free_per_month_max=2)
    assert imported(api, "ann@example.com", "ann@example.com") == []
    api.delete_members(member_key(ANN))
    assert imported(api, "ann@example.com", "bob@example.com", "eve@example.com") == [
        "eve@example.com"
    ]


def test_emails_that_wait_anyway_do_not_count() -> None:
    api = open_api(confirm_free_per_month_max=1)
    (receipt,) = run_import(
        api, [email_column()], [[["ann@example.com"], ["bob@example.com"]]], newbie_confirm=True
    )
    assert not receipt.warnings
    assert imported(api, "eve@example.com") == []


def test_phones_never_wait() -> None:
    api = open_api(confirm_free_per_month_max=1)
    rows = [[["a@example.com", "+79121234567"], ["b@example.com", "+79161234567"]]]
    run_import(api, [email_column(), column("msisdn")], rows)
    assert waiting(api, "email=b@example.com") == [True, False]
    run_import(api, [column("csid")], [[["A-1"]]])
    assert waiting(api, "csid=A-1") == [False]


def test_more_members_than_allowed_leave_nothing() -> None:
    """Over member.tarif.limit member.noconfirm.rest is 0."""
    api = open_api(confirm_free_per_month_max=100, members_max=2)
    emails = [f"{name}@example.com" for name in "abcd"]
    # With two members the third still comes in; with three the fourth waits.
    (receipt,) = run_import(api, [email_column()], [[[email] for email in emails]])
    assert [warning.row for warning in receipt.warnings] == [3]
    warned = fault_in_answer(receipt.warnings[0].warning)
    check_fault(warned, "CONFIRMATION_FORCED", limit="members_max", max="2")
    api.delete_members(member_key("email=d@example.com"), member_key("email=c@example.com"))
    assert imported(api, "eve@example.com") == []


def test_one_row_counts_each_of_its_emails() -> None:
    api = open_api(confirm_free_per_month_max=2)
    rows = [[["a@example.com", "b@example.com|c@example.com"]]]
    (receipt,) = run_import(api, [email_column(), attach_column()], rows)
    assert len(receipt.warnings) == 1
    assert waiting(api, "email=a@example.com") == [False, False, True]


def test_a_refused_row_counts_nothing() -> None:
    api = open_api(confirm_free_per_month_max=1)
    api.set_member(change(keys("csid=A-1")))
    rows = [[["a@example.com", "A-1"], ["b@example.com", ""]]]
    (receipt,) = run_import(api, [email_column(), attach_column("csid")], rows)
    assert [reject.row for reject in receipt.rejects] == [0]
    assert waiting(api, "email=b@example.com") == [False]


def attach(api: Api) -> Any:
    return api.attach_head(keys("csid=A"), address(BOB)).outcome


def replace(api: Api) -> Any:
    return api.replace_head(head_key("csid=A"), address(BOB)).outcome


def rule(api: Api) -> Any:
    return api.set_member(change(keys("csid=A"), heads=[ruled(BOB, newbie="REPLACE")]))


def listed(api: Api) -> Any:
    return api.set_member(change(keys("csid=A"), heads=[BOB]))


@pytest.mark.parametrize("call", [attach, replace, rule, listed])
def test_the_limit_is_for_calls_too(call: Any) -> None:
    """Seed 002, member.head.attach and member.head.replace."""
    api = open_api(confirm_free_per_month_max=1)
    api.set_member(change(keys(ANN)))
    api.set_member(change(keys("csid=A")))
    (warning,) = warnings_of(call(api))
    check_fault(warning, "CONFIRMATION_FORCED")
    assert waiting(api, BOB)[-1] is True


def test_the_limit_changes_with_the_policy() -> None:
    api = open_api()
    assert imported(api, "ann@example.com") == []
    api.update_policy(policy(confirm_free_per_month_max=1))
    assert imported(api, "bob@example.com", "eve@example.com") == ["eve@example.com"]
    state = api.get_policy().policy
    assert (state.confirm_free_per_month_max, state.members_max) == (1, 0)
    api.update_policy(policy(confirm_free_per_month_max=1, members_max=7))
    assert api.get_policy().policy.members_max == 7
