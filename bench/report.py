"""
From samples to numbers: medians, spreads and ratios, as text, Markdown and JSON.

A ratio is taken round by round, between the two measurements that stood next to each
other, and then the median of those is shown with the smallest and largest: on a shared
machine single numbers drift, what ran side by side drifts together.
"""

import json
import statistics


def spread(values):
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
    }


def ratios(rates, base):
    return [mine / theirs for mine, theirs in zip(rates, base)]


def number(x):
    """Three digits or so, as people read them."""
    for least, form in ((100, ",.0f"), (10, ".1f"), (0.1, ".2f")):
        if abs(x) >= least:
            return format(x, form)
    return format(x, ".4f")


def show_spread(s):
    return f"{number(s['median'])} ({number(s['min'])}–{number(s['max'])})"


def summarise(workload):
    """Add to each variant of a finished workload what its samples come to."""
    variants = workload["variants"]
    base = variants.get(workload["baseline"])
    for variant in variants.values():
        samples = variant["samples"]
        rates = [s["value"] for s in samples]
        variant["value"] = spread(rates)
        if base and base["samples"] and variant is not base:
            theirs = [s["value"] for s in base["samples"]]
            if workload["less_is_better"]:
                variant["ratio"] = spread(ratios(theirs, rates))
            else:
                variant["ratio"] = spread(ratios(rates, theirs))
        for side in ("client", "server"):
            costs = [s[side] for s in samples if s.get(side)]
            if costs:
                variant[side] = {
                    key: statistics.median(c[key] for c in costs) for key in costs[0]
                }
        more = [s["more"] for s in samples if "more" in s]
        if more:
            variant["more"] = {
                key: statistics.median(m[key] for m in more) for key in more[0]
            }


COLUMNS = ("", "{unit}", "× {baseline}", "CPU client", "CPU server", "switches")


def more_columns(workload):
    """What a workload's samples tell besides the common columns, in their order."""
    return list(
        dict.fromkeys(k for v in workload["variants"].values() for k in v.get("more", ()))
    )


def row(name, workload, variant):
    client, server = variant.get("client"), variant.get("server")
    sides = [side for side in (client, server) if side]
    return [
        name,
        show_spread(variant["value"]),
        show_spread(variant["ratio"]) if "ratio" in variant else "",
        number(client["cpu"]) if client else "",
        number(server["cpu"]) if server else "",
        " / ".join(number(side["switches"]) for side in sides),
        *(
            number(variant["more"][key]) if key in variant.get("more", ()) else ""
            for key in more_columns(workload)
        ),
    ]


def table(workload):
    head = [
        c.format(unit=workload["unit"], baseline=workload["baseline"]) for c in COLUMNS
    ]
    head[3] += workload["cpu_unit"]
    head[4] += workload["cpu_unit"]
    head += more_columns(workload)
    rows = [head] + [row(n, workload, v) for n, v in workload["variants"].items()]
    used = [i for i in range(len(head)) if i == 0 or any(r[i] for r in rows[1:])]
    return [[r[i] for i in used] for r in rows]


def as_text(workload):
    rows = table(workload)
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    lines = [workload["title"]]
    for r in rows:
        cells = [r[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(r[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def as_markdown(workload):
    rows = table(workload)
    lines = [f"### {workload['title']}", ""]
    lines.append("| " + " | ".join(rows[0]) + " |")
    lines.append("|---|" + "---:|" * (len(rows[0]) - 1))
    lines += ["| " + " | ".join(r) + " |" for r in rows[1:]]
    return "\n".join(lines) + "\n"


def write(results, json_path, markdown_path):
    json_path.write_text(json.dumps(results, indent=1) + "\n")
    facts = [f"- {name}: {value}" for name, value in results["machine"].items()]
    parts = ["\n".join(facts) + "\n"]
    parts += [as_markdown(w) for w in results["workloads"]]
    markdown_path.write_text("\n".join(parts))
