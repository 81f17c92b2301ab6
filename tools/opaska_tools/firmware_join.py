# SPDX-License-Identifier: Apache-2.0
"""Joins modules of a linked image that are always loaded together: one takes the place of many.

A module costs a band's heap some 300 bytes before it defines anything: its dictionary, its list
of names, its path, and each name that it imports once more. So what `boot` imports becomes one
module with it, what the band imports another, and each part that is imported late a module with
all that it alone needs. A part that cannot be loaded takes nobody along who could be loaded
before. What has one name in two modules is called by the name of its module, too.
"""

from __future__ import annotations

import ast
import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from opaska_tools.firmware_edit import Place, edited, place_of
from opaska_tools.firmware_groups import grouped
from opaska_tools.firmware_modules import CannotJoin, Import, Scope, Source, Use
from opaska_tools.firmware_symbols import Meanings, Symbol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def joined(texts: dict[Path, str], entries: list[str]) -> dict[Path, str]:
    """Fewer modules that do the same. `entries`: modules that others import, in this order; what
    they bind keeps its name."""
    image = _Image([Source(path, text) for path, text in texts.items()], entries)
    return {
        image.sources[group].path: "".join(map(image.written, members))
        for group, members in image.groups.items()
    }


class _Image:
    def __init__(self, sources: list[Source], entries: list[str]) -> None:
        self.sources = {source.name: source for source in sources}
        self._meanings = Meanings(self.sources)
        self._users: dict[Symbol, set[str]] = defaultdict(set)  # modules
        for source in sources:
            for use in source.uses:
                _, symbol = self._meanings.of(source, use) or (None, None)
                if symbol:
                    self._users[symbol].add(source.name)
        self._alone = {symbol.module for symbol in self._users if not symbol.name}
        self.groups = grouped(self.sources, entries, self._alone)
        self._group_of = {name: group for group, names in self.groups.items() for name in names}
        self._texts = self._named(entries)
        self._short = dict(self._short_attributes())

    # --- what it is called ---

    def _named(self, entries: list[str]) -> dict[Symbol, str]:
        wanted = self._wanted()
        local = {name for source in self.sources.values() for name in source.local_names()}
        texts = {Symbol(name, ""): "_module_" + name.replace(".", "_") for name in self._alone}
        kept = {
            self._meanings.bound(self.sources[entry], name)
            for entry in entries
            for name in self.sources[entry].top.names
            if name[:1] != "_"
        }
        for name, symbols in sorted(wanted.items()):
            outside = [symbol for symbol in symbols if not symbol.module]
            for symbol in sorted(symbols):
                stays = symbol in kept or symbol.module in self._alone
                stays = stays or (not symbol.module and len(outside) == 1)
                text = name
                if not stays and (len(symbols) > 1 or name in local):
                    text = _longer(symbol, name, is_own=self._is_own(symbol))
                    while text in local or text in wanted or text in texts.values():
                        text += "_"
                texts[symbol] = text
        if len(set(texts.values())) < len(texts):
            twice = [text for text, times in Counter(texts.values()).items() if times > 1]
            raise CannotJoin(f"{', '.join(twice)}: two things would have this name; rename one")
        return texts

    def _wanted(self) -> dict[str, set[Symbol]]:
        """What has each name somewhere, at the top of a module."""
        wanted: dict[str, set[Symbol]] = defaultdict(set)
        for source in self.sources.values():
            for name in source.top.names:
                symbol = self._meanings.bound(source, name)
                if symbol.name and symbol.module in ("", source.name):
                    wanted[name].add(symbol)
        return wanted

    def _is_own(self, symbol: Symbol) -> bool:
        """Whether one group alone uses it."""
        return len({self._group_of.get(user) for user in self._users[symbol]}) == 1

    def _short_attributes(self) -> Iterator[tuple[str, dict[str, str]]]:
        """For each module the private attributes that it alone knows, and their other names. They
        are those of its own objects, so modules may share them, but for what inherits."""
        known: Counter[str] = Counter()
        for source in self.sources.values():
            known.update(source.mentioned)
        families = [{name} for name in self.sources]
        for heir, base in self._meanings.heirs():
            joint = [family for family in families if {heir, base} & family]
            families = [family for family in families if family not in joint] + [
                set().union(*joint)
            ]
        for family in families:
            number = itertools.count()
            for name in sorted(family):
                source = self.sources[name]
                times = Counter(attribute for _, attribute in source.attributes)
                own = [one for one in times if known[one] == source.mentioned[one] == times[one]]
                private = [
                    one
                    for one in sorted(own)
                    if one[:1] == "_" != one[1:2] and one in source.own_attributes
                ]
                yield name, {one: f"_a{next(number)}" for one in private}

    # --- the text ---

    def written(self, name: str) -> str:
        """The text of this module as a part of its group."""
        source = self.sources[name]
        edits: list[tuple[Place, str]] = []
        for use in source.uses:
            meaning = self._meanings.of(source, use)
            if meaning:
                text = self._texts[meaning[1]]
                self._check(source, use, text)
                edits.append((place_of(source.text, meaning[0]), text))
        for scope in source.scopes:
            nodes = {by.node: None for ways in scope.names.values() for by in ways if by}
            edits += [
                (place_of(source.text, node), self._import(source, scope, node)) for node in nodes
            ]
        for statement in source.globals:
            own = [self._texts[Symbol(name, one)] for one in statement.names]
            edits.append((place_of(source.text, statement), "global " + ", ".join(own)))
        for node, attribute in source.attributes:
            if attribute in self._short[name]:
                edits.append(
                    (place_of(source.text, node, attribute), self._short[name][attribute])
                )
        return f"# --- {source.path} ---\n" + edited(source.text, edits)

    def _check(self, source: Source, use: Use, text: str) -> None:
        scope: Scope | None = use.at
        while scope and scope is not source.top:
            is_seen = scope is use.at or not isinstance(scope.node, ast.ClassDef)
            if is_seen and None in scope.names.get(text, ()):
                raise CannotJoin(f"{source.name}: {text} would mean a local name; rename that")
            scope = scope.outer

    def _import(self, source: Source, scope: Scope, node: ast.Import | ast.ImportFrom) -> str:
        done: list[str] = []
        others: dict[str, dict[str, None]] = defaultdict(dict)  # names from other groups
        for by in source.imports(node):
            symbol = self._meanings.imported(by)
            if scope is source.top and node not in source.tree.body:
                done += self._alternative(source, by)
            elif symbol is None:
                is_top = scope is source.top
                done += _foreign(
                    by, self._texts[self._meanings.bound(source, by.local)] if is_top else by.local
                )
            elif symbol.module in self._alone and not symbol.name:
                folder, _, leaf = symbol.module.rpartition(".")
                others[folder][f"{leaf} as {self._texts[symbol]}"] = None
            else:
                for needed in sorted(self._needed(source, scope, by, symbol)):
                    group = self._group_of.get(needed.module, "")
                    if group not in ("", self._group_of[source.name]):
                        if needed.name in self.sources[needed.module].rebound:
                            raise CannotJoin(
                                f"{source.name}: {needed.name} changes where it is at home; ask a "
                                "function for it"
                            )
                        others[group][self._texts[needed]] = None
        done += [f"from {group} import {', '.join(names)}" for group, names in others.items()]
        return "; ".join(done) or "pass"

    def _needed(
        self, source: Source, scope: Scope, by: Import, symbol: Symbol
    ) -> Iterator[Symbol]:
        if symbol.name:
            yield symbol
            return
        for use in source.uses:
            if use.scope is scope and use.name == by.local:
                meaning = self._meanings.of(source, use)
                if meaning and meaning[1].name:
                    yield meaning[1]

    def _alternative(self, source: Source, by: Import) -> Iterator[str]:
        """In `try` or `if`: the name is the module's own, whatever it is given."""
        own = self._texts[Symbol(source.name, by.local)]
        symbol = self._meanings.imported(by)
        if symbol is None:
            inside = by.origin.partition(".")[0] in self.sources
            yield from ["raise ImportError"] if inside else _foreign(by, own)
        elif self._group_of[symbol.module] == self._group_of[source.name]:
            yield f"{own} = {self._texts[symbol]}"
        else:
            yield f"from {self._group_of[symbol.module]} import {self._texts[symbol]} as {own}"


def _longer(symbol: Symbol, name: str, *, is_own: bool) -> str:
    """Private, and so to be numbered, where one group alone uses it."""
    module = symbol.module or symbol.name.partition(":")[0]
    text = module.rpartition(".")[2] + "_" + name.lstrip("_")
    return f"_{text}" if is_own else text


def _foreign(by: Import, own: str) -> Iterator[str]:
    if by.name:
        yield f"from {by.origin} import {by.name}" + f" as {own}" * (own != by.name)
    elif "." in by.origin and own != by.local:
        raise CannotJoin(f"import {by.origin}: write from .. import ..")
    else:
        is_same = own == by.origin.partition(".")[0]
        yield f"import {by.origin}" + f" as {own}" * (not is_same)
