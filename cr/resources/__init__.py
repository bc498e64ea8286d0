"""The tree of URLs: every address of the site is a walk through these resources.

    /                               Root
    ├── login                       Login
    ├── drafts                      Drafts             my drafts
    │   └── {id}                    DraftResource      one draft; views history, publish, discard
    │       └── {part}              Part               about, values, communication, membership, decisions, conflict
    ├── rules                       RulesResource      published rules
    │   └── {id}                    RuleResource       the rule in force; views history, edit
    │       └── revisions
    │           └── {n}             Revision           one revision, for ever at this address
    └── api                         Api                the JSON contract
        ├── health
        ├── auth                    ApiAuth            views session, logout
        │   └── magic-link          ApiMagicLink       views request, verify
        ├── drafts                  ApiDrafts
        │   └── me                  ApiMyDraft
        ├── rules                   ApiRules
        │   ├── me                  ApiMyRules
        │   └── {id}                ApiRule            view duplicate
        └── uploads                 ApiUploads
            └── {id}                ApiUpload          an uploaded file

A resource wraps what it stands for; it knows its children (`__getitem__`), who may do what (`__acl__`) and its place
(`__name__`, `__parent__`). What it does not know is HTTP: that is in `cr.views`.
"""

from __future__ import annotations

from typing import Any

from cr.resources.root import Root


def root_factory(request: Any) -> Root:
    return Root(request)
