"""The sandbox's own promises: test money only, and one truth for all processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.gateway import Gateway, OutcomeUnknown, ParamsDrift, Payment, Rejected
from ledger.payments.sandbox import Sandbox, SandboxInProduction
from ledger.payments.sandbox_books import MemoryBooks, SandboxBooks
from ledger.payments.sandbox_states import fee
from ledger.store import sandbox_batch
from ledger.store.pool import open_pool
from ledger.store.sandbox_books import PostgresBooks
from ledger.store.sandbox_sheets import SheetMoved
from tests.payments.conftest import NOON
from tests.payments.sandbox_stage import SandboxStage, sandbox_stage
from tests.payments.stage import eur

THREADS = 8


def sandbox(books: SandboxBooks | None = None) -> Sandbox:
    return Sandbox(books=books or MemoryBooks(), clock=VirtualClock(NOON))


def stage_on(books: SandboxBooks) -> SandboxStage:
    return sandbox_stage(books, NOON)


def at_once(sandboxes: list[Sandbox], call: Callable[[Sandbox, int], object]) -> list[object]:
    """What each sandbox answered, or the error it raised, all asked together."""

    def outcome(number: int) -> object:
        try:
            return call(sandboxes[number], number)
        except (ParamsDrift, Rejected) as error:
            return error

    with ThreadPoolExecutor(max_workers=len(sandboxes)) as threads:
        return list(threads.map(outcome, range(len(sandboxes))))


def kinds(answers: list[object]) -> Counter[str]:
    return Counter(type(answer).__name__ for answer in answers)


def paying(gateway: Gateway, customer_id: str, attempt: UUID, amount: Money) -> Payment:
    return gateway.start_onsession(
        attempt=attempt, customer_id=customer_id, method="pm_card_visa", amount=amount, save=False
    )


# --- test money only --------------------------------------------------------------------


def test_the_sandbox_refuses_production_unless_told() -> None:  # part of OR9
    with pytest.raises(SandboxInProduction):
        Sandbox(books=MemoryBooks(), clock=VirtualClock(NOON), production=True)
    told = Sandbox(
        books=MemoryBooks(), clock=VirtualClock(NOON), production=True, allowed_in_production=True
    )
    assert told.identify().mode == "test"


def test_an_account_may_be_named() -> None:
    named = Sandbox(books=MemoryBooks(), clock=VirtualClock(NOON), account="demo")
    assert (named.identify().account, named.identify().mode) == ("demo", "test")


@pytest.mark.parametrize(
    ("minor", "expected"), [(1, 25), (33, 25), (34, 26), (1200, 43), (10_000, 175)]
)
def test_a_fee_is_whole_minor_units(minor: int, expected: int) -> None:
    assert fee(eur(minor)) == eur(expected)


@given(st.lists(st.integers(min_value=-1, max_value=1300), max_size=8), st.booleans())
def test_the_balance_is_what_the_refunds_left(asked: list[int], fails: bool) -> None:  # part of OR2
    stage = stage_on(MemoryBooks())
    payment = stage.pay("pm_card_refundFail" if fails else "pm_card_visa")
    left = 1200
    for minor in asked:
        if 0 < minor <= left:
            left -= minor
            stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(minor))
        else:
            with pytest.raises(Rejected):
                stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(minor))
    stage.clock.advance(timedelta(days=2))
    moved = stage.gateway.list_movements(since=NOON, until=NOON + timedelta(days=2))
    balance = sum(movement.amount.minor for movement in moved)
    assert balance == (1200 if fails else left) - fee(eur(1200)).minor


@pytest.mark.parametrize("action", ["", "sandbox_action_x", f"sandbox_action_{UUID(int=1).hex}"])
def test_nothing_waits_for_an_unknown_confirmation(action: str) -> None:
    with pytest.raises(Rejected):
        sandbox().authenticate(action=action, approved=True)


# --- one truth for all processes --------------------------------------------------------


def test_a_restart_loses_nothing(database: str) -> None:
    with open_pool(database) as pool:
        before = stage_on(PostgresBooks(pool))
        method, payment = before.saved(), before.pay("pm_card_refundFail")
        refund = before.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(700))
    with open_pool(database) as pool:
        after = sandbox(PostgresBooks(pool))
        assert after.get_payment(payment_id=payment.id) == payment
        assert after.get_refund(gateway_refund_id=refund.id) == refund
        later = after.charge_offsession(
            attempt=uuid4(), customer_id=before.customer_id, method_id=method.id, amount=eur(1)
        )
        assert later.status == "succeeded"


@pytest.fixture
def sandboxes(postgres_books: PostgresBooks) -> list[Sandbox]:
    """One for each thread, as if each were a process of its own."""
    return [sandbox(postgres_books) for _ in range(THREADS)]


def test_many_at_once_with_one_key_pay_once(sandboxes: list[Sandbox]) -> None:  # part of OR1
    attempt, customer = uuid4(), sandboxes[0].ensure_customer(member_id=uuid4())
    answers = at_once(sandboxes, lambda one, _: paying(one, customer.id, attempt, eur(1200)))
    assert kinds(answers) == {"Payment": THREADS}
    assert len(set(answers)) == 1
    assert len(sandboxes[0].list_movements(since=NOON, until=NOON + timedelta(1))) == 1


def test_of_many_amounts_at_once_with_one_key_one_is_paid(sandboxes: list[Sandbox]) -> None:
    attempt, customer = uuid4(), sandboxes[0].ensure_customer(member_id=uuid4())
    answers = at_once(sandboxes, lambda one, n: paying(one, customer.id, attempt, eur(100 + n)))
    assert kinds(answers) == {"Payment": 1, "ParamsDrift": THREADS - 1}
    assert len(sandboxes[0].list_movements(since=NOON, until=NOON + timedelta(1))) == 1


def test_refunds_at_once_stay_within_what_was_paid(sandboxes: list[Sandbox]) -> None:  # part of OR2
    customer = sandboxes[0].ensure_customer(member_id=uuid4())
    payment = paying(sandboxes[0], customer.id, uuid4(), eur(1200))

    def give_back(one: Sandbox, _: int) -> object:
        return one.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(400))

    assert kinds(at_once(sandboxes, give_back)) == {"Refund": 3, "Rejected": THREADS - 3}


def test_one_refund_key_serves_one_payment(sandboxes: list[Sandbox]) -> None:
    customer, refund_id = sandboxes[0].ensure_customer(member_id=uuid4()), uuid4()
    payments = [paying(one, customer.id, uuid4(), eur(1200)) for one in sandboxes]

    def give_back(one: Sandbox, n: int) -> object:
        return one.refund(refund_id=refund_id, payment_id=payments[n].id, amount=eur(400))

    assert kinds(at_once(sandboxes, give_back)) == {"Refund": 1, "ParamsDrift": THREADS - 1}


def test_books_out_of_reach_leave_the_outcome_unknown(database: str) -> None:
    with open_pool(database, max_size=1) as pool:
        stage = stage_on(PostgresBooks(pool))
        hang_up(database)
        attempt = uuid4()
        with pytest.raises(OutcomeUnknown, match=str(attempt)):
            paying(stage.gateway, stage.customer_id, attempt, eur(1200))
        assert paying(stage.gateway, stage.customer_id, attempt, eur(1200)).status == "succeeded"


def hang_up(database: str) -> None:
    """End every other connection to this database."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


