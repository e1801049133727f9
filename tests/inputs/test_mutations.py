"""2,000 good files with units, marks, placeholders, levels and merged headings: no wrong figure, few false refusals."""

import pytest

from folders import PEOPLE, SPEND
from gpit_fairshare.errors import InputError
from gpit_fairshare.inputs.checked_tables import read_inputs
from gpit_fairshare.inputs.model import Request
from mutations import mutated

FILES = 2_000
A_CHUNK = 100


def accepted(files, folder):
    """The tables that were read, or None if the files were refused."""
    paths = []
    for name, data in (files.population, files.spend):
        (folder / name).write_bytes(data)
        paths.append((str(folder / name),))
    request = Request(
        population=paths[0], spend=paths[1], years=("2014/15",), needs=(PEOPLE, SPEND), mapping=files.mapping
    )
    try:
        table = read_inputs(request).tables["2014/15"]
    except InputError:
        return None
    return {
        name: dict(zip(table["org_code"], table[name], strict=True))
        for name in ("registered_population", "historic_spend")
    }


@pytest.mark.parametrize(
    "chunk",
    [pytest.param(chunk, marks=[pytest.mark.slow] if chunk else []) for chunk in range(FILES // A_CHUNK)],
)
def test_mutated_files(chunk, tmp_path):
    """A file that is read gives exactly the figures that were written; 95% of the harmless files are read."""
    harmless = refused = 0
    for seed in range(chunk * A_CHUNK, (chunk + 1) * A_CHUNK):
        files = mutated(seed)
        read = accepted(files, tmp_path)
        harmless += files.harmless
        refused += files.harmless and read is None
        if read is not None:
            assert read["registered_population"] == files.people, (seed, files.changes)
            assert read["historic_spend"] == files.pounds, (seed, files.changes)

    assert harmless > A_CHUNK // 4
    assert refused <= harmless * 0.05
