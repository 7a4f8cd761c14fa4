"""A comment as a forge shows it: its Markdown as a page. For pictures, and to look for what is more than text in it."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

_STYLE = """
body { margin: 0; padding: 24px; background: #fff; color: #1f2328; font: 14px/1.5 system-ui, "DejaVu Sans", sans-serif }
article { max-width: 860px; border: 1px solid #d1d9e0; border-radius: 6px }
header { padding: 8px 16px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0; border-radius: 6px 6px 0 0;
  color: #59636e }
header b { color: #1f2328 }
div { padding: 16px }
div > :first-child { margin-top: 0 } div > :last-child { margin-bottom: 0 }
table { border-collapse: collapse; margin: 0 0 16px }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px; text-align: left }
tr:nth-child(2n) { background: #f6f8fa }
blockquote { margin: 0 0 16px; padding: 0 1em; color: #59636e; border-left: .25em solid #d1d9e0 }
blockquote strong { color: #1f2328 }
ul { margin: 0 0 16px; padding-left: 2em }
code { font: 12px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; background: #eff1f3; border-radius: 6px;
  padding: .2em .4em }
pre { margin: 0 0 16px; padding: 16px; background: #f6f8fa; border-radius: 6px; overflow: auto }
pre code { padding: 0; background: none }
details { margin: 0 0 16px } summary { cursor: pointer }
.add { background: #dafbe1 } .gone { background: #ffebe9 } .at { color: #8250df }
"""
_MARKS = {"+": "add", "-": "gone", "@": "at"}


def comment_page(markdown: str, author: str = "reconciler-bot") -> str:
    """A page that needs nothing else."""
    body = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)
    body = re.sub(r'(<code class="language-diff">)(.*?)(</code>)', _coloured, body, flags=re.DOTALL)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>A comment</title><style>{_STYLE}</style>'
        f"<article><header><b>{author}</b> commented</header><div>{body}</div></article></html>\n"
    )


def _coloured(found: re.Match[str]) -> str:
    lines = found[2].splitlines()
    marked = [f'<span class="{_MARKS[line[0]]}">{line}</span>' if line[:1] in _MARKS else line for line in lines]
    return found[1] + "\n".join(marked) + found[3]