# --- batches ----------------------------------------------------------------------------


def test_a_batch_is_written_at_its_end(postgres_books: PostgresBooks) -> None:
    inside, outside = sandbox(postgres_books), sandbox(postgres_books)
    customer = outside.ensure_customer(member_id=uuid4())
    with inside.batch():
        payment = paying(inside, customer.id, uuid4(), eur(1200))
        assert inside.get_payment(payment_id=payment.id) == payment
        with pytest.raises(Rejected):
            outside.get_payment(payment_id=payment.id)
    assert outside.get_payment(payment_id=payment.id) == payment
    assert inside.get_payment(payment_id=payment.id) == payment


def test_a_flush_makes_a_batch_safe_so_far(postgres_books: PostgresBooks) -> None:
    inside, outside = sandbox(postgres_books), sandbox(postgres_books)
    customer = outside.ensure_customer(member_id=uuid4())
    with inside.batch() as batch:
        payment = paying(inside, customer.id, uuid4(), eur(1200))
        batch.flush()
        assert outside.get_payment(payment_id=payment.id) == payment


def test_a_batch_that_breaks_keeps_what_was_answered(postgres_books: PostgresBooks) -> None:
    inside = sandbox(postgres_books)
    customer = inside.ensure_customer(member_id=uuid4())
    attempt = uuid4()

    def break_off() -> None:
        with inside.batch():
            paying(inside, customer.id, attempt, eur(1200))
            inside.get_payment(payment_id="nobody's")

    with pytest.raises(Rejected):
        break_off()
    found = sandbox(postgres_books).find_payment(attempt=attempt, customer_id=customer.id)
    assert found is not None
    assert found.status == "succeeded"


