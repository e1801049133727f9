"""The rules `unit-rate` and `icb-convergence` in OpenFisca: files in, one row per organisation and year out.

../openfisca.py runs it as `openfisca_model.py POPULATION SPEND OUT`, with a Python that has OpenFisca-core. Variables
and parameters have the names of the library's steps. Floats are OpenFisca's, of 32 bits; whole pounds are integers.
"""
# In OpenFisca a variable is a class with the variable's name, and its formula has no self.
# ruff: noqa: ANN001, ANN201, D101, D102, N801, N805

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

from numpy import floor, maximum, minimum, where
from openfisca_core.entities import build_entity
from openfisca_core.parameters import ParameterNode
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

YEARS = {"2014": "2014/15", "2015": "2015/16"}
"""A period of OpenFisca, and the financial year that begins in it."""
PARAMETERS = {
    "unit_rate": 2.60,
    "national_base_growth": 0.0,
    "growth_counted_in_distance": 0.0,
    "convergence_rate_above": 1.0,
    "convergence_cap_above": 0.0071,
    "convergence_rate_below": 1 / 15,
    "convergence_cap_below": 0.0020,
}
Organisation = build_entity("organisation", "organisations", "An organisation that gets funding", is_person=True)


class OfAYear(Variable):
    """A variable of an organisation, with a value for each year."""

    def __init_subclass__(cls) -> None:
        """Set what all have in common, because OpenFisca does not look at a base class."""
        cls.entity, cls.definition_period = Organisation, DateUnit.YEAR
        cls.value_type = cls.__dict__.get("value_type", float)


class registered_population(OfAYear):
    value_type = int


class historic_spend(OfAYear):
    value_type = int


class unrounded_fair_share(OfAYear):
    def formula(organisations, period, parameters):
        return parameters(period).unit_rate * organisations("registered_population", period)


class fair_share(OfAYear):
    value_type = int

    def formula(organisations, period):
        return floor(organisations("unrounded_fair_share", period) + 0.5)


class opening_baseline(OfAYear):
    value_type = int

    def formula_2014(organisations, period):
        return organisations("historic_spend", period)

    def formula_2015(organisations, period):
        return organisations("allocation", period.last_year)


class growth(OfAYear):
    def formula(organisations, period, parameters):
        return organisations.filled_array(parameters(period).national_base_growth)


class compared_baseline(OfAYear):
    def formula(organisations, period, parameters):
        counted = parameters(period).growth_counted_in_distance
        return organisations("opening_baseline", period) * (1 + counted * organisations("growth", period))


class distance_from_target(OfAYear):
    def formula(organisations, period):
        fair_share = organisations("fair_share", period)
        ratio = organisations("compared_baseline", period) / maximum(fair_share, 1)
        return where(fair_share > 0, ratio - 1, 0)


class convergence(OfAYear):
    def formula(organisations, period, parameters):
        values = parameters(period)
        distance = organisations("distance_from_target", period)
        up = minimum(values.convergence_cap_below, values.convergence_rate_below * maximum(0, -distance))
        down = minimum(values.convergence_cap_above, values.convergence_rate_above * maximum(0, distance))
        return where(organisations("fair_share", period) > 0, up - down, -values.convergence_cap_above)


class growth_in_pounds(OfAYear):
    def formula(organisations, period):
        return organisations("opening_baseline", period) * organisations("growth", period)


class convergence_in_pounds(OfAYear):
    def formula(organisations, period):
        grown = organisations("opening_baseline", period) * (1 + organisations("growth", period))
        return grown * organisations("convergence", period)


class unrounded_allocation(OfAYear):
    def formula(organisations, period):
        grown = organisations("opening_baseline", period) * (1 + organisations("growth", period))
        return grown * (1 + organisations("convergence", period))


class allocation(OfAYear):
    value_type = int

    def formula(organisations, period):
        return floor(organisations("unrounded_allocation", period) / 1000 + 0.5) * 1000


INPUTS = (registered_population, historic_spend)
STEPS = (
    *(unrounded_fair_share, fair_share, opening_baseline, growth, compared_baseline, distance_from_target),
    *(convergence, growth_in_pounds, convergence_in_pounds, unrounded_allocation, allocation),
)


def main(population: Path, spend: Path, out: Path) -> None:
    """Read both files, calculate every step of each year in one simulation, and write them."""
    with population.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    amounts = Counter()
    with spend.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            amounts[line["org_code"]] += int(line["amount"])
    codes, names = [row["org_code"] for row in rows], [row["org_name"] for row in rows]

    system = TaxBenefitSystem([Organisation])
    values = {name: {"values": {"2014-01-01": {"value": value}}} for name, value in PARAMETERS.items()}
    system.parameters = ParameterNode("", data=values)
    system.add_variables(*INPUTS, *STEPS)
    people, spent = [int(row["registered_population"]) for row in rows], [amounts[code] for code in codes]
    inputs = {
        "registered_population": dict.fromkeys(YEARS, people),
        "historic_spend": dict.fromkeys(YEARS, spent),
    }
    simulation = SimulationBuilder().build_from_variables(system, inputs)

    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        headings = [variable.__name__ for variable in (*INPUTS, *STEPS)]
        writer.writerow(["year", "org_code", "org_name", *headings])
        for period, year in YEARS.items():
            columns = [simulation.calculate(heading, period).tolist() for heading in headings]
            writer.writerows(zip([year] * len(codes), codes, names, *columns, strict=True))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
