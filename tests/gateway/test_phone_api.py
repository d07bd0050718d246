"""The phones' API over real sockets: every route, every refusal, and streams that lose nothing."""

import asyncio
import base64
import json
import random
import socket
import sqlite3
import time

from gateway import letters
from gateway.device_auth import HEADER, WINDOW_MS, device_id
from gateway.web import live, phone_api
from gateway.web.rates import Rate
from gateway.web.requests import BODY_MAX_BYTES, b64
from gateway.web.sources import source
from tests.gateway.phone import Phone, befriend, next_event
from tests.gateway.two_gateways import House
from tools.field import until

WAIT_S = 10
SIGNED = [
    ("POST", "/api/post"), ("GET", "/api/letters"), ("GET", "/api/states"), ("GET", "/api/mesh"),
    ("POST", "/api/receipts"), ("GET", "/api/events"),
]  # fmt: skip


def play(tmp_path, story):
    """Run story(house, ana, bo): two registered phones at one gateway."""

    async def scene():
        async with asyncio.timeout(60), House(tmp_path / "a") as house:
            ana, bo = Phone("Ana", house.client), Phone("Bo", house.client)
            befriend(ana, bo)
            await ana.register()
            await bo.register()
            await story(house, ana, bo)

    asyncio.run(scene())


def refused(answer, status, code=None):
    """It is one sentence, and its code if there is one."""
    found, body = answer
    assert found == status, body
    assert set(body) <= {"error", "code"}
    assert body["error"].endswith(".")
    assert body.get("code") == code


# Who asks.


def test_a_device_is_named_by_its_key_and_may_register_again(tmp_path):
    async def story(house, ana, bo):
        first = await ana.register()
        assert first == await ana.register()
        assert first["id"] == device_id(ana.card.ed25519) == ana.card.id
        assert first["uuid"][14] == "8"
        assert first["uuid"].replace("-", "")[:12] == first["id"][:12]
        assert len(house.office.devices) == 2

    play(tmp_path, story)


def test_new_devices_of_pages_in_files_are_few(tmp_path):
    async def story(house, ana, bo):
        async def register(phone, **headers):
            value = {"device": b64(phone.card.ed25519), "boxes": [b64(phone.card.mailbox_key)]}
            return (await phone.ask("PUT", "/api/device", value, **headers))[0]

        file = {"Origin": "null"}
        new = [Phone(f"New {i}", house.client) for i in range(22)]
        assert [await register(phone, **file) for phone in new[:21]] == [200] * 20 + [429]
        assert await register(new[0], **file) == 200, "it is known already"
        assert await register(new[21]) == 200, "who opens the gateway's own page"

    play(tmp_path, story)


def test_a_registration_after_giving_way_is_told_apart(tmp_path):
    async def story(house, ana, bo):
        before = (await ana.register())["since"]
        assert before == (await ana.register())["since"] != ""
        house.desk.db.execute("DELETE FROM device WHERE id = ?", (ana.id,))
        house.office.devices.reload()
        now_s = house.office.now_s()
        house.office.now_s = lambda: now_s + 3600
        assert (await ana.register())["since"] != before

    play(tmp_path, story)


def test_what_is_not_signed_by_a_registered_device_is_refused_everywhere(tmp_path):
    async def story(house, ana, bo):
        stranger = Phone("Mallory", house.client)
        for method, path in SIGNED:
            value = {} if method == "POST" else None
            refused(await stranger.ask(method, path, value), 401, "unknown-device")
            good = ana.sign(method, path, b"" if value is None else b"{}")
            name, ms, signature = good.split(".")
            forged = base64.urlsafe_b64encode(bytes(64)).decode().rstrip("=")
            for header, code in (
                ("", "no-signature"),
                ("rubbish", "no-signature"),
                ("é" * 20, "no-signature"),
                (good + "A", "no-signature"),
                (f"{name.upper()}.{ms}.{signature}", "no-signature"),
                (f"{name}.-1.{signature}", "no-signature"),
                (f"{name}.{ms}.{signature[:-1]}!", "no-signature"),
                (f"{name}.{ms}.{forged}", "false-signature"),
                (f"{bo.id}.{ms}.{signature}", "false-signature"),
                (f"{name}.{int(ms) + 1}.{signature}", "false-signature"),
                (bo.sign(method, path, b"{}").replace(bo.id, name), "false-signature"),
                (ana.sign(method, path + "?x=1", b"{}"), "false-signature"),
                (ana.sign("DELETE", path, b"{}"), "false-signature"),
                (ana.sign(method, path, b"other body"), "false-signature"),
            ):
                answer = await ana.ask(
                    method, path, value, **{HEADER: header.encode().decode("latin1")}
                )
                refused(answer, 401, code)
            answer = await house.client.request(
                method, path, data=None if value is None else b"{}",
                headers={"Content-Type": "application/json"} if value is not None else {},
            )  # fmt: skip
            refused((answer.status, await answer.json()), 401, "no-signature")
        counted = (await ana.done("GET", "/api/mesh"))["refused"]
        assert counted["unknown-device"] == len(SIGNED)
        assert counted["false-signature"] == 7 * len(SIGNED)

    play(tmp_path, story)


