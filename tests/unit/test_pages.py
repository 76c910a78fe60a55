"""A page shows what it is given and runs nothing."""

import math
import re

import pytest

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


@pytest.mark.parametrize(
    ("value", "text"),
    [(1616.3, "1,616"), (11_173_962, "11,173,962"), (999.4, "999"), (999.6, "1,000"), (-1234.5, "−1,234"),
     (0.05, "0.05"), (2e-5, "2e−05"), (0, "0"), (math.inf, "inf")],
)  # fmt: skip
def test_numbers_are_written_as_people_write_them(value, text):
    made = pages.page("t", [], [pages.Table("c", ["a"], [[value]])])
    assert f'<td class="number">{text}</td>' in made


def test_columns_of_tables_are_headed_with_words():
    columns = ["subset", "ci_low", "ci_high", "p_corrected", "last layer", "success_rate"]
    made = pages.page("t", [], [pages.Table("c", columns, [])])
    assert re.findall(r"<th>(.*?)</th>", made) == [
        "subset", "95 % low", "high", "corrected p", "last layer", "success rate"
    ]  # fmt: skip


def test_a_text_of_several_lines_keeps_its_layout():
    assert "<pre>a:\n  b: 1\n</pre>" in pages.page("t", ["a:\n  b: 1\n"])
