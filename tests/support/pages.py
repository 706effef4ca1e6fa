"""The fenced blocks of a Markdown page, with the comment above a block that a test reads."""

from __future__ import annotations

import re

BLOCK = re.compile(
    r"(?:<!-- test: (?P<test>\w+)(?:: (?P<text>.*?))? -->\n)?"
    r"^```(?P<language>\w+)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
