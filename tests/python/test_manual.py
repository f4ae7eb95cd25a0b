"""docs/PYTHON.md, as its reader would type it: its blocks in order, in one program. Behind `# ->` stands what an expression gives."""

import ast
import re
import shutil

PROMISE = re.compile(r"# -> (.*)$")


def blocks(text):
    """Each with the number of lines before it."""
    for match in re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, match.start(1)), match[1]


def run(text, name, names):
    promises = 0
    for before, block in blocks(text):
        lines = block.splitlines()
        for statement in ast.parse(block).body:
            ast.increment_lineno(statement, before)
            if not isinstance(statement, ast.Expr):
                exec(compile(ast.Module([statement], []), name, "exec"), names)
                continue
            value = eval(compile(ast.Expression(statement.value), name, "eval"), names)
            if promise := PROMISE.search(lines[statement.end_lineno - before - 1]):
                assert repr(value) == promise[1], f"{name}:{statement.lineno}"
                promises += 1
    return promises


def test_the_manual(home, mnist, source, monkeypatch, capsys):
    text = (source / "docs/PYTHON.md").read_text()
    shutil.copytree(source / "docs/examples", home / "docs/examples")
    monkeypatch.chdir(home)
    assert run(text, "docs/PYTHON.md", {}) >= 15
    printed = capsys.readouterr().out
    assert printed in text, "what the manual says is printed"
