#!/usr/bin/env python3
"""Prints scenario × language from the runners' result files. Ends with 1 when one failed or a language misses a scenario."""
import json
import pathlib
import sys

MARKS = {"passed": "ok", "failed": "FAILED", "not_runnable": "-"}


def main(paths):
    scenarios = [s for f in sorted((pathlib.Path(__file__).parent / "scenarios").glob("*.json"))
                 for s in json.loads(f.read_text())["scenarios"]]
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
            if status not in ("passed", "not_runnable"):
                wrong.append(f"{name}: {scenario['name']}: {result['detail'] if result else 'no result'}")
        print(f"{scenario['name']:<{width}}  " + "  ".join(cells))
    waiting = [s for s in scenarios if "needs" in s]
    if waiting:
        print(f"- not runnable yet: {len(waiting)} scenarios need a {waiting[0]['needs']}")
    for name in names:
        passed = sum(r["status"] == "passed" for r in languages[name].values())
        print(f"{name}: {passed} of {len(scenarios)} passed")
    print("\n".join(wrong))
    return 1 if wrong or not names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
