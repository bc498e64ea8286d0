"""Worked examples."""

from __future__ import annotations

from typing import Any

from cr.catalog import use_cases
from cr.catalog.items import UseCase
from cr.resources.base import Resource


class UseCaseResource(Resource):
    """One use case, wrapped as `use_case`."""

    def __init__(self, request: Any, use_case: UseCase) -> None:
        super().__init__(request)
        self.use_case = use_case
        self.title = use_case.community


class UseCases(Resource):
    title = "Use cases"

    def __getitem__(self, name: str) -> Resource:
        return UseCaseResource(self.request, use_cases.of(self.request)[name]).placed(name, self)
