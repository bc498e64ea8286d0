"""An example of every body that is sent or answered as JSON. Nobody in them is real."""

from __future__ import annotations

from typing import Any

from cr.views.api import auth, catalog, drafts, health, inquiry, operations, rules, stakeholders, uploads, user

RULE_ID = "6f1c2a4e-8d0b-4f5e-9a37-2c41d6b0e593"
UPLOAD_ID = "b1d7c3f0-52a6-4e18-8c94-7f0e3a6d2b15"
MARCH, APRIL = "2026-03-12T12:04:00.000Z", "2026-04-02T18:30:00.000Z"

PAYLOAD = {
    "title": "Elm Street Garden",
    "communityContext": "A garden between two roads that twelve households look after.",
    "selectedCommunitySizeIds": ["sixToTwelve"],
    "selectedCoreValueIds": ["1"],
    "coreValueDetailsByChipId": {"1": {"meaning": "We look after each other and the beds.", "signals": ""}},
    "selectedDecisionApproachIds": ["lazy-consensus"],
    "currentStep": "decision-approaches",
}

DOCUMENT = {
    "sections": [
        {
            "categoryName": "Values",
            "entries": [{"title": "Care", "body": "We look after each other and the beds."}],
        },
        {
            "categoryName": "Decision-making",
            "entries": [{"title": "Lazy consensus", "body": "Say what you want to do. After three days, do it."}],
        },
    ],
    "coreValues": [
        {"chipId": "1", "label": "Care", "meaning": "We look after each other and the beds.", "signals": ""}
    ],
    "methodSelections": {"decisionApproaches": [{"id": "lazy-consensus", "label": "Lazy consensus"}]},
}

CREATED = {
    "id": RULE_ID,
    "title": "Elm Street Garden",
    "summary": "How the garden is looked after.",
    "createdAt": MARCH,
}
LISTED = {**CREATED, "updatedAt": APRIL}

TEMPLATE = {
    "id": "do-ocracy",
    "slug": "do-ocracy",
    "title": "Do-ocracy",
    "category": "Light",
    "description": "Whoever does the work decides how it is done.",
    "body": DOCUMENT,
    "sortOrder": 8,
    "featured": True,
}

INVITED = {
    "id": "3d5b8e21-94c7-4a06-b1f2-60e7d9c8a475",
    "email": "sam@example.org",
    "invitedAt": APRIL,
    "acceptedAt": None,
    "status": "pending",
}

EXAMPLES: dict[Any, Any] = {
    operations.Done: {"ok": True},
    health.Connected: {"ok": True, "database": "connected"},
    health.Disconnected: {"ok": False, "database": "disconnected"},
    auth.Session: {"user": {"id": "0f9a7c52-31be-4d6c-a8f4-5e2b9c7d1036", "email": "robin@example.org"}},
    auth.LinkRequest: {"email": "robin@example.org", "next": "/rules"},
    user.EmailChange: {"newEmail": "robin@new.example.org"},
    drafts.DraftText: {"payload": PAYLOAD},
    drafts.DraftAnswer: {"draft": {"payload": PAYLOAD, "updatedAt": APRIL}},
    rules.Publication: {
        "title": "Elm Street Garden",
        "summary": "How the garden is looked after.",
        "document": DOCUMENT,
        "stakeholderEmails": ["sam@example.org"],
    },
    rules.Created: {"rule": CREATED},
    rules.RuleList: {"rules": [LISTED]},
    rules.MyRules: {"rules": [{**LISTED, "role": "owner"}]},
    rules.RuleAnswer: {"rule": {**LISTED, "document": DOCUMENT}, "viewerIsOwner": True},
    catalog.TemplateList: {
        "templates": [TEMPLATE],
        "scores": {"do-ocracy": {"score": 1, "matchedFacets": ["size:sixToTwelve"]}},
    },
    catalog.OneTemplate: {
        "template": TEMPLATE,
        "methods": [{"section": "decisionApproaches", "slug": "do-ocracy"}],
    },
    catalog.MethodList | list[catalog.ValueShown]: {
        "section": "communication",
        "methods": [
            {
                "slug": "signal",
                "label": "Signal",
                "description": "A group in the messenger Signal.",
                "sections": {"corePrinciple": "What is urgent goes here, what is long goes elsewhere."},
                "matches": {"score": 1, "matchedFacets": ["size:sixToTwelve"]},
            }
        ],
    },
    inquiry.Inquiry: {"email": "robin@example.org", "message": "How do we hand our rule on to somebody else?"},
    stakeholders.Invitation: {"email": "sam@example.org"},
    stakeholders.Invited: {"stakeholder": INVITED},
    stakeholders.StakeholderList: {"stakeholders": [INVITED]},
    uploads.Uploaded: {
        "url": f"/api/uploads/{UPLOAD_ID}",
        "id": UPLOAD_ID,
        "mimeType": "image/jpeg",
        "byteLength": 183204,
    },
}
