"""cr-mail: operators see what waits and what failed, and have it tried again."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from cr.mail.command import main
from tests.fixtures.mail import Mailbox, deliver
from tests.fixtures.site import MakeApp
from tests.mail.letters import letter, rows


def test_operators_see_what_failed_and_have_what_waits_tried(
    make_app: MakeApp, smtp: Mailbox, capsys: pytest.CaptureFixture[str], engine: sa.Engine
) -> None:
    app = make_app(ORGANIZER_INQUIRY_TO="inbox@example.org")
    smtp.refused |= {"bo@example.org": "450 Busy", "inbox@example.org": "550 No", "cy@example.org": "550 No"}
    sent, waiting, asked, failed = (
        letter(app, to, reply_to="dee@example.org\x1b" if to.startswith("inbox") else None)
        for to in ("ada@example.org", "bo@example.org", "inbox@example.org", "cy@example.org")
    )
    deliver(app)

    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "@" not in listed
    lines = {line.split()[0]: line for line in listed.splitlines()}
    assert lines.keys() == {str(each) for each in (waiting, asked, failed)}
    assert "tried 1  The mail server can't take mail for this address at the moment." in lines[str(waiting)]
    assert "given up  The address does not take mail." in lines[str(failed)]

    assert main(["show", str(asked)]) == 0
    shown = capsys.readouterr().out
    assert "Answer to dee@example.org\ufffd\n" in shown
    assert "Hello inbox@example.org" in shown
    for each in (sent, failed):
        assert main(["show", str(each)]) == 0
        assert "Its words and its address are erased." in capsys.readouterr().out
    assert main(["show", str(uuid4())]) == 1

    smtp.refused.clear()
    deliver(app)
    assert len(smtp.messages) == 1
    assert main(["retry"]) == 0
    assert capsys.readouterr().out.startswith("1 to be tried")
    deliver(app)
    assert [mail["To"] for mail in smtp.messages] == ["ada@example.org", "bo@example.org"]
    assert [row.id for row in rows(engine) if row.failed_at] == [asked, failed]
