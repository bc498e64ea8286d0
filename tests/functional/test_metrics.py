"""/metrics: figures for Prometheus, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from webtest import TestApp

from cr.projections import BY_NAME
from cr.settings import SettingsError
from tests.fixtures.site import MakeApp
from tests.functional.test_api_rules import publish

TOKEN = "a token that only Prometheus knows"


@pytest.fixture
def app(make_app: MakeApp) -> Any:
    return make_app(METRICS_TOKEN=TOKEN)


def scraped(client: TestApp) -> tuple[dict[str, float], str]:
    """Every sample by its name, with its labels where it has some; and the text."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.headers["Cache-Control"] == "private, no-store"
    samples = [each for family in text_string_to_metric_families(answer.text) for each in family.samples]
    return {each.name + "".join(f" {value}" for value in each.labels.values()): each.value for each in samples}, (
        answer.text
    )


def test_the_figures(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    before, _ = scraped(client)
    publish(ada, "Elm Street")
    client.get("/rules")
    client.get("/nowhere", status=404)
    now, text = scraped(client)
    with engine.connect() as connection:
        head = connection.scalar(sa.text("SELECT max(position) FROM events"))
    assert now["cr_log_head"] == head
    assert now["cr_database_up"] == 1
    assert now["cr_database_connections_in_use"] == 0
    assert now["cr_requests_total 2xx"] == before["cr_requests_total 2xx"] + 3
    assert now["cr_requests_total 4xx"] == before["cr_requests_total 4xx"] + 1
    assert now["cr_page_cache_misses_total"] == before["cr_page_cache_misses_total"] + 1
    assert {"cr_page_cache_hits_total", "cr_page_cache_pages", "cr_page_cache_bytes"} <= set(now)
    assert now["cr_page_cache_listening"] == 0
    assert now["process_start_time_seconds"] > 0
    for name in BY_NAME:
        assert now[f"cr_projection_stale {name}"] == 0
        assert now[f"cr_projection_position {name}"] == head
        assert now[f"cr_projection_lag {name}"] == 0
    for told in ("ada", "Elm", TOKEN):
        assert told not in text


def test_a_read_model_that_is_old_is_stale(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    publish(ada, "Elm Street")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE projections SET version = 'older' WHERE name = 'rules'"))
    now, _ = scraped(client)
    assert now["cr_projection_stale rules"] == 1
    assert now["cr_projection_lag rules"] == now["cr_log_head"]
    assert now["cr_projection_lag revisions"] == 0
    assert now["cr_projection_stale revisions"] == 0


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_is_written_in_any_case(client: TestApp, scheme: str) -> None:
    assert "cr_database_up" in client.get("/metrics", headers={"Authorization": f"{scheme} {TOKEN}"})


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer ä",
        f"Bearer {TOKEN} ",
        f"Bearer{TOKEN}",
    ],
)
def test_whoever_lacks_the_token_learns_nothing(client: TestApp, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": token}
    answer = client.get("/metrics", headers=headers, status=401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.body == b""


def test_without_a_token_there_is_nothing_at_that_address(make_app: MakeApp) -> None:
    client = TestApp(make_app())
    for method in ("GET", "POST"):
        answers = [client.request(path, method=method, status=404) for path in ("/metrics", "/nowhere")]
        metrics, nowhere = (each.text.replace(each.headers["X-Request-Id"], "") for each in answers)
        assert metrics == nowhere


@pytest.mark.parametrize("url", [None, "postgres://nobody@127.0.0.1:1/nothing"])
def test_without_the_database_it_says_so(make_app: MakeApp, url: str | None) -> None:
    now, _ = scraped(TestApp(make_app(METRICS_TOKEN=TOKEN, CLOUDRON_POSTGRESQL_URL=url)))
    assert now["cr_database_up"] == 0
    assert "cr_log_head" not in now
    assert "cr_page_cache_pages" in now


def test_a_token_that_can_be_guessed_is_refused(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError, match="METRICS_TOKEN: set it to a secret of at least 16 characters"):
        make_app(METRICS_TOKEN="too short")
