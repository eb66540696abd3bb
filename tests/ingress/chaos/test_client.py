"""The client that redelivers."""

import asyncio

from tests.ingress.chaos.client import Connection


def test_a_connection_that_the_server_ended_while_it_was_idle_is_not_a_lost_webhook() -> None:
    """It is no refusal of the server that is there now: a client that keeps connections opens another."""

    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def play() -> list[int]:
        server = await asyncio.start_server(answers_once, "127.0.0.1", 0)
        async with server:
            connection = Connection(server.sockets[0].getsockname()[1])
            statuses = [await connection.post(b"", "")]
            async with asyncio.timeout(10):
                while not connection.ended:  # noqa: ASYNC110 - the end of a connection sets no event
                    await asyncio.sleep(0)
            statuses.append(await connection.post(b"", ""))
            connection.close()
        return statuses

    assert asyncio.run(play()) == [200, 200]
