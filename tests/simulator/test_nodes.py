"""Everything of the API but sends, asked with a real client."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from connector.simulator.routes import UPLOAD_MAX_BYTES
from connector.simulator.server import RunningSimulator, running
from connector.simulator.settings import from_mapping

NUMBER, OTHER, ACCOUNT = "106540352242922", "106540352242923", "102290129340398"
TEMPLATES = [{"name": f"order_{index}", "components": [{"type": "BODY", "text": "Hi"}]} for index in range(3)]
PDF = b"%PDF-1.4\n\x00\xff%%EOF"


@pytest.fixture
async def served() -> AsyncIterator[RunningSimulator]:
    """Two numbers of one account with three templates; a token for one number that may send only."""
    settings = {
        "numbers": [{"id": NUMBER}, {"id": OTHER}],
        "templates": TEMPLATES,
        "tokens": [{"token": "sender", "numbers": [NUMBER], "scopes": ["whatsapp_business_messaging"]}],
    }
    async with running(from_mapping(settings)) as simulator:
        yield simulator


@pytest.fixture
async def client(served: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the token that opens everything."""
    headers = {"Authorization": f"Bearer {served.access_token}"}
    async with httpx.AsyncClient(base_url=served.base_url + "/v26.0", headers=headers) as found:
        yield found


