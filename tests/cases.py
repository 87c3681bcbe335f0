"""Golden files of lines by case: `## name`, then what is told in it."""


def read_cases(path):
    cases, name = {}, None
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith("## "):
            name = line[3:]
            cases[name] = []
        elif name and line:
            cases[name].append(line)
    return cases


def write_case(path, names, name, lines):
    """Put the lines of one case in its place in the order of the names."""
    cases = {**read_cases(path), name: lines}
    text = [f"## {key}\n" + "\n".join(cases[key]) + "\n" for key in names if key in cases]
    path.write_text("\n".join(text))
