"""A page shows what it is given and runs nothing."""

import math

from topodepth.files import pages


def test_text_of_users_stays_text():
    hostile = "<script>alert('&')</script>"
    made = pages.page(hostile, [hostile], [pages.Table(hostile, [hostile], [[hostile]])], [hostile])
    assert "<script" not in made
    assert made.count("&lt;script&gt;") == 7  # title and first line, and five more places


def test_a_cell_without_a_value_is_empty_and_numbers_stand_right():
    made = pages.page("t", [], [pages.Table("c", ["a"], [[None], [math.nan], [-0.12345], [7]])])
    cells = [row.removeprefix("<tr>").removesuffix("</tr>") for row in made.splitlines() if row.startswith("<tr><td")]
    number = '<td class="number">{}</td>'
    assert cells == ["<td></td>", number.format(""), number.format("−0.123"), number.format("7")]


def test_a_text_of_several_lines_keeps_its_layout():
    assert "<pre>a:\n  b: 1\n</pre>" in pages.page("t", ["a:\n  b: 1\n"])
