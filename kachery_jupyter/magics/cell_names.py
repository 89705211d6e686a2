"""Which variables a cell reads and which it sets, by its code alone.

What may be read before the cell has set it counts as read. Where the code could reach variables
without naming them, it is refused: nothing that is cached may depend on something unseen.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from kachery_core.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANYWHERE = frozenset(
    ("eval", "exec", "compile", "globals", "locals", "vars", "dir", "__import__", "input")
)
_SHELL = "get_ipython"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_TRIES: tuple[type[ast.stmt], ...] = (ast.Try, *((ast.TryStar,) if hasattr(ast, "TryStar") else ()))


@dataclass
class CellNames:
    """The variables of a cell.

    Attributes:
        reads: names whose value from before the cell may count.
        sets: names that the cell may set, in the order in which they appear; not what it imports.
        defines: of those, functions and classes.
        opens: of those, what a `with` statement names.
        imports: its import statements at the top level.
        modules: for each name that an import sets: the module it is or is in, the name in it after
            `from`, and all that is loaded.
        chains: of each name that is read, the attributes that are taken of it: `np.linalg.norm`
            gives ("linalg", "norm"); () where the value itself is used.
        texts: the texts in the code, some of which may be names of files.
    """

    reads: set[str] = field(default_factory=set)
    sets: list[str] = field(default_factory=list)
    defines: set[str] = field(default_factory=set)
    opens: set[str] = field(default_factory=set)
    imports: list[ast.stmt] = field(default_factory=list)
    modules: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    chains: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)


def names_of(tree: ast.Module) -> CellNames:
    """The variables of a cell.

    Raises:
        InvalidInputError: its code may read or set what it does not name.
    """
    names = CellNames()
    _look_for_the_unseen(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.texts.add(node.value)
    names.chains = _chains(tree)
    names.imports = [one for one in tree.body if isinstance(one, (ast.Import, ast.ImportFrom))]
    for node in ast.walk(tree):
        names.modules.update(_modules(node))
    _Flow(names).run(tree.body, set())
    imported = {bound for one in ast.walk(tree) for bound in _imported(one)}
    names.sets = [name for name in dict.fromkeys(names.sets) if name not in imported]
    return names


class _Flow:
    """Goes through statements in their order, and knows at each what is surely set by then."""

    def __init__(self, names: CellNames) -> None:
        self._names = names

    def run(self, statements: Iterable[ast.stmt], before: set[str]) -> set[str]:
        """What is surely set after statements."""
        known = set(before)
        for statement in statements:
            known = self._step(statement, known)
        return known

    def _step(self, statement: ast.stmt, known: set[str]) -> set[str]:
        if isinstance(statement, ast.If):
            self._read([statement.test], known)
            known = known | self._bind(_walruses(statement.test))
            return self.run(statement.body, known) & self.run(statement.orelse, known)
        if isinstance(statement, _LOOPS):
            return self._loop(statement, known)
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            return self._with(statement, known)
        if isinstance(statement, _TRIES):
            return self._try(statement, known)
        if isinstance(statement, ast.Match):
            return self._match(statement, known)
        return self._simple(statement, known)

    def _simple(self, statement: ast.stmt, known: set[str]) -> set[str]:
        self._read([statement], known)
        if isinstance(statement, ast.Delete):
            return known - self._bind(_stored(statement))
        if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            self._names.defines.add(statement.name)
            self._names.sets.append(statement.name)
            return known | {statement.name}
        if isinstance(statement, ast.AnnAssign) and statement.value is None:
            return known
        return known | self._bind(_stored(statement)) | set(_imported(statement))

    def _loop(self, loop: ast.For | ast.AsyncFor | ast.While, known: set[str]) -> set[str]:
        targets: list[str] = []
        if isinstance(loop, ast.While):
            self._read([loop.test], known)
            targets = _walruses(loop.test)
        else:
            self._read([loop.iter, loop.target], known)
            targets = [*_stored(loop.target), *_walruses(loop.iter)]
        self.run(loop.body, known | self._bind(targets))
        self.run(loop.orelse, known)
        return known  # the body may never run

    def _with(self, block: ast.With | ast.AsyncWith, known: set[str]) -> set[str]:
        self._read(block.items, known)
        targets = [name for item in block.items for name in _stored(item)]
        self._names.opens.update(targets)
        return self.run(block.body, known | self._bind(targets))

    def _try(self, block: ast.stmt, known: set[str]) -> set[str]:
        parts: ast.Try = block  # type: ignore[assignment] # both kinds have the same parts
        ends = [self.run(parts.orelse, self.run(parts.body, known))]
        for handler in parts.handlers:
            if handler.type is not None:
                self._read([handler.type], known)
            # The name of an exception is gone after its handler.
            ends.append(self.run(handler.body, known | {handler.name or ""}))
        surely = set.intersection(*ends)
        return surely | self.run(parts.finalbody, known)

    def _match(self, match: ast.Match, known: set[str]) -> set[str]:
        self._read([match.subject], known)
        for case in match.cases:
            bound = [
                name
                for node in ast.walk(case.pattern)
                for name in (getattr(node, "name", None), getattr(node, "rest", None))
                if isinstance(name, str)
            ]
            self._read([case.pattern, *([case.guard] if case.guard else [])], known | set(bound))
            self.run(case.body, known | self._bind(bound))
        return known

    def _read(self, nodes: Iterable[ast.AST], known: set[str]) -> None:
        for node in nodes:
            self._names.reads |= _reads(node) - known

    def _bind(self, names: Iterable[str]) -> set[str]:
        bound = list(names)
        self._names.sets += bound
        return set(bound)


def _reads(node: ast.AST) -> set[str]:
    """Names that a piece of code may read from outside of its own scopes."""
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Store) else {node.id}
    found: set[str] = set()
    for child in ast.iter_child_nodes(node):
        found |= _reads(child)
    if isinstance(node, ast.AugAssign):
        found |= set(_stored(node.target))
    if isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS)):
        found -= _own_names(node) - _declared_global(node)
        if isinstance(node, _FUNCTIONS):
            # Defaults and decorators are read outside, where the same names mean something else.
            around = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            around += getattr(node, "decorator_list", [])
            found |= {name for one in around for name in _reads(one)}
        elif node.generators:
            found |= _reads(node.generators[0].iter)
    return found


def _own_names(scope: ast.AST) -> set[str]:
    """Parameters, and names set within a function or comprehension."""
    names: set[str] = set()
    if isinstance(scope, _FUNCTIONS):
        arguments = scope.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
        names |= {one.arg for one in every}
        body = [scope.body] if isinstance(scope, ast.Lambda) else scope.body
        return names | {name for one in body for name in (*_stored(one), *_imported_in(one))}
    assert isinstance(scope, _COMPREHENSIONS)  # noqa: S101 - for the type checker
    return {name for one in scope.generators for name in _stored(one.target)}


def _declared_global(scope: ast.AST) -> set[str]:
    return {name for one in ast.walk(scope) if isinstance(one, ast.Global) for name in one.names}


def _stored(node: ast.AST) -> list[str]:
    """Names that are set in this scope by a piece of code; those of scopes within are not."""
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, (ast.Store, ast.Del)) else []
    if isinstance(node, _COMPREHENSIONS):
        return _walruses(node)
    if isinstance(node, ast.Lambda):
        return []
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    return [name for child in ast.iter_child_nodes(node) for name in _stored(child)]


def _walruses(node: ast.AST) -> list[str]:
    return [
        one.target.id
        for one in ast.walk(node)
        if isinstance(one, ast.NamedExpr) and isinstance(one.target, ast.Name)
    ]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [one.asname or one.name.partition(".")[0] for one in node.names]
    return []


def _modules(node: ast.AST) -> dict[str, tuple[str, str, str]]:
    if isinstance(node, ast.ImportFrom):
        home = "." * node.level + (node.module or "")
        return {one.asname or one.name: (home, one.name, home) for one in node.names}
    if isinstance(node, ast.Import):
        tops = {one: one.name.partition(".")[0] for one in node.names}
        return {
            one.asname or top: (one.name if one.asname else top, "", one.name)
            for one, top in tops.items()
        }
    return {}


def _imported_in(node: ast.AST) -> list[str]:
    return [name for one in ast.walk(node) for name in _imported(one)]


class _Chains(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found: dict[str, set[tuple[str, ...]]] = {}

    @override
    def visit_Name(self, node: ast.Name) -> None:
        self.found.setdefault(node.id, set()).add(())

    @override
    def visit_Attribute(self, node: ast.Attribute) -> None:
        attributes: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            attributes.insert(0, inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self.found.setdefault(inner.id, set()).add(tuple(attributes))
        else:
            self.visit(inner)


def _chains(tree: ast.Module) -> dict[str, set[tuple[str, ...]]]:
    chains = _Chains()
    chains.visit(tree)
    return chains.found


def _look_for_the_unseen(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == _SHELL:
            raise _refused("magics and shell commands", "their effects are not seen")
        if isinstance(node, ast.Name) and node.id in _ANYWHERE:
            raise _refused(f"{node.id}()", "it may read any variable, or what nobody can foresee")
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            raise _refused("import *", "it sets variables that it does not name")
        if isinstance(node, ast.Global):
            raise _refused("global", "a function of it sets variables when it is called later")


def _refused(what: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"A cell with {what} cannot be cached: {why}.",
        hint="Do that in another cell, and cache what computes.",
    )