def test_a_recorded_request_is_of_no_use_for_long(tmp_path):
    async def story(house, ana, bo):
        now = time.time_ns() // 1_000_000
        for ms in (now - WINDOW_MS - 1000, now + WINDOW_MS + 1000, 0, 10**15):
            refused(await ana.ask("GET", "/api/letters", now_ms=ms), 401, "clock")
        for ms in (now - WINDOW_MS + 60_000, now + WINDOW_MS - 60_000):
            assert (await ana.ask("GET", "/api/letters", now_ms=ms))[0] == 200

    play(tmp_path, story)


def test_what_is_signed_for_one_gateway_is_of_no_use_at_another(tmp_path):
    async def story(house, ana, bo):
        async with House(tmp_path / "b") as other:
            ana.client = other.client
            await ana.register()
            device = {"device": b64(ana.card.ed25519), "boxes": [b64(bytes(16))]}
            for method, path, body in (
                ("GET", "/api/letters", None),
                ("POST", "/api/receipts", {"tokens": [b64(bytes(16))]}),
                ("PUT", "/api/device", device),
            ):
                ana.client = house.client  # it believes to be there
                raw = b"" if body is None else json.dumps(body).encode()
                signed = ana.sign(method, path, raw)
                ana.client = other.client
                refused(
                    await ana.ask(method, path, body, **{HEADER: signed}), 401, "false-signature"
                )
            assert other.office.devices.get(ana.id).boxes == (ana.card.mailbox_key,)

    play(tmp_path, story)


def test_one_address_registers_only_so_many_phones_an_hour(tmp_path, monkeypatch):
    monkeypatch.setattr(phone_api, "REGISTRATIONS", Rate(2, 0.001, "new phones"))
    monkeypatch.setattr(phone_api, "source", lambda remote: where)
    where = "10.0.0.7"

    async def story(house, ana, bo):
        nonlocal where
        crowd = [Phone(f"n{n}", house.client) for n in range(3)]
        value = {"device": b64(crowd[0].card.ed25519), "boxes": [b64(bytes(16))]}
        refused(await crowd[0].ask("PUT", "/api/device", value), 429)
        await ana.register()  # who is known comes again as often as it likes
        where = "10.0.0.8"
        await crowd[0].register()
        assert len(house.office.devices) == 3

    play(tmp_path, story)


def test_a_source_is_an_address_but_of_a_phone_with_many_and_of_this_machine():
    assert source("192.168.4.17") == source("::ffff:192.168.4.17") == "192.168.4.17"
    assert source("2001:db8::1:2:3:4") == source("2001:db8::9") == "2001:db8::/64"
    assert source("fe80::1%wlan0") == "fe80::/64"
    for here in ("127.0.0.1", "::1", "::ffff:127.0.0.1", None, "", "unix"):
        assert source(here) is None


def test_an_old_registration_played_again_changes_nothing(tmp_path):
    async def story(house, ana, bo):
        now = time.time_ns() // 1_000_000
        for ms, box, status in ((now + 5, bytes(16), 200), (now, b"o" * 16, 401)):
            value = {"device": b64(ana.card.ed25519), "boxes": [b64(box)]}
            assert (await ana.ask("PUT", "/api/device", value, now_ms=ms))[0] == status
            assert house.office.devices.get(ana.id).boxes == (bytes(16),)

    play(tmp_path, story)


