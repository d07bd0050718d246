"""Devices of one account that announce at the same moment, over gossip in any order: they end with
one list, and none of them removes another without meaning to."""

import contextlib
import random
from dataclasses import replace

import pytest

from gateway.database import get_meta, set_meta
from gateway.desk import Desk
from gateway.directory import CONFLICT
from gateway.directory_records import decode, device_hash, sign_account
from gateway.errors import UserError
from gateway.identity import Identity
from gateway.own_records import change_account_key, note_conflict, own_records, remove_device

LOOKS_MAX = 100  # of each device
QUIET = 20  # so many in which nobody had anything to say: they are done


class Kin:
    """Devices of one account, each with a directory of its own; what one signs reaches all others,
    in any order, once or more."""

    def __init__(self, folder, count, dice):
        self.dice = dice
        self.desks = [Desk(folder / str(n)) for n in range(count)]
        first = Identity.new("Ana").seeds()
        for n, desk in enumerate(self.desks):
            desk.restore_identity(Identity.load(replace(first, signing=bytes([n + 1]) * 32)))
        self.on_the_way = []
        self.signed = set()
        self.out = {}  # desk -> why it is not announced

    def look(self, desk):
        """What the gateway of a device does each minute. True if it said something new."""
        try:
            account, _ = own_records(desk, desk.directory, chance=self.dice.random)
        except UserError as e:
            self.out[desk] = str(e)
            return False
        self.out.pop(desk, None)
        if desk.directory.take(account, 0, 0, 0) == CONFLICT:
            note_conflict(desk, account)
        if account in self.signed:
            return False
        self.signed.add(account)
        copies = [(other, account) for other in self.desks if other is not desk]
        self.on_the_way += copies * self.dice.randint(1, 2)
        return True

    def deliver(self):
        desk, account = self.on_the_way.pop(self.dice.randrange(len(self.on_the_way)))
        if desk.directory.take(account, 0, 0, 0) == CONFLICT:
            note_conflict(desk, account)

    def settle(self):
        """Looks and deliveries in any order, until nobody has anything new to say."""
        quiet = 0
        for _ in range(LOOKS_MAX):
            news = bool(self.on_the_way)
            for desk in self.dice.sample(self.desks, len(self.desks)):
                news |= self.look(desk)
                for _ in range(self.dice.randint(0, len(self.on_the_way))):
                    self.deliver()
            quiet = 0 if news else quiet + 1
            if quiet == QUIET:
                return
        raise AssertionError(f"they never agree: {len(self.signed)} lists")

    def entry(self, desk):
        return desk.directory.entry(desk.identity().card.account)

    def agreed(self):
        """The ids that all directories list, without a conflict."""
        found = {(self.entry(d).devices, self.entry(d).rival) for d in self.desks}
        assert len(found) == 1, found
        ((devices, rival),) = found
        assert rival is None
        return set(devices)

    def ids(self, desks):
        return {device_hash(d.identity().card.ed25519) for d in desks}


@contextlib.contextmanager
def kin(folder, count, seed):
    made = Kin(folder, count, random.Random(seed))
    yield made
    for desk in made.desks:
        desk.close()


@pytest.mark.parametrize("seed", range(12))
def test_two_that_begin_at_once_end_with_one_list_of_both(tmp_path, seed):
    with kin(tmp_path, 2, seed) as both:
        for desk in both.desks:
            both.look(desk)  # neither has heard of the other
        both.settle()
        assert both.agreed() == both.ids(both.desks)
        assert both.out == {}
        assert len(both.signed) <= 10


@pytest.mark.parametrize("seed", range(8))
def test_three_agree_and_nobody_who_heard_of_the_others_in_time_is_forgotten(tmp_path, seed):
    with kin(tmp_path, 3, seed) as three:
        for desk in three.desks:
            three.look(desk)
        while three.on_the_way:  # whatever each knows of it, all were contested
            three.deliver()
        three.settle()
        assert three.agreed() == three.ids(three.desks)
        assert three.out == {}


