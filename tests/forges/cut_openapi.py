"""Cuts GitHub's OpenAPI descriptions down to the operations that we use: `python -m tests.forges.cut_openapi`.

Fetches the npm package with npm, and takes it only with the content that is pinned here. What is left out is prose,
examples and operations; nullable fields are written as JSON Schema does today.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

PACKAGE, VERSION, LICENCE = "@octokit/openapi", "23.0.2", "MIT"
INTEGRITY = "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="
"""As in a lock file: SHA-512 of the package."""
FILES = {"github": "api.github.com.json", "ghes": "ghes-3.17.json"}
HERE = Path(__file__).parent
OPERATIONS = {
    "/user": ["get"],
    "/repos/{owner}/{repo}/pulls/{pull_number}": ["get"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["patch", "delete"],
    "/repos/{owner}/{repo}/commits/{ref}/status": ["get"],
    "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/labels": ["post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}": ["delete"],
}
PROSE = {"description", "summary", "example", "examples", "externalDocs", "tags", "title", "operationId", "deprecated"}


def fetched(folder: Path) -> Path:
    """The package's file. Fails when it is not what is pinned."""
    command = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    name = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.split()[-1]
    found = base64.b64encode(hashlib.sha512((folder / name).read_bytes()).digest()).decode()
    if f"sha512-{found}" != INTEGRITY:
        raise SystemExit(f"{name} is sha512-{found}, not what is pinned here")
    return folder / name


def cut(document: dict[str, Any]) -> dict[str, Any]:
    """The operations, and all that they refer to."""
    paths = {
        path: {method: plain(document["paths"][path][method]) for method in methods}
        | ({"parameters": plain(shared)} if (shared := document["paths"][path].get("parameters")) else {})
        for path, methods in OPERATIONS.items()
    }
    components: dict[str, dict[str, Any]] = {}
    todo = references(paths)
    while todo:
        reference = todo.pop()
        _, _, section, name = reference.split("/")
        if name not in components.setdefault(section, {}):
            components[section][name] = plain(document["components"][section][name])
            todo += references(components[section][name])
    return {"paths": paths, "components": components}


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        found = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return found + [each for value in part.values() for each in references(value)]
    return [each for value in part for each in references(value)] if isinstance(part, list) else []


def plain(part: Any, names: bool = False) -> Any:
    """Without prose. `names`: the keys are names of fields, which may be called like prose."""
    if isinstance(part, list):
        return [plain(value) for value in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: plain(value, key == "properties")
        for key, value in part.items()
        if names or (key not in PROSE and not key.startswith("x-"))
    }
    return kept if names else without_nullable(kept)


def without_nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if not schema.pop("nullable", False):
        return schema
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def main() -> None:
    """Writes the fixtures."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fetched(Path(folder))) as package:
        for edition, file in FILES.items():
            member = package.extractfile(f"package/generated/{file}")
            if member is None:
                raise SystemExit(f"there is no {file} in {PACKAGE} {VERSION}")
            info = {"package": PACKAGE, "version": VERSION, "licence": LICENCE, "file": file}
            document = {"cut_from": info, **cut(json.load(member))}
            (HERE / f"{edition}.openapi.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
