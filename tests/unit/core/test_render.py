"""Templates: what they give, what they may not do, and which values they use."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.resolving.render import MAX_OUTPUT, RenderError, Scope, around_name, compile_template, render

CONTEXT = {
    "host": Scope("host", {"name": "web-1", "labels": {"site": "lon"}}),
    "vars": Scope("vars", {"port": 80, "names": ["a", "b"], "items": "mine", "deep": {"er": "x"}, "on": True}),
    "project": Scope("project", {}),
}


def rendered(text: str, native: bool = False) -> Any:
    return render(compile_template(text, native), CONTEXT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{{ host.name }}:{{ vars.port }}\n", "web-1:80\n"),
        ("{% for n in vars.names %}{{ n }},{% endfor %}", "a,b,"),
        ("{{ vars.items }}", "mine"),
        ("{{ vars.deep.er }}{{ vars['deep']['er'] }}", "xx"),
        ("{{ host.labels.site | upper }}", "LON"),
        ("{# nothing #}", ""),
        ("{{ vars.none | default('fallback') }}", "fallback"),
        ("{{ '{{' }} not a template {{ '}}' }}", "{{ not a template }}"),
        ("{{ 7 * 6 }}", "42"),
    ],
)
def test_text(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ vars.port }}", 80),
        ("{{ vars.port + 1 }}", 81),
        ("{{ vars.names }}", ["a", "b"]),
        ("{{ vars.on }}", True),
        ("{{ vars.deep }}", {"er": "x"}),
        ("{{- vars.port -}}", 80),
        ("{{ vars.port }} ", "80 "),
        ("{{ vars.port }}{{ vars.port }}", "8080"),
    ],
)
def test_one_expression_gives_the_value_itself(text: str, expected: Any) -> None:
    found = rendered(text, native=True)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("{{ vars.nope }}", "vars.nope is not defined", 1),
        ("a\nb {{ vars.deep.nope }}", "there is no 'nope' in this value", 2),
        ("{{ lookup('pipe', 'id') }}", "'lookup' is not defined", 1),
        ("{{ ansible_host }}", "templates see only host, vars, project", 1),
        ("\n\n{{ vars.port + 'x' }}", "TypeError", 3),
        ("{{ 1 / 0 }}", "ZeroDivisionError", 1),
        ("{{ 'x' * 1000000 }}", "`*` is for numbers here", 1),
        ("{{ '%s' % 1 }}", "`%` is for numbers here", 1),
        ("{{ 10 ** 1000 }}", "this power is too large", 1),
        ("{{ vars.__class__.__mro__ }}", "__class__", 1),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "'__class__' can't be used on this value", 1),
        ("{{ '{:>99999999}'.format(1) }}", "'format' can't be used on this value", 1),
        ("{{ '{:>99999999}'['format'](1) }}", "'format' can't be used on this value", 1),
        ("{{ 'x' | center(99999999) }}", "center", 1),
        ("{{ [1,2] | random }}", "random", 1),
        ("{% include 'x' %}", "include is not available here", 1),
        ("{% import 'x' as y %}", "import is not available here", 1),
        ("{{ vars.port", "unexpected end of template", 1),
        ("\n{% if %}", "Expected an expression", 2),
        ("{% for i in range(100000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}", "gives more than", 1),
    ],
)
def test_what_can_not_be_rendered_says_why_and_where(text: str, message: str, line: int) -> None:
    with pytest.raises(RenderError) as error:
        rendered(text)
    assert message in error.value.message
    assert error.value.line == line


def test_vars_can_not_be_changed() -> None:
    with pytest.raises(RenderError):
        rendered("{{ vars.names.append('c') }}")
    assert CONTEXT["vars"]["names"] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("plain", []),
        ("{{ host.name }}", [("host", "name")]),
        ("{{ host.labels.site }}{{ host['labels']['site'] }}", [("host", "labels", "site")]),
        ("{{ vars.deep.er }}", [("vars", "deep")]),
        ("{{ vars[host.name] }}", [("host", "name"), ("vars",)]),
        ("{% for k in vars %}{{ k }}{% endfor %}", [("vars",)]),
        ("{% if vars.on %}{{ vars.port }}{% endif %}", [("vars", "on"), ("vars", "port")]),
        ("{% set vars = 1 %}{{ host.labels }}", [("host", "labels")]),
        ("{{ project.vars.a }}", [("project", "vars")]),
    ],
)
def test_uses_are_read_off_the_text(text: str, uses: list[tuple[str, ...]]) -> None:
    assert list(compile_template(text).uses) == uses


def test_output_is_bounded_by_characters() -> None:
    text = "{% for i in range(" + str(MAX_OUTPUT // 1024) + ") %}" + "x" * 1024 + "{% endfor %}"
    assert len(rendered(text)) == MAX_OUTPUT
    with pytest.raises(RenderError):
        rendered(text + "x")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("name {{ host.name }}, port {{ vars.port }}\n", ("name ", ", port 80\n")),
        ("{{ host['name'] }}{{ host.name }}", ("", "", "")),
        ("{% if vars.port %}x{% endif %}{{ host.name }}", ("x", "")),
        ("no name", None),
        ("{{ host.name[0] }}", None),
        ("{{ host.name | upper }}", None),
        ("{{ host.name }} {{ host.labels.site }}", None),
        ("{{ host.name }}{% if host.name == 'a' %}x{% endif %}", None),
        ("{% if vars.port %}{{ host.name }}{% endif %}", None),
        ("{% filter upper %}{{ host.name }}{% endfilter %}", None),
        ("{% set x = host.name %}{{ host.name }}", None),
        ("{{ host.name }}{{ vars.missing }}", None),
        ("{{ host.name }}\0one\0", None),
        ("{{ host.name }}" + "x" * (1 << 20), None),
    ],
)
def test_text_around_a_name_is_known_where_the_name_is_only_said(text: str, pieces: tuple[str, ...] | None) -> None:
    template = compile_template(text)
    context = {"host": Scope("host", {}), "vars": Scope("vars", {"port": 80}), "project": Scope("project", {})}
    assert around_name(template, context) == pieces
    if pieces is not None:
        assert "web-1".join(pieces) == render(template, {**context, "host": Scope("host", {"name": "web-1"})})