@pytest.mark.parametrize("seed", range(6))
def test_who_is_removed_stays_so_whatever_comes_late(tmp_path, seed):
    with kin(tmp_path, 3, seed) as three:
        for desk in three.desks:  # one after the other: each joins
            three.look(desk)
            while three.on_the_way:
                three.deliver()
        three.settle()
        assert three.agreed() == three.ids(three.desks)
        keeps, lost, third = three.dice.sample(three.desks, 3)
        remove_device(keeps, lost.identity().card.id)
        third.create_identity("Ana B")  # which says something at the same moment
        three.settle()
        assert three.agreed() == three.ids([keeps, third])
        assert "has removed this one" in three.out[lost]
        late = list(three.signed)  # every list there ever was comes once more
        three.on_the_way = [(desk, account) for desk in three.desks for account in late]
        three.settle()
        assert three.agreed() == three.ids([keeps, third])
        assert lost in three.out


def test_several_names_and_next_keys_of_one_account_are_no_dispute(tmp_path):
    with kin(tmp_path, 2, 1) as both:
        one, two = both.desks
        two.create_identity("Anna")  # it calls itself so on that device
        both.settle()
        lists = len(both.signed)
        for _ in range(5):
            both.settle()
        assert len(both.signed) == lists, "nobody has anything new to say"
        one.create_identity("Ana C")
        both.settle()
        assert {both.entry(d).record.name for d in both.desks} == {"Ana C"}


def test_the_account_s_key_is_changed_where_the_next_one_was_drawn(tmp_path):
    with kin(tmp_path, 2, 1) as both:
        one, two = both.desks
        both.look(one)
        while both.on_the_way:
            both.deliver()
        both.look(two)  # joins, and commits to the key that it has drawn
        both.settle()
        with pytest.raises(UserError, match="drawn the key that follows"):
            change_account_key(one)
        remove_device(one, two.identity().card.id)
        both.settle()
        before = one.identity().card.account
        change_account_key(one)
        assert one.identity().card.account != before


def test_a_list_that_was_lost_before_it_left_is_signed_anew(tmp_path):
    with kin(tmp_path, 2, 1) as both:
        both.settle()
        one = both.desks[0]
        one.create_identity("Ana B")
        own_records(one, one.directory)  # and the power went
        newest = decode(own_records(one, one.directory)[0])
        assert newest.name == "Ana B"
        assert newest.sequence == int.from_bytes(get_meta(one.db, "account_sequence"), "big")


def test_a_removal_that_meets_a_list_of_the_same_number_holds_in_the_end(tmp_path):
    with kin(tmp_path, 2, 3) as both:
        both.settle()
        one, two = both.desks
        remove_device(one, two.identity().card.id)
        both.look(one)
        two.create_identity("Ana B")
        both.look(two)
        both.settle()
        assert both.agreed() == both.ids([one])
        assert two in both.out


def test_a_higher_list_by_somebody_else_without_us_is_a_removal(tmp_path):
    with contextlib.closing(Desk(tmp_path)) as desk:
        desk.create_identity("Ana")
        first = decode(own_records(desk, desk.directory)[0])
        other = replace(first, sequence=first.sequence + 1, devices=(b"another1",))
        desk.directory.take(sign_account(desk.identity().account, first), 0, 0, 0)
        desk.directory.take(sign_account(desk.identity().account, other), 0, 0, 0)
        with pytest.raises(UserError, match="has removed this one"):
            own_records(desk, desk.directory)
        set_meta(desk.db, "account_contested", first.sequence.to_bytes(4, "big"))
        joined = decode(own_records(desk, desk.directory)[0])
        assert set(joined.devices) == {*first.devices, *other.devices}


@pytest.mark.parametrize("other", [bytes(8), b"\xff" * 8])
def test_a_conflict_ends_in_a_list_of_both_and_the_lowest_speaks_first(tmp_path, other):
    with contextlib.closing(Desk(tmp_path)) as desk:
        desk.create_identity("Ana")
        first = decode(own_records(desk, desk.directory)[0])
        desk.directory.take(sign_account(desk.identity().account, first), 0, 0, 0)
        rival = sign_account(desk.identity().account, replace(first, devices=(other,)))
        desk.directory.take(rival, 0, 0, 0)
        ended = own_records(desk, desk.directory, chance=lambda: 0.0)
        assert decode(ended[0]).devices == tuple(sorted((*first.devices, other)))
        desk.directory.take(ended[0], 0, 0, 0)
        both = decode(ended[0])
        again = sign_account(desk.identity().account, replace(both, next_key=bytes(16)))
        desk.directory.take(again, 0, 0, 0)
        said = decode(own_records(desk, desk.directory, chance=lambda: 1.0)[0])
        assert said.sequence == both.sequence + (first.devices[0] < other)
