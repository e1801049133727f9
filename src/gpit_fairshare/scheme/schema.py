"""The shape of the files as a JSON Schema, which editors use to complete and check a file."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic.json_schema import models_json_schema

from gpit_fairshare.scheme import shape


def file_schema(kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a kind of file, or of all three if `kind` is None.

    It has the rules for keys, types, patterns of names and years, and for sources and assumptions, and describes keys
    by the texts of `descriptions`. `gpit library check` checks the rest, such as formulas.
    """
    models = (model for model in shape.FILE_MODELS.values() if kind in (None, model.kind))
    references, together = models_json_schema([(model, "validation") for model in models], by_alias=True)
    heads, definitions = list(references.values()), _plain(together["$defs"])
    for model_name, texts in descriptions().items():
        properties = definitions.get(model_name, {}).get("properties", {})
        for key in properties.keys() & texts:
            properties[key]["description"] = texts[key]
    title = f"A {kind} file of gpit" if kind else "A formula, transition or scheme file of gpit"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **(heads[0] if kind else {"oneOf": heads}),
        "$defs": definitions,
    }


@cache
def descriptions() -> dict[str, dict[str, str]]:
    """Return, for each model of `shape`, the text below each of its fields and its parents' fields, by key."""
    of_models: dict[str, dict[str, str]] = {}
    for model in ast.parse(inspect.getsource(shape)).body:
        if not isinstance(model, ast.ClassDef):
            continue
        texts = of_models.setdefault(model.name, {})
        for parent in model.bases:
            texts |= of_models.get(ast.unparse(parent), {})
        for field, below in pairwise(model.body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    texts[name.removesuffix("_")] = " ".join(text.split())  # as keys of the files are called
    return of_models


def _plain(schema: Any) -> Any:
    """Return a JSON Schema without null, which TOML does not have, and without titles that only repeat the keys.

    A choice of which one type is left becomes that type, and a table whose keys have a pattern refuses other keys.
    """
    if isinstance(schema, list):
        return [_plain(subschema) for subschema in schema if subschema != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: {name: _plain(subschema) for name, subschema in value.items()} if key == "properties" else _plain(value)
        for key, value in schema.items()
        if not (key == "default" and value is None) and not (key == "title" and isinstance(value, str))
    }
    if len(kept.get("anyOf", ())) == 1:
        (subschema,) = kept.pop("anyOf")
        kept = {**subschema, **kept}
    if "patternProperties" in kept:
        kept.setdefault("additionalProperties", False)
    return kept
