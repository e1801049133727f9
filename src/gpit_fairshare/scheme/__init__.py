"""Scheme, formula and transition files, joined into one scheme that is ready to run."""

from gpit_fairshare.scheme.definition import defined, definition
from gpit_fairshare.scheme.files import digest_of, library_files, library_names
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.model import Assumption, Check, Parameter, Scheme, Source, Step, Value
from gpit_fairshare.scheme.naming import STANDARD_INPUTS
from gpit_fairshare.scheme.review import Review, review, review_all, reviews_document
from gpit_fairshare.scheme.shape import number
from gpit_fairshare.scheme.values import Setting

__all__ = [
    "STANDARD_INPUTS",
    "Assumption",
    "Check",
    "Parameter",
    "Review",
    "Scheme",
    "Setting",
    "Source",
    "Step",
    "Value",
    "defined",
    "definition",
    "digest_of",
    "library_files",
    "library_names",
    "load",
    "number",
    "review",
    "review_all",
    "reviews_document",
]
