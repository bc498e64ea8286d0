"""Figures for Prometheus. No person and no text of a rule is in them, but they are nobody's but the operators'."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from pyramid.response import Response
from pyramid.view import view_config

from cr.headers import not_kept
from cr.mail import outbox
from cr.projections.rebuild import Status, status
from cr.resources.root import Metrics


@view_config(context=Metrics, request_method="GET")
def metrics(request: Any) -> Response:
    request.add_response_callback(not_kept)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # Compared as bytes, for a header may hold what is no ASCII.
    knows = hmac.compare_digest(token.lstrip(" ").encode(), request.settings.metrics_token.encode())
    if scheme.lower() != "bearer" or not knows:
        return Response(status=401, headerlist=[("WWW-Authenticate", "Bearer")])
    return Response(generate_latest(Figures(request.registry)), headerlist=[("Content-Type", CONTENT_TYPE_LATEST)])


class Figures:
    """What `generate_latest` asks. Read anew every time: nothing outlives the answer."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        yield from ProcessCollector(registry=None).collect()
        yield self._answers()
        yield from self._of_page_cache()
        yield from self._of_database()

    def _answers(self) -> Metric:
        requests = CounterMetricFamily("cr_requests", "Requests answered, by the class of status.", labels=["status"])
        for digit in "2345":
            requests.add_metric([f"{digit}xx"], self._registry["cr.answers"][digit])
        return requests

    def _of_page_cache(self) -> Iterator[Metric]:
        figures = self._registry["cr.page_cache"].figures()
        yield CounterMetricFamily("cr_page_cache_hits", "Pages answered from memory.", figures.hits)
        yield CounterMetricFamily("cr_page_cache_misses", "Pages made anew that may be kept.", figures.misses)
        yield GaugeMetricFamily("cr_page_cache_pages", "Pages kept.", figures.pages)
        yield GaugeMetricFamily("cr_page_cache_bytes", "Memory that they take.", figures.bytes)
        yield GaugeMetricFamily(
            "cr_page_cache_listening", "Whether changes of other processes are heard of.", figures.trusted
        )

    def _of_database(self) -> Iterator[Metric]:
        engine: sa.Engine | None = self._registry["cr.engine"]
        found: list[Status] | None = None
        mail: outbox.Figures | None = None
        if engine is not None:
            pool: Any = engine.pool
            yield GaugeMetricFamily("cr_database_connections_in_use", "Of the pool.", pool.checkedout())
            found, mail = _read(engine)
        yield GaugeMetricFamily("cr_database_up", "Whether the database answers.", found is not None)
        if found is None or mail is None:
            return
        yield GaugeMetricFamily("cr_log_head", "Position of the last event.", max(each.head for each in found))
        position = GaugeMetricFamily(
            "cr_projection_position", "Up to where the log is in rows as the code wants them.", labels=["projection"]
        )
        lag = GaugeMetricFamily("cr_projection_lag", "Positions between it and the head.", labels=["projection"])
        stale = GaugeMetricFamily(
            "cr_projection_stale", "Whether the code would make other rows.", labels=["projection"]
        )
        for each in found:
            position.add_metric([each.name], each.position)
            lag.add_metric([each.name], each.lag)
            stale.add_metric([each.name], each.stale)
        yield from (position, lag, stale)
        yield GaugeMetricFamily("cr_mail_waiting", "Mails that are to be sent yet.", mail.waiting)
        yield GaugeMetricFamily("cr_mail_failed", "Mails that were given up, of the last 60 days.", mail.failed)
        age = (self._registry["cr.clock"]() - mail.oldest).total_seconds() if mail.oldest else 0
        yield GaugeMetricFamily("cr_mail_oldest_waiting_seconds", "How long the oldest of those has waited.", age)


def _read(engine: sa.Engine) -> tuple[list[Status] | None, outbox.Figures | None]:
    """Nothing when the database is away."""
    try:
        with engine.connect() as connection:
            return status(connection), outbox.figures(connection)
    except sa.exc.SQLAlchemyError:
        return None, None
