"""Do rules/schema/expectations.schema.json and the reader behind `sipvet profile` say the same?

usage: schema_test.py SIPVET READ_ALL REPOSITORY

READ_ALL (read_all.c) is that reader over many files; `sipvet profile` itself is held against it with
one file in twenty.

The cases come from the schema itself: for each key, what is at the edge of its range, what is beyond,
null, and values of other types; for each object, an unknown key and each required key left out.
Some files of our own follow, and the profiles, as they are and as `sipvet profile` prints them.
"""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

# A value that the schema's patterns allow, for keys whose value is a text.
TEXTS = {
    "#/$defs/host": "pbx.example.com",
    "#/$defs/domain": "example.com",
    "#/$defs/target": "a.example.com",
    "#/$defs/address": "192.0.2.1",
}

HOSTS = [
    "a", "a.b", "A-1.b_c", "a.", "1a", "192.0.2.1", "::1", "::", "[::1]", "2001:db8::192.0.2.1", "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:1.2.3.4", "1::8", "1:2:3:4:5:6:7::", "fe80::1", "x" * 63, ".".join(["x" * 49] * 5),
    "", ".", "..", ".a", "a..b", "a b", "a:b", "ä", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "5",
    "a.5", "x" * 64, ".".join(["x" * 63] * 4), "[a]", "[1.2.3.4]", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9",
    "::1%eth0", "[::1", "a\nb", "sip:a",
]
TRIGGERS = ["no-response", "transport-error", "503", "300-699", "500-500", "", "299", "700", "5xx", "503-", "-503",
            "500-700", "200-500", "timeout", "503 ", "0503"]


ONE_IN = 20


