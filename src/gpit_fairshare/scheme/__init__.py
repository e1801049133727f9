"""Scheme, formula and transition files, joined into one scheme that is ready to run."""

from gpit_fairshare.scheme.definition import defined, definition
from gpit_fairshare.scheme.files import digest_of, library_files, library_problems
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.library import FileKind, library_names
from gpit_fairshare.scheme.method import (
    CheckSaid,
    Entry,
    Figure,
    Method,
    Needed,
    StepSaid,
    entries_document,
    library_entries,
    method,
)
from gpit_fairshare.scheme.model import Assumption, Check, Parameter, Scheme, Source, Step, Value
from gpit_fairshare.scheme.money import amount_of
from gpit_fairshare.scheme.naming import STANDARD_INPUTS
from gpit_fairshare.scheme.review import Review, review, review_all, reviews_document
from gpit_fairshare.scheme.schema import file_schema
from gpit_fairshare.scheme.shape import number
from gpit_fairshare.scheme.values import Setting

__all__ = [
    "STANDARD_INPUTS",
    "Assumption",
    "Check",
    "CheckSaid",
    "Entry",
    "Figure",
    "FileKind",
    "Method",
    "Needed",
    "Parameter",
    "Review",
    "Scheme",
    "Setting",
    "Source",
    "Step",
    "StepSaid",
    "Value",
    "amount_of",
    "defined",
    "definition",
    "digest_of",
    "entries_document",
    "file_schema",
    "library_entries",
    "library_files",
    "library_names",
    "library_problems",
    "load",
    "method",
    "number",
    "review",
    "review_all",
    "reviews_document",
]
