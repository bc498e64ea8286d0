"""What a person has here, and their account."""

from __future__ import annotations

from pyramid.authorization import Allow, Authenticated

from cr.resources.base import Resource
from cr.security import Permission


class Account(Resource):
    """The address by which somebody signs in, and where they are signed in."""

    title = "Your account"


class Profile(Resource):
    """Of whoever asks."""

    title = "Profile"
    __acl__ = [(Allow, Authenticated, Permission.ACCOUNT_OWN)]
    children = {"account": Account}
