"""What every node of the tree shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self
from uuid import UUID


class Resource:
    """A node. `children` are the fixed names below it; nodes found by id override `__getitem__`."""

    __name__: str | None = None
    __parent__: Resource | None = None
    __acl__: Any = ()
    children: ClassVar[dict[str, Callable[[Any], Resource]]] = {}
    found: ClassVar[dict[str, type[Resource]]] = {}
    """The kinds of nodes that `__getitem__` finds in its own way, by name, or by what stands for an id ("{id}")."""
    title = ""
    refusal = ""
    """What is said to somebody who may not do something here or further down; "" where the common sentence will do."""

    def __init__(self, request: Any) -> None:
        self.request = request

    def __getitem__(self, name: str) -> Resource:
        return self.children[name](self.request).placed(name, self)

    def placed(self, name: str, parent: Resource) -> Self:
        """This node, told where it hangs: without it `request.resource_url` could not find the way back."""
        self.__name__ = name
        self.__parent__ = parent
        return self


def uuid_or_keyerror(name: str) -> UUID:
    """The id in canonical form only, so that every thing has one address and nonsense never reaches the database."""
    try:
        identifier = UUID(name)
    except ValueError:
        raise KeyError(name) from None
    if str(identifier) != name:
        raise KeyError(name)
    return identifier