class Test:
    def __init__(self, sipvet, read_all, repository):
        self.sipvet = sipvet
        self.read_all = read_all
        self.profiles = sorted((repository / "rules" / "profiles").glob("*.json"))
        path = repository / "rules" / "schema" / "expectations.schema.json"
        self.schema = json.loads(path.read_text())
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.validator = jsonschema.Draft202012Validator(self.schema)
        self.folder = tempfile.TemporaryDirectory()
        self.file = pathlib.Path(self.folder.name) / "x.json"
        self.documents = []
        self.taken = self.refused = self.failures = 0
        self.walked = set()  # the $defs and texts that were tried already: they are the same everywhere

    def profile_says(self, path):
        """What `sipvet profile` says against a file, None if it takes it."""
        run = subprocess.run([self.sipvet, "profile", path], capture_output=True, text=True, check=False)
        if run.returncode not in (0, 2) or (run.returncode == 2) != bool(run.stderr):
            self.fail(path.read_text(), f"exit status {run.returncode}: {run.stderr}")
        return run.stderr or None

    def read(self):
        """What is said against each document, None of those that are taken."""
        paths = [pathlib.Path(self.folder.name) / f"{index}.json" for index in range(len(self.documents))]
        for path, document in zip(paths, self.documents):
            path.write_text(json.dumps(document))
        run = subprocess.run([self.read_all, *paths], capture_output=True, check=True)
        said = [text or None for text in run.stdout.decode().split("\0")[:-1]]
        for path, why in list(zip(paths, said, strict=True))[::ONE_IN]:
            wanted = why and f"sipvet: {why}\n"
            if self.profile_says(path) != wanted:
                self.fail(path.read_text(), f"sipvet profile does not say {wanted}")
        return said

    def fail(self, document, why):
        self.failures += 1
        print(f"{json.dumps(document)[:200]}: {why}")

    def check(self, document):
        self.documents.append(document)

    def compare(self, document, refusal):
        valid = self.validator.is_valid(document)
        if valid != (refusal is None):
            self.fail(document, f"the schema takes it, the reader says: {refusal}" if valid
                      else "the reader takes it, the schema does not")
        if refusal is None:
            self.taken += 1
        else:
            self.refused += 1

    # ---- cases from the schema

    def resolve(self, node):
        return {**self.resolve(self.lookup(node["$ref"])), **{k: v for k, v in node.items() if k != "$ref"},
                "ref": node["$ref"]} if "$ref" in node else node

    def lookup(self, reference):
        node = self.schema
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        return node

    def example(self, node):
        """A valid value with what is required."""
        node = self.resolve(node)
        if node.get("ref") in TEXTS:
            return TEXTS[node["ref"]]
        if "enum" in node:
            return node["enum"][0]
        if "properties" in node:
            return {key: self.example(node["properties"][key]) for key in node.get("required", [])}
        kind = node.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "array":
            return [self.example(node["items"])] * node.get("minItems", 0)
        if kind == "string":
            return "503" if "no-response" in node.get("pattern", "") else "x" * max(1, node.get("minLength", 0))
        if kind == "boolean":
            return True
        if kind in ("integer", "number"):
            return node["minimum"]
        return None

    def values(self, node):
        """What to try at one key: right and wrong."""
        node = self.resolve(node)
        yield from (None, True, "x", 0, 1.5, 3.0, 1e300, [], [1, 1], {}, "503", [None])
        if node.get("ref") in TEXTS and node["ref"] not in self.walked:
            self.walked.add(node["ref"])
            yield from HOSTS
        for part in [node] + node.get("anyOf", []):
            part = self.resolve(part)
            if "minimum" in part:
                for edge, out in ((part["minimum"], -1), (part["maximum"], 1)):
                    yield from (edge, edge + out, edge + out * 0.0005, [edge, edge], [edge, edge + out])
            if "minLength" in part:
                yield from ("x" * part["minLength"], "ä" * part["maxLength"], "x" * (part["maxLength"] + 1))
                yield from ("a\tb", "a\u007fb", "\u2028", "\U0001f600")
        for word in node.get("enum", []):
            yield from (word, str(word).upper(), f"{word} ")
        if node.get("type") == "array" or "array" in node.get("type", ()):
            item = self.example(node["items"])
            yield from ([item], [item, item], [item] * 5)
            yield list(self.resolve(node["items"]).get("enum", []))
            if "no-response" in json.dumps(node["items"]):
                yield from ([trigger] for trigger in TRIGGERS)
                yield [str(status) for status in range(400, 464)]
                yield [str(status) for status in range(400, 465)]

    def walk(self, node, wrap):
        """All cases in a node; wrap(value) gives the document with that value in its place."""
        node = self.resolve(node)
        if node.get("ref") in self.walked:
            return
        self.walked.add(node.get("ref", id(node)))
        for key, member in node.get("properties", {}).items():
            if key == "extends":
                continue  # what it names must be there: no matter of the schema
            base = self.example(node)

            def inner(value, key=key, base=base):
                return wrap({**copy.deepcopy(base), key: value})

            for value in self.values(member):
                self.check(inner(value))
            self.walk(member, inner)
        if "properties" in node:
            self.check(wrap({**self.example(node), "unknown": 1}))
            for key in node.get("required", []):
                self.check(wrap({k: v for k, v in self.example(node).items() if k != key}))
        if "items" in node:
            for value in self.values(node["items"]):
                self.check(wrap([value]))
            self.walk(node["items"], lambda value: wrap([value]))

    # ---- all

    def run(self):
        for document in ({}, [], None, 1, "rfc3263", {"extends": None}, {"extends": "yealink"}, {"extends": 1},
                         {"extends": ""}, {"extends": ["yealink"]}, {"$schema": "x"}):
            self.check(document)
        self.walk(self.schema, lambda value: value)
        for profile in self.profiles:
            self.check(json.loads(profile.read_text()))
            self.check_printed(profile.stem)
        for document, refusal in zip(self.documents, self.read(), strict=True):
            self.compare(document, refusal)
        print(f"{self.taken} files taken by both, {self.refused} refused by both, {self.failures} failures")
        if self.taken < 200 or self.refused < 800:
            print("fewer cases than there should be")
            return 1
        return 1 if self.failures else 0

    def check_printed(self, name):
        def printed(what):
            run = subprocess.run([self.sipvet, "profile", what], capture_output=True, text=True, check=True)
            return run.stdout

        first = printed(name)
        self.validator.validate(json.loads(first))
        self.file.write_text(first)
        if printed(self.file) != first:
            self.fail(name, "what is printed reads as something else")


if __name__ == "__main__":
    sys.exit(Test(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])).run())
