#!/usr/bin/env python3
"""Prints scenario × language from the runners' result files. Ends with 1 when one failed or a language misses a scenario.

    matrix.py FILE…    of the scenarios named by NORIKV_CONFORMANCE_ONLY, or of all
    matrix.py --single prints the names of the scenarios that need one server only
"""
import json
import os
import pathlib
import sys

MARKS = {"passed": "ok", "failed": "FAILED"}


def main(paths):
    scenarios = [s for f in sorted((pathlib.Path(__file__).parent / "scenarios").glob("*.json"))
                 for s in json.loads(f.read_text())["scenarios"]]
    if paths == ["--single"]:
        print(",".join(s["name"] for s in scenarios if "nodes" not in s.get("server", {})))
        return 0
    only = [n for n in os.environ.get("NORIKV_CONFORMANCE_ONLY", "").split(",") if n]
    scenarios = [s for s in scenarios if not only or s["name"] in only]
    languages = {}
    for path in paths:
        document = json.loads(pathlib.Path(path).read_text())
        languages[document["language"]] = {r["scenario"]: r for r in document["results"]}
    names = sorted(languages)
    width = max(len(s["name"]) for s in scenarios)
    print(f"{'scenario':<{width}}  " + "  ".join(f"{n:<10}" for n in names))
    wrong = []
    for scenario in scenarios:
        cells = []
        for name in names:
            result = languages[name].get(scenario["name"])
            status = result["status"] if result else "missing"
            cells.append(f"{MARKS.get(status, 'MISSING'):<10}")
            if status != "passed":
                wrong.append(f"{name}: {scenario['name']}: {result['detail'] if result else 'no result'}")
        print(f"{scenario['name']:<{width}}  " + "  ".join(cells))
    for name in names:
        passed = sum(r["status"] == "passed" for r in languages[name].values())
        print(f"{name}: {passed} of {len(scenarios)} passed")
    print("\n".join(wrong))
    return 1 if wrong or not names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
