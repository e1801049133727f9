"""The shape of the files as a JSON Schema, by which editors complete and check what somebody writes."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

from gpit_fairshare.scheme import shape

if TYPE_CHECKING:
    from pydantic import BaseModel

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def file_schema(kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a kind of file, or of all three.

    It says what can be said without reading formulas: keys, types, patterns of names and years, and that a figure
    has a source or an assumption. `gpit library check` says the rest.
    """
    wanted = [model for model in shape.FILE_MODELS.values() if kind in (None, model.kind)]
    references, together = models_json_schema([(one, "validation") for one in wanted], by_alias=True)
    definitions = together["$defs"]
    for name, one in definitions.items():
        definitions[name] = _plain(one)
        for key, text in descriptions(name).items():
            if key in definitions[name].get("properties", {}):
                definitions[name]["properties"][key]["description"] = text
    heads = [references[one, "validation"] for one in wanted]
    title = f"A {kind} file of gpit" if kind else "A formula, transition or scheme file of gpit"
    return {
        "$schema": _DIALECT,
        "title": title,
        **(heads[0] if kind else {"oneOf": heads}),
        "$defs": definitions,
    }


@cache
def descriptions(model: str) -> dict[str, str]:
    """Return what the text below each field of a model says of it; a field takes over what its parent says."""
    found: dict[str, str] = {}
    one: type[BaseModel] = getattr(shape, model)
    for parent in reversed(one.__mro__):
        found.update(_written().get(parent.__name__, {}))
    keys = [field.alias or name for name, field in one.model_fields.items()]
    return {key: found[key] for key in keys if key in found}


@cache
def _written() -> dict[str, dict[str, str]]:
    """Return for each model of `shape` the texts below its fields, as keys of the files are called."""
    found: dict[str, dict[str, str]] = {}
    for one in ast.parse(inspect.getsource(shape)).body:
        if not isinstance(one, ast.ClassDef):
            continue
        texts = found.setdefault(one.name, {})
        for field, below in zip(one.body, one.body[1:], strict=False):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    texts[name.removesuffix("_")] = " ".join(text.split())
    return found


def _plain(schema: Any) -> Any:
    """Return a schema without what TOML has not: null, and titles that only repeat the keys."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema if one != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key != "default" or value is not None}
    if isinstance(kept.get("title"), str):
        del kept["title"]
    kept = {
        key: {name: _plain(one) for name, one in value.items()} if key == "properties" else _plain(value)
        for key, value in kept.items()
    }
    if len(kept.get("anyOf", ())) == 1:
        (only,) = kept.pop("anyOf")
        kept = {**only, **kept}
    if "patternProperties" in kept:
        kept.setdefault("additionalProperties", False)
    return kept