def test_a_place_that_nobody_signed_lets_nothing_give_way(tmp_path, monkeypatch):
    """A request recorded on the Wi-Fi and sent again with another Last-Event-ID, to a full box."""
    monkeypatch.setattr(letters, "LETTERS_MAX", 2)

    async def story(house, ana, bo):
        device = house.office.devices.get(ana.id)

        def put(number):
            head, bundle = bytes(2) + bytes([number] * 12), bytes([number]) * 218
            house.office.write_now(lambda: house.office.keep(device, head, None, bundle, 1))

        for number in (1, 2, 3):
            put(number)
        path = "/api/events?after=0&wait=0"
        headers = {HEADER: ana.sign("GET", path), "Last-Event-ID": "2"}
        answer = await house.client.get(path, headers=headers)
        assert (answer.status, await answer.json()) == (200, [])
        put(4)
        kept = [row["bundle"][0] for row in house.office.letters.after(ana.id, 0, 9)]
        assert kept == [1, 2]

    play(tmp_path, story)


def test_a_device_registers_itself_and_nobody_else(tmp_path):
    async def story(house, ana, bo):
        box = b64(bytes(16))
        value = {"device": b64(bo.card.ed25519), "boxes": [box]}
        refused(await ana.ask("PUT", "/api/device", value), 401, "false-signature")
        key = b64(ana.card.ed25519)
        for bad in (
            {}, {"device": key}, {"device": key, "boxes": []},
            {"device": key, "boxes": [b64(bytes(15))]}, {"device": key, "boxes": [box] * 38},
            {"device": key, "boxes": [5]}, {"device": key + "=", "boxes": [box]},
            {"device": 5, "boxes": [box]},
            {"device": key.replace(key[0], "+"), "boxes": [box]}, {"device": key, "boxes": box},
        ):  # fmt: skip
            refused(await ana.ask("PUT", "/api/device", bad), 400)

    play(tmp_path, story)


# What is posted.


def good(ana, bo, **changed):
    return ana.seal(bo.card, "hello") | changed


def test_bad_messages_are_refused_and_nothing_is_kept(tmp_path):
    async def story(house, ana, bo):
        whole, long = (
            good(ana, bo),
            ana.seal(bo.card, "\u4e2d\u56fd" + "x" * 999 + json.dumps([*range(500)])),
        )
        k, n, blocks = long["shape"]
        tries = [
            {"mid": ""}, {"mid": b64(bytes(11))}, {"mid": None}, {"mid": 5}, {"mid": "ä"},
            {"b0": -1}, {"b0": 256}, {"b0": True}, {"b0": "2"}, {"b0": 2.0}, {"b0": None},
            {"b0": 0b01000010}, {"b0": 0b00001010}, {"b0": whole["b0"] | 1},
            {"b1": whole["b1"] | 1}, {"b1": whole["b1"] & ~2}, {"b1": whole["b1"] | 8},
            {"hint": b64(bytes(3))}, {"hint": []}, {"bundle": ""}, {"bundle": b64(bytes(217))},
            {"bundle": b64(bytes(219))}, {"bundle": {}}, {"way": b64(b"way")}, {"way": "A"},
            {"way": None}, {"shape": [2, 3, 1]}, {"shape": "no"},
        ]  # fmt: skip
        for changed in tries:
            refused(await ana.ask("POST", "/api/post", {"messages": [whole | changed]}), 400)
        for changed in (
            {"shape": None}, {"shape": [k, n]}, {"shape": [k, n, blocks, 1]}, {"shape": [k, k, 1]},
            {"shape": [k, 255, blocks]}, {"shape": [k, n, 0]}, {"shape": [k, n, 2]},
            {"shape": [0, 1, 1]},
            {"shape": [1, 2, 1]}, {"shape": [k, n, "1"]}, {"tag_key": None}, {"tag_key": ""},
            {"tag_key": b64(bytes(31))}, {"way": b64(b"way"), "b1": long["b1"] | 8},
            {"bundle": b64(bytes(210 * k + 1))}, {"shape": [128, 171, 16]},
            {"b0": long["b0"] & ~1},
        ):  # fmt: skip
            refused(await ana.ask("POST", "/api/post", {"messages": [long | changed]}), 400)
        for value in (
            {}, [], {"messages": {}}, {"messages": []}, {"messages": [whole] * 17},
            {"messages": [5]}, {"messages": [None]}, {"messages": [whole, {}]},
        ):  # fmt: skip
            refused(await ana.ask("POST", "/api/post", value), 400)
        for data in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b'{"messages": "\\ud83d"}'):
            refused(await ana.ask("POST", "/api/post", data=data), 400)
        assert await ana.states() == await bo.letters() == []

    play(tmp_path, story)


