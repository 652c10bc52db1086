"""How much of a request is read, and how long."""

import anyio
import pytest

pytest.importorskip('starlette', reason='the page is not installed: pip install -e .[demo]')

from starlette.requests import ClientDisconnect, Request  # noqa: E402

from surge_mmdet.demo.web import limits  # noqa: E402


def request(*messages, then=None) -> Request:
    """A request whose body comes in these messages; after them nothing does, or ``then``."""
    waiting = list(messages)

    async def receive():
        if waiting:
            return dict(type='http.request', body=waiting.pop(0), more_body=True)
        if then is None:
            await anyio.sleep(60)
        return then

    scope = dict(type='http', method='POST', headers=[], path='/', query_string=b'')
    return Request(scope, receive)


END = dict(type='http.request', body=b'!', more_body=False)


def test_a_body_comes_in_parts():
    assert anyio.run(limits.read_body, request(b'ab', b'', b'c', then=END), 4) == b'abc!'


def test_a_body_that_stops_coming_is_given_up():
    with pytest.raises(limits.SlowBody, match='did not arrive within 0.05 seconds. Try again'):
        anyio.run(limits.read_body, request(b'ab'), 10, 0.05)


def test_one_byte_too_many():
    with pytest.raises(limits.TooLarge, match='has more than 3e-06 MB'):
        anyio.run(limits.read_body, request(b'ab', b'c', then=END), 3)


def test_what_is_far_too_much_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(limits, 'DROPPED', 10)
    with pytest.raises(limits.TooLarge):
        anyio.run(limits.read_body, request(*[b'123456'] * 3), 5)  # the end never comes


def test_a_client_that_goes_away():
    with pytest.raises(ClientDisconnect):
        anyio.run(limits.read_body, request(b'ab', then=dict(type='http.disconnect')), 10)


@pytest.mark.parametrize('message', [END, None])
def test_a_body_can_be_dropped(message, monkeypatch):
    monkeypatch.setattr(limits, 'SECONDS_TO_DROP', 0.05)
    assert anyio.run(limits.drop_body, request(b'ab', then=message)) is None


def test_one_at_a_time_in_the_order_they_came():
    seen = []

    async def one(gate, number):
        async with gate.turn(request()):
            seen.append(number)
            await anyio.sleep(0.01)
            seen.append(number)

    async def main():
        gate = limits.Gate(8)
        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(one, gate, number)

    anyio.run(main)
    assert seen == [0, 0, 1, 1, 2, 2, 3, 3]


def test_who_goes_away_gives_up_place_and_turn_at_once():
    """While another one still computes."""
    seen = []

    async def main():
        gate = limits.Gate(2)

        async def abandoned():
            with gate.enter():
                with pytest.raises(ClientDisconnect):
                    async with gate.turn(request(then=dict(type='http.disconnect'))):
                        seen.append('computed for nobody')
            seen.append('gone')

        with gate.enter():
            async with gate.turn(request()), anyio.create_task_group() as tasks:
                tasks.start_soon(abandoned)
                with anyio.fail_after(30):
                    while 'gone' not in seen:
                        await anyio.sleep(0)
                assert gate.inside == 1
        async with gate.turn(request()):  # nobody else holds it
            seen.append('next')

    anyio.run(main)
    assert seen == ['gone', 'next']
