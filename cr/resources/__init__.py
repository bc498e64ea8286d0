"""The tree of URLs: every address of the site is a walk through these resources.

    /                               Root
    ├── login                       Login
    ├── create                      Create             the guided flow, from where the person stopped
    │   ├── {step}                  Step               the sixteen of `cr.resources.create.STEPS`
    │   │   └── {id}, own           Choice             one value or method, below the steps at which they are chosen
    │   └── review-template
    │       └── {slug}              TemplateReview     a template, to look at and to begin from
    ├── templates                   Templates          all of them
    ├── use-cases                   UseCases           worked examples
    │   └── {slug}                  UseCaseResource    a story beside its rule; view begin
    ├── profile                     Profile            what I have here; views name, data.json, delete
    │   └── account                 Account            my address and my devices; views address, end
    ├── drafts                      Drafts             a new one is sent here
    │   └── {id}                    DraftResource      one draft; views history, publish, discard, copy
    │       ├── writers             Writers            who writes it together, before it is a rule; views as below
    │       ├── join                JoinDraft          where a link to join them leads
    │       └── {part}              Part               about, values, communication, membership, decisions, conflict
    ├── rules                       RulesResource      published rules; views feed.atom, history.schema.json
    │   └── {id}                    RuleResource       the rule in force; views history, history.ndjson, compare,
    │       │                                          edit, withdraw, copy, copies, feed.atom, report
    │       ├── organizers          Organizers         who writes it together; views name, links, invite,
    │       │                                          withdraw, remove, pass-on
    │       ├── join                JoinRule           where a link to join them leads
    │       ├── stakeholders        Stakeholders       for its owner; views resend, remove, leave
    │       └── revisions           Revisions          the list of them
    │           └── {n}             Revision           one revision, for ever at this address; view canonical.json
    ├── learn                       Learn              the guides; view ask, a question to the organizers
    │   └── {slug}                  Guide
    ├── how-it-works                HowItWorks         pages of prose, as `about` and `legacy-archive`
    ├── about                       About
    ├── legacy-archive              LegacyArchive
    ├── metrics                     Metrics            for Prometheus, where METRICS_TOKEN is set
    └── api                         Api                the JSON contract; views openapi.json, docs
        ├── health
        ├── auth                    ApiAuth            views session, logout
        │   └── magic-link          ApiMagicLink       views request, verify
        ├── create-flow             ApiCreateFlow      view methods
        ├── drafts                  ApiDrafts
        │   └── me                  ApiMyDraft
        ├── invites
        │   └── rule-stakeholder    ApiStakeholderInvite   view verify
        ├── organizer-inquiry       ApiOrganizerInquiry
        ├── rules                   ApiRules
        │   ├── me                  ApiMyRules
        │   └── {id}                ApiRule            view duplicate
        │       └── stakeholders    ApiStakeholders    for the owner
        │           └── {id}        ApiStakeholder     view resend
        ├── templates               ApiTemplates
        │   └── {slug}              ApiTemplate
        ├── uploads                 ApiUploads
        │   └── {id}                ApiUpload          an uploaded file
        ├── use-cases               ApiUseCases
        │   └── {slug}              ApiUseCase         view duplicate
        └── user                    ApiUser
            ├── me                  ApiMyAccount
            └── email-change        ApiEmailChange     views request, verify

A resource wraps what it stands for; it knows its children (`__getitem__`), who may do what (`__acl__`) and its place
(`__name__`, `__parent__`). What it does not know is HTTP: that is in `cr.views`.
"""

from __future__ import annotations

from typing import Any

from cr.resources.root import Root


def root_factory(request: Any) -> Root:
    return Root(request)
