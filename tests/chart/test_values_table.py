"""The README's table of values is what `values.yaml` says of itself."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from tests.chart.rendered import CHART, ROOT

SCRIPT = ROOT / "deploy/helm/values_table.py"


@pytest.fixture(scope="module")
def script():
    """Its functions."""
    spec = spec_from_file_location("values_table", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readmes_table_is_up_to_date():
    """`make chart-docs` writes it."""
    subprocess.run([sys.executable, str(SCRIPT), "--check"], check=True)


def test_each_value_is_a_row_with_its_default_and_comment(script):
    """A group has a row when something is said of it."""
    values = '# all\nlist: []\n\n# of\n# several\ngroup:\n  # a | b\n  text: "x"\nplain:\n  # m\n  map: {a: {b: 1}}\n'
    assert script.table(values).splitlines()[2:] == [
        "| `list` | `[]` | all |",
        "| **group** | | of several |",
        '| `group.text` | `"x"` | a \\| b |',
        "| `plain.map` | `{a: {b: 1}}` | m |",
    ]


def test_a_value_without_a_comment_is_an_error(script):
    """Nobody would know what it is for."""
    with pytest.raises(script.UndescribedError, match=r"group\.forgotten"):
        script.table("group:\n  # said\n  one: 1\n  forgotten: 2\n")


def test_a_readme_without_a_place_for_it_is_an_error(script):
    """It would be lost in silence."""
    with pytest.raises(ValueError, match="no place"):
        script.with_table("# Values\n", (CHART / "values.yaml").read_text())
