"""Scheme, formula and transition files for tests, and changes to them."""

import re
from importlib import resources
from pathlib import Path

import pytest

from gpit_fairshare.errors import GpitError
from gpit_fairshare.scheme.joining import load

LIBRARY = Path(str(resources.files("gpit_fairshare") / "library"))


SCHEME = """
[scheme]
name = "small"
title = "A small scheme"
organisation = "CCG"
years = ["2014/15", "2015/16"]

[sources.circular]
title = "Circular 7"
publisher = "The office"
date = 2014-04-03

[parameters.budget]
label = "Budget"
unit = "£"
minimum = 0

[parameters.budget.values]
"2014/15" = { value = 1_000_000, source = "circular" }
"2015/16" = { value = 1_100_000, assumption = "Ten per cent more." }

[[steps]]
name = "unrounded_fair_share"
label = "Fair share before rounding"
unit = "£"
formula = "share_out(budget, by=registered_population)"

[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "rounded(unrounded_fair_share)"

[[checks]]
name = "Adds up"
formula = "abs(total(fair_share) - budget) <= 0.5"
"""
"""A scheme with its own steps; every refused file below changes one thing in it."""


FORMULA = """
[formula]
name = "by-people"
title = "By people"

[parameters.budget]
label = "Budget"
unit = "£"
minimum = 0

[[steps]]
name = "unrounded_fair_share"
label = "Fair share before rounding"
unit = "£"
formula = "share_out(budget, by=registered_population)"

[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "rounded(unrounded_fair_share)"

[[checks]]
name = "Adds up"
formula = "abs(total(fair_share) - budget) <= 0.5"
"""


TRANSITION = """
[transition]
name = "floor"
title = "No allocation below a part of the cost"

[parameters.floor_share]
label = "Share of cost that is safe"
unit = "%"

[[steps]]
name = "floor"
label = "Floor"
unit = "£"
formula = "floor_share * previous(allocation, first=historic_spend)"

[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "max(fair_share, floor)"
"""


HEAD = """
[scheme]
name = "small"
title = "A small scheme"
organisation = "CCG"
years = ["2014/15", "2015/16"]
"""


PEOPLE = "org_code,registered_population\nA,100000\nB,200000\nC,300000\nD,400000\n"


# Words from Python or Pydantic that only a programmer should see.
JARGON = re.compile(
    r"[Ii]nput should|[Ee]xtra inputs|instance of|valid (string|dict|list|integer|number|boolean|date)"
    r"|[Pp]ydantic|[Tt]raceback|\b\w+(Entry|File|Header|Error)\b|\[key\]"
    r"|\b(None|str|int|dict|tuple|[Ll]iteral)\b"
)


def write(folder, name, text):
    """Write a file of a test and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def changed(text, *changes):
    """Return a text with each (old, new) replaced; every old text must occur exactly once."""
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        text = text.replace(old, new)
    return text


def proper(fault):
    """Return the message of an error, after checking that it is one line in plain words."""
    message = str(fault)
    assert message == " ".join(message.split()), f"not one line: {message!r}"
    assert len(message) < 900
    assert not JARGON.search(message), f"jargon in {message!r}"
    return message


def refused(path, **options):
    """Return load's message about a file that it refuses."""
    with pytest.raises(GpitError) as caught:
        load(str(path), **options)
    return proper(caught.value)


CAPPED = changed(
    SCHEME,
    (
        "minimum = 0\n",
        """
minimum = "cap_low"
maximum = "cap"

[parameters.cap]
label = "Cap"
unit = "£"
[parameters.cap.values]
every_year = { value = 1_050_000, assumption = "x" }

[parameters.cap_low]
label = "Low"
unit = "£"
[parameters.cap_low.values]
"2014/15" = { value = "1/2", assumption = "x" }
"2015/16" = { value = 4, assumption = "x" }
""",
    ),
    ("value = 1_100_000", "value = 1_000_001"),
)


USES = """
[scheme]
name = "streams"
title = "Core and need"
organisation = "CCG"
years = ["2014/15"]

[parameters.core_budget]
label = "Core budget"
unit = "£"
[parameters.core_budget.values]
every_year = { value = 1_000_000, assumption = "Worked example." }

[parameters.need_budget]
label = "Need budget"
unit = "£"
[parameters.need_budget.values]
every_year = { value = 100_000, assumption = "Worked example." }

[[use]]
formula = "registered-population"
as = "core"
with = { revenue_budget = "core_budget" }

[[use]]
formula = "registered-population"
as = "need"
with = { revenue_budget = "need_budget", registered_population = "patients_in_need" }

[inputs.patients_in_need]
unit = "people"

[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "core_fair_share + need_fair_share"
"""


def many(count, table):
    """Return a number of steps or parameters as TOML."""
    step = '\n[[steps]]\nname = "s{0}"\nlabel = "S"\nformula = "fair_share"\n'
    parameter = '\n[parameters.p{0}]\nlabel = "P"\ndefault = {{ value = 1, assumption = "x" }}\n'
    return "".join((step if table == "steps" else parameter).format(index) for index in range(count))


PLAIN = "true [] {} nan 1e400 -1 [1] 2014-04-03 07:32:00"


QUOTED = ('""', '"x"', '["a"]', '"\\u0000"', "'a\"b'", '"2014-15"', '"fair_share"', '"""a\nb"""')


TOKENS = [*PLAIN.split(), *QUOTED, "9" * 5_000, '{ value = 1, assumption = "x" }']


CHARACTERS = "\"'[]{}=#.,\\\n\r\t\0 é£_/-+*()0aZ\ufeff\u2028"


def mutated(text, chance):
    """Return a text with one to three small changes to its characters, lines or values."""
    for _ in range(chance.randint(1, 3)):
        lines = text.split("\n")
        line, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        place = chance.randrange(len(text))
        match chance.randrange(9):
            case 0:
                text = text[:place] + text[place + 1 :]
            case 1:
                text = text[:place] + text[place] + text[place:]
            case 2:
                text = text[:place] + text[place : place + 2][::-1] + text[place + 2 :]
            case 3:
                text = text[:place] + chance.choice(CHARACTERS) + text[place + 1 :]
            case 4:
                text = "\n".join(lines[:line] + lines[line + 1 :])
            case 5:
                text = "\n".join([*lines[:line], lines[other], *lines[line:]])
            case 6:
                lines[line], lines[other] = lines[other], lines[line]
                text = "\n".join(lines)
            case 7:
                lines[line] = re.sub(r"= .*$", lambda _: f"= {chance.choice(TOKENS)}", lines[line])
                text = "\n".join(lines)
            case _:
                words = list(re.finditer(r"[A-Za-z_0-9]+", text))
                old, new = chance.choice(words), chance.choice(words)
                text = text[: old.start()] + new[0] + text[old.end() :]
        text = text or "\n"
    return text


FILES = {path.relative_to(LIBRARY).as_posix(): path.read_text(encoding="utf-8") for path in LIBRARY.glob("*/*.toml")}


OPTIONS = {"schemes": "scheme", "formulas": "formula", "transitions": "transition"}