def test_a_batch_knows_what_was_there_before(postgres_books: PostgresBooks) -> None:
    stage = stage_on(postgres_books)
    attempt, refund_id = uuid4(), uuid4()
    paid = paying(stage.gateway, stage.customer_id, attempt, eur(1200))
    inside = sandbox(postgres_books)
    refund = inside.refund(refund_id=refund_id, payment_id=paid.id, amount=eur(500))
    with inside.batch():
        assert paying(inside, stage.customer_id, attempt, eur(1200)) == paid
        with pytest.raises(ParamsDrift):
            paying(inside, stage.customer_id, attempt, eur(1300))
        again = inside.refund(refund_id=refund_id, payment_id=paid.id, amount=eur(500))
        assert again == refund
        inside.refund(refund_id=uuid4(), payment_id=paid.id, amount=eur(600))
        with pytest.raises(Rejected):
            inside.refund(refund_id=uuid4(), payment_id=paid.id, amount=eur(101))
    with pytest.raises(Rejected, match=r"1\.00 EUR is left"):
        inside.refund(refund_id=uuid4(), payment_id=paid.id, amount=eur(101))


def test_a_long_batch_forgets_and_reads_again(
    postgres_books: PostgresBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_batch, "FLUSH_AT_SHEETS", 3)
    monkeypatch.setattr(sandbox_batch, "REMEMBERED_SHEETS", 1)
    stage = stage_on(postgres_books)
    inside = sandbox(postgres_books)
    with inside.batch():
        made = [paying(inside, stage.customer_id, uuid4(), eur(n)) for n in range(1, 11)]
        for payment in made:
            inside.refund(refund_id=uuid4(), payment_id=payment.id, amount=payment.amount)
            assert inside.get_payment(payment_id=payment.id) == payment
    moved = inside.list_movements(since=NOON, until=NOON + timedelta(1))
    assert len(moved) == 20
    assert sum(movement.amount.minor for movement in moved) == 0


def test_a_batch_never_overwrites_a_payment(postgres_books: PostgresBooks) -> None:
    stage, inside, attempt = stage_on(postgres_books), sandbox(postgres_books), uuid4()

    def cross() -> None:
        with inside.batch():
            paying(inside, stage.customer_id, attempt, eur(900))
            paying(stage.gateway, stage.customer_id, attempt, eur(800))

    with pytest.raises(SheetMoved):
        cross()
    found = inside.find_payment(attempt=attempt, customer_id=stage.customer_id)
    assert found is not None
    assert found.amount == eur(800)


def test_a_batch_never_overwrites_a_refund(postgres_books: PostgresBooks) -> None:
    stage, inside, attempt = stage_on(postgres_books), sandbox(postgres_books), uuid4()
    paid = stage.pay()

    def cross() -> None:
        with inside.batch():
            paying(inside, stage.customer_id, attempt, eur(900))
            inside.refund(refund_id=uuid4(), payment_id=paid.id, amount=eur(1200))
            stage.gateway.refund(refund_id=uuid4(), payment_id=paid.id, amount=eur(1200))

    with pytest.raises(SheetMoved):
        cross()
    assert inside.find_payment(attempt=attempt, customer_id=stage.customer_id) is None
    moved = inside.list_movements(since=NOON, until=NOON + timedelta(1))
    assert [movement.kind for movement in moved] == ["payment", "refund"]