def test_all_of_a_request_is_taken_or_nothing(tmp_path):
    async def story(house, ana, bo):
        refused(
            await ana.ask("POST", "/api/post", {"messages": [good(ana, bo), good(ana, bo, b0=3)]}),
            400,
        )
        assert await ana.states() == []
        posted = await ana.post(good(ana, bo), good(ana, bo))
        assert [m["state"] for m in posted] == ["queued", "queued"]

    play(tmp_path, story)


def test_the_longest_messages_fit_and_longer_requests_do_not(tmp_path):
    async def story(house, ana, bo):
        text = "".join(random.Random(1).choices([chr(c) for c in range(0x4E00, 0x9000)], k=21_845))
        await ana.post(ana.seal(bo.card, text))
        assert await bo.read() == [text]
        refused(await ana.ask("POST", "/api/post", data=b" " * (BODY_MAX_BYTES + 1)), 413)

    play(tmp_path, story)


def test_tokens_count_only_for_letters_of_this_device(tmp_path):
    async def story(house, ana, bo):
        await ana.post(ana.seal(bo.card, "hello"))
        (letter,) = await bo.letters()
        _, token = bo.open(letter)
        assert await ana.receipts(token) == 0, "who wrote it knows the token too"
        assert (await ana.states())[-1]["state"] == "queued"
        said = await ana.done("POST", "/api/receipts", {"tokens": [b64(token)]})
        assert said == {"taken": 0, "unknown": [letter["mid"]]}
        assert await bo.receipts(bytes(16), token, token) == 2
        assert await bo.receipts(token) == 1, "again: harmless"
        assert [s["state"] for s in await ana.states()] == ["delivered"]
        for bad in ({}, {"tokens": []}, {"tokens": [b64(bytes(15))]}, {"tokens": [5]},
                    {"tokens": "x"}, {"tokens": [b64(token)] * 65}):  # fmt: skip
            refused(await bo.ask("POST", "/api/receipts", bad), 400)

    play(tmp_path, story)


def test_receipts_of_letters_that_nobody_here_knows_are_few(tmp_path):
    async def story(house, ana, bo):
        tokens = [bytes(12) + n.to_bytes(4, "big") for n in range(64)]
        value = {"tokens": [b64(token) for token in tokens]}
        assert await bo.done("POST", "/api/receipts", value) == {"taken": 0, "unknown": []}
        more = {"tokens": [b64(bytes([1]) * 16)]}
        said = await bo.done("POST", "/api/receipts", more)
        assert len(said["unknown"]) == 1, "its budget is spent: the phone keeps it"
        assert (await ana.done("POST", "/api/receipts", more))["unknown"] == []

    play(tmp_path, story)


def test_odd_numbers_are_refused(tmp_path):
    async def story(house, ana, bo):
        for query in ("after=x", "after=-1", "after=9" + "9" * 30, "after=%D9%A3", "limit=501",
                      "limit=-1", "after="):  # fmt: skip
            for path in ("/api/letters", "/api/states"):
                refused(await ana.ask("GET", f"{path}?{query}"), 400)
        for query in ("wait=61", "wait=", "wait=x", "after=x"):
            refused(await ana.ask("GET", f"/api/events?{query}"), 400)
        answer = await ana.ask("GET", "/api/events", **{"Last-Event-ID": "x"})
        refused(answer, 400)

    play(tmp_path, story)


def test_too_much_of_anything_has_to_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(phone_api, "MESSAGES", phone_api.MESSAGES.__class__(3, 0.01, "messages"))
    monkeypatch.setattr(phone_api, "SOS", phone_api.SOS.__class__(1, 0.001, "emergency calls"))

    async def story(house, ana, bo):
        await ana.post(good(ana, bo), good(ana, bo))
        refused(await ana.ask("POST", "/api/post", {"messages": [good(ana, bo)] * 2}), 429)
        await bo.post(good(bo, ana))  # another phone is not concerned
        await bo.post(bo.seal(ana.card, "help", 3))
        refused(
            await bo.ask("POST", "/api/post", {"messages": [bo.seal(ana.card, "help", 3)]}), 429
        )
        assert len(await ana.states()) == 2

    play(tmp_path, story)