@pytest.fixture
async def sender(served: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the other token."""
    headers = {"Authorization": "Bearer sender"}
    async with httpx.AsyncClient(base_url=served.base_url + "/v26.0", headers=headers) as found:
        yield found


async def upload(client: httpx.AsyncClient, content: bytes = PDF, number: str = NUMBER) -> httpx.Response:
    """Upload a file."""
    files = {"file": ("a.pdf", content, "application/pdf")}
    data = {"messaging_product": "whatsapp", "type": "application/pdf"}
    return await client.post(f"/{number}/media", files=files, data=data)


def error(response: httpx.Response) -> tuple[int, int, int | None]:
    """HTTP status, code and subcode."""
    found = response.json()["error"]
    return response.status_code, found["code"], found.get("error_subcode")


async def test_a_file_goes_up_and_comes_down(client: httpx.AsyncClient) -> None:
    """Upload, look up, download with the bearer: the same bytes and their type."""
    medium_id = (await upload(client)).json()["id"]
    node = (await client.get(f"/{medium_id}")).json()
    assert (node["file_size"], node["sha256"]) == (len(PDF), hashlib.sha256(PDF).hexdigest())
    response = await client.get(node["url"])
    assert (response.status_code, response.content) == (200, PDF)
    assert response.headers["content-type"] == "application/pdf"


async def test_a_download_needs_the_bearer(served: RunningSimulator, client: httpx.AsyncClient) -> None:
    """The URL alone is not enough."""
    medium_id = (await upload(client)).json()["id"]
    url = (await client.get(f"/{medium_id}")).json()["url"]
    async with httpx.AsyncClient() as stranger:
        assert (await stranger.get(url)).status_code == 401
        assert (await stranger.get(url, headers={"Authorization": "Bearer x"})).status_code == 401
    assert url.startswith(served.base_url)


async def test_a_download_that_fails_is_404(client: httpx.AsyncClient) -> None:
    """A URL that was changed, or whose medium was deleted."""
    medium_id = (await upload(client)).json()["id"]
    url = (await client.get(f"/{medium_id}")).json()["url"]
    assert (await client.get(url + "x")).status_code == 404
    assert (await client.delete(f"/{medium_id}")).json() == {"success": True}
    assert (await client.get(url)).status_code == 404
    assert error(await client.get(f"/{medium_id}")) == (400, 100, 33)


async def test_a_url_dies_when_its_time_is_over() -> None:
    """404, and a fresh one works."""
    settings = from_mapping({"numbers": [{"id": NUMBER}], "media": {"url_valid_s": 0}})
    async with running(settings) as simulator:
        headers = {"Authorization": f"Bearer {simulator.access_token}"}
        async with httpx.AsyncClient(base_url=simulator.base_url, headers=headers) as found:
            medium_id = (await upload(found)).json()["id"]
            url = (await found.get(f"/{medium_id}")).json()["url"]
            assert (await found.get(url)).status_code == 404


async def test_a_medium_is_one_numbers(client: httpx.AsyncClient) -> None:
    """Asked for with another number's id it is code 100."""
    medium_id = (await upload(client)).json()["id"]
    assert (await client.get(f"/{medium_id}?phone_number_id={NUMBER}")).status_code == 200
    assert error(await client.get(f"/{medium_id}?phone_number_id={OTHER}")) == (400, 100, None)


async def test_uploads_of_strangers_are_read_by_nobody(served: RunningSimulator) -> None:
    """A wrong token is told so, however large the file."""
    async with httpx.AsyncClient(base_url=served.base_url) as stranger:
        assert error(await upload(stranger, PDF + bytes(3_000_000)))[:2] == (401, 190)


async def test_a_file_beyond_every_limit_is_refused(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read to the end, kept nowhere."""
    monkeypatch.setattr("connector.simulator.routes.UPLOAD_MAX_BYTES", 100_000)
    assert UPLOAD_MAX_BYTES > 100 * 1024 * 1024
    assert error(await upload(client, bytes(200_000)))[1] == 131053


async def test_an_upload_that_is_no_form_is_code_100(client: httpx.AsyncClient) -> None:
    """As is one to a number that does not exist."""
    assert error(await client.post(f"/{NUMBER}/media", content=b"x"))[:2] == (400, 100)
    assert error(await upload(client, number="4711")) == (400, 100, 33)


async def test_many_uploads_at_once_all_arrive(client: httpx.AsyncClient) -> None:
    """They wait for each other, not for ever."""
    answers = await asyncio.gather(*(upload(client, PDF + bytes(index * 1000)) for index in range(20)))
    assert len({answer.json()["id"] for answer in answers}) == 20


async def test_numbers_of_an_account(client: httpx.AsyncClient) -> None:
    """With the fields asked for, page by page."""
    page = (await client.get(f"/{ACCOUNT}/phone_numbers?fields=throughput&limit=1")).json()
    assert page["data"] == [{"throughput": {"level": "STANDARD"}, "id": NUMBER}]
    following = (await client.get(page["paging"]["next"])).json()
    assert [row["id"] for row in following["data"]] == [OTHER]
    assert error(await client.get(f"/{ACCOUNT}/phone_numbers?fields=colour"))[:2] == (400, 100)


async def test_an_account(client: httpx.AsyncClient) -> None:
    """A usual set of fields; health on demand, with everything above it."""
    usual = (await client.get(f"/{ACCOUNT}")).json()
    assert {"id", "name", "currency"} <= set(usual)
    health = (await client.get(f"/{ACCOUNT}?fields=health_status")).json()["health_status"]
    assert [entity["entity_type"] for entity in health["entities"]] == ["WABA", "BUSINESS", "APP"]
    assert error(await client.get("/4711/phone_numbers")) == (400, 100, 33)


async def test_the_health_of_a_number(client: httpx.AsyncClient) -> None:
    """From the number up."""
    node = (await client.get(f"/{NUMBER}?fields=health_status,status,quality_rating")).json()
    types = [entity["entity_type"] for entity in node["health_status"]["entities"]]
    assert types == ["PHONE_NUMBER", "WABA", "BUSINESS", "APP"]
    assert (node["status"], node["quality_rating"]) == ("CONNECTED", "GREEN")


async def test_templates_page_by_page(client: httpx.AsyncClient) -> None:
    """Following next shows each once; each can be read by its id."""
    url, names = f"/{ACCOUNT}/message_templates?limit=2", []
    while url:
        page: dict[str, Any] = (await client.get(url)).json()
        names += [row["name"] for row in page["data"]]
        last_id, url = page["data"][-1]["id"], page["paging"].get("next", "")
    assert names == ["order_0", "order_1", "order_2"]
    assert (await client.get(f"/{last_id}")).json()["name"] == "order_2"
    assert error(await client.get(f"/{ACCOUNT}/message_templates?after=nonsense"))[1] == 131059
    assert error(await client.get(f"/{ACCOUNT}/message_templates?fields=nonsense"))[1] == 100


async def test_the_apps_subscribed_to_an_account() -> None:
    """Ours, unless the account says otherwise; a token that may only send is told nothing."""
    quiet = {"accounts": [{"id": ACCOUNT, "subscribed": False}], "numbers": [{"id": NUMBER}]}
    for settings, count in (({"numbers": [{"id": NUMBER}]}, 1), (quiet, 0)):
        async with running(from_mapping(settings)) as simulator:
            headers = {"Authorization": f"Bearer {simulator.access_token}"}
            async with httpx.AsyncClient(base_url=simulator.base_url, headers=headers) as client:
                apps = (await client.get(f"/{ACCOUNT}/subscribed_apps")).json()["data"]
                own = (await client.get(f"/debug_token?input_token={simulator.access_token}")).json()["data"]["app_id"]
        assert [app["whatsapp_business_api_data"]["id"] for app in apps] == [own] * count


async def test_debug_token(served: RunningSimulator, client: httpx.AsyncClient) -> None:
    """Validity and permissions of another token; it must be named."""
    data = (await client.get("/debug_token?input_token=sender")).json()["data"]
    assert (data["is_valid"], data["scopes"]) == (True, ["whatsapp_business_messaging"])
    assert data["granular_scopes"][0]["target_ids"] == [NUMBER]
    assert error(await client.get("/debug_token"))[:2] == (400, 100)
    async with httpx.AsyncClient(base_url=served.base_url) as other:
        asked = await other.get(f"/debug_token?input_token=x&access_token={served.access_token}")
        assert asked.json()["data"]["is_valid"] is False


async def test_a_token_opens_what_it_is_for(client: httpx.AsyncClient, sender: httpx.AsyncClient) -> None:
    """One number and its media; no other number, no templates, no account."""
    assert (await sender.get(f"/{NUMBER}?fields=throughput")).status_code == 200
    medium_id = (await upload(sender)).json()["id"]
    assert (await sender.get(f"/{medium_id}")).status_code == 200
    assert error(await sender.get(f"/{OTHER}?fields=throughput"))[:2] == (403, 200)
    assert error(await upload(sender, number=OTHER))[:2] == (403, 200)
    for path in (f"/{ACCOUNT}", f"/{ACCOUNT}/message_templates", f"/{ACCOUNT}/phone_numbers"):
        assert error(await sender.get(path))[:2] == (403, 10)
    template_id = (await client.get(f"/{ACCOUNT}/message_templates")).json()["data"][0]["id"]
    assert error(await sender.get(f"/{template_id}"))[:2] == (403, 10)


async def test_looking_makes_no_number_unless_for_its_fields() -> None:
    """Where any id may be a number, an id that is gone is still no number."""
    async with running() as simulator:
        headers = {"Authorization": f"Bearer {simulator.access_token}"}
        async with httpx.AsyncClient(base_url=simulator.base_url, headers=headers) as found:
            assert error(await found.get("/4711")) == (400, 100, 33)
            assert (await found.get("/4711?fields=throughput")).json()["id"] == "4711"
            assert (await found.get("/4711")).status_code == 200


async def test_beyond_the_quota_everything_is_refused() -> None:
    """The usage headers say so, and for how long."""
    settings = from_mapping({"numbers": [{"id": NUMBER}], "usage": {"calls": 4, "code": 4, "block_s": 300}})
    async with running(settings) as simulator:
        headers = {"Authorization": f"Bearer {simulator.access_token}"}
        async with httpx.AsyncClient(base_url=simulator.base_url, headers=headers) as found:
            answers = [await found.get(f"/{NUMBER}") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [400] * 2
    assert answers[-1].json()["error"]["code"] == 4
    told = [httpx.Response(200, text=answer.headers["x-business-use-case-usage"]).json() for answer in answers]
    counts = [next(iter(usage.values()))[0] for usage in told]
    assert [count["call_count"] for count in counts] == [25, 50, 75, 100, 101, 101]
    assert counts[-1]["estimated_time_to_regain_access"] == 5


async def test_urls_may_lead_elsewhere() -> None:
    """To where the simulator is reached from outside."""
    settings = from_mapping({"numbers": [{"id": NUMBER}], "public_url": "https://simulator.example.com"})
    async with running(settings) as simulator:
        headers = {"Authorization": f"Bearer {simulator.access_token}"}
        async with httpx.AsyncClient(base_url=simulator.base_url, headers=headers) as found:
            medium_id = (await upload(found)).json()["id"]
            assert (await found.get(f"/{medium_id}")).json()["url"].startswith("https://simulator.example.com/")