def test_one_phone_does_not_ask_the_gateway_to_death(tmp_path):
    async def story(house, ana, bo):
        statuses = [(await ana.ask("GET", "/api/states"))[0] for _ in range(260)]
        assert 429 in statuses
        assert (await bo.ask("GET", "/api/states"))[0] == 200

    play(tmp_path, story)


def test_a_database_that_refuses_is_a_sentence_too(tmp_path, monkeypatch):
    async def story(house, ana, bo):
        def broken(*_):
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(house.office, "news", broken)
        refused(await ana.ask("GET", "/api/letters"), 503, "database")

    play(tmp_path, story)


# What is told.


def test_letters_come_after_and_up_to(tmp_path):
    async def story(house, ana, bo):
        texts = [f"message {i}" for i in range(5)]
        for text in texts:
            await ana.post(ana.seal(bo.card, text))
        rows = await bo.letters()
        assert [bo.open(row)[0] for row in rows] == texts
        assert await bo.done("GET", "/api/letters?limit=2") == rows[:2]
        assert await bo.letters(rows[2]["seq"]) == rows[3:]
        assert await bo.letters(10**9) == rows, "a number from another life of the box"
        assert await ana.letters() == []

    play(tmp_path, story)


def test_one_number_rises_over_letters_and_states(tmp_path):
    async def story(house, ana, bo):
        for _ in range(3):
            await ana.post(good(ana, bo))
            await bo.post(good(bo, ana))
        events = await ana.done("GET", "/api/events?wait=0")
        seqs = [event["data"]["seq"] for event in events]
        assert seqs == sorted(set(seqs))
        assert [event["event"] for event in events] == ["state", "letter"] * 3
        assert [e["data"] for e in events if e["event"] == "letter"] == await ana.letters()
        for limit_at in range(6):
            rest = await ana.done("GET", f"/api/events?wait=0&after={seqs[limit_at]}")
            assert rest == events[limit_at + 1 :]

    play(tmp_path, story)


def test_the_stream_resumes_without_loss_or_repetition(tmp_path):
    async def story(house, ana, bo):
        async def texts(stream, count):
            return [bo.open((await next_event(stream))[2])[0] for _ in range(count)]

        for text in "ab":
            await ana.post(ana.seal(bo.card, text))
        async with bo.events() as stream:
            assert stream.headers["Content-Type"] == "text/event-stream"
            assert await texts(stream, 1) == ["a"]
            last, _, _ = await next_event(stream)
        for text in "cd":
            await ana.post(ana.seal(bo.card, text))
        path = "/api/events?after=0"  # a browser repeats the old ?after= beside it
        headers = {"Last-Event-ID": str(last)}
        async with house.client.get(
            f"{path}&key={bo.sign('GET', path)}", headers=headers
        ) as stream:
            assert await texts(stream, 2) == ["c", "d"]
            await ana.post(ana.seal(bo.card, "e"))
            assert await texts(stream, 1) == ["e"]
        async with bo.events(last) as stream:
            assert await texts(stream, 3) == ["c", "d", "e"]
        path = "/api/events"
        async with house.client.get(f"{path}?key={bo.sign('GET', path)}") as stream:
            assert await texts(stream, 5) == list("abcde")

    play(tmp_path, story)


def test_a_long_history_comes_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "ROWS_MAX", 3)
    monkeypatch.setattr("gateway.post_office.ANSWER_BYTES_MAX", 500)

    async def story(house, ana, bo):
        wanted = [str(i) for i in range(10)]
        for text in wanted:
            await ana.post(ana.seal(bo.card, text))
        async with bo.events() as stream:
            assert [bo.open((await next_event(stream))[2])[0] for _ in wanted] == wanted

    play(tmp_path, story)


def test_long_poll_waits_for_news(tmp_path):
    async def story(house, ana, bo):
        poll = asyncio.ensure_future(bo.done("GET", "/api/events?wait=25"))
        await until(lambda: bo.id in house.office._listeners, WAIT_S, "the phone to wait")
        await ana.post(ana.seal(bo.card, "hello"))
        (event,) = await asyncio.wait_for(poll, WAIT_S)
        assert bo.open(event["data"])[0] == "hello"
        seq = event["data"]["seq"]
        assert await bo.done("GET", f"/api/events?wait=1&after={seq}") == []
        assert house.office._listeners == {}

    play(tmp_path, story)


def test_heartbeats(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.02)

    async def story(house, ana, bo):
        async with ana.events() as stream:
            lines = [await stream.content.readline() for _ in range(6)]
        assert lines[0] == b"retry: 2000\n"
        assert lines[2:] == [b": still here\n", b"\n"] * 2

    play(tmp_path, story)


def test_listeners_are_counted_and_leave(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "LISTENERS_MAX", 2)
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.02)

    async def story(house, ana, bo):
        async with ana.events(), bo.events() as stream:
            refused(await ana.ask("GET", "/api/events"), 503)
            refused(await ana.ask("GET", "/api/events?wait=5"), 503)
            assert (await ana.ask("GET", "/api/letters"))[0] == 200
            stream.close()

            async def there_is_room():
                return (await ana.ask("GET", "/api/events?wait=0"))[0] == 200

            await until(there_is_room, WAIT_S, "the phone's leaving to be seen")

    play(tmp_path, story)


def test_the_seventh_stream_of_a_phone_ends_its_first(tmp_path):
    async def story(house, ana, bo):
        streams = [await ana.events() for _ in range(live.STREAMS_MAX + 1)]
        rest = await asyncio.wait_for(streams[0].content.read(), WAIT_S)
        assert rest == b"retry: 2000\n\n"
        await bo.post(bo.seal(ana.card, "hello"))
        assert (await next_event(streams[-1]))[1] == "letter"
        for stream in streams:
            stream.close()

    play(tmp_path, story)


def test_shutdown_ends_streams_and_long_polls(tmp_path):
    async def story(house, ana, bo):
        stream = await ana.events()
        poll = asyncio.ensure_future(bo.ask("GET", "/api/events?wait=60"))
        await until(lambda: bo.id in house.office._listeners, WAIT_S, "the phone to wait")
        await asyncio.wait_for(house.server.close(), WAIT_S)
        assert (await stream.content.read()).startswith(b"retry: ")  # whole, in good order
        assert await poll == (200, [])

    play(tmp_path, story)


def test_shutdown_cuts_a_phone_that_reads_nothing(tmp_path):
    async def story(house, ana, bo):
        for site in house.server.runner.sites:
            for listening in site._server.sockets:  # its connections inherit that
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for i in range(6):  # much more than the sockets' buffers hold now
            letters = random.Random(i).choices([chr(c) for c in range(0x4E00, 0x9000)], k=20_000)
            await ana.post(ana.seal(bo.card, "".join(letters)))
        path = "/api/events"
        connection = socket.create_connection((house.server.host, house.server.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        _, writer = await asyncio.open_connection(sock=connection, limit=1024)
        request = f"GET {path}?key={bo.sign('GET', path)} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        writer.write(request.encode())

        def stuck():
            return any(line.is_stuck() for line in house.lines.all())

        try:
            await until(stuck, WAIT_S, "the sockets to be full")
            await asyncio.wait_for(house.server.close(), WAIT_S)
        finally:
            writer.close()

    play(tmp_path, story)


def test_what_the_gateway_tells_of_itself_and_of_the_mesh(tmp_path):
    async def story(house, ana, bo):
        answer = await house.client.get("/api/gateway")
        about = await answer.json()
        assert {"id", "name", "network", "now_ms", "unix_ms", "clock", "run", "way",
                "message_max", "relay", "neighbours", "board"} == set(about)  # fmt: skip
        assert abs(about["now_ms"] - time.time() * 1000) < 5000
        assert about["message_max"] == 65536
        await ana.post(good(ana, bo))
        mesh = await ana.done("GET", "/api/mesh")
        assert (mesh["devices"], mesh["letters"], mesh["letters_waiting"]) == (2, 1, 1)
        assert {"relay", "neighbours"} <= set(mesh)

    play(tmp_path, story)
