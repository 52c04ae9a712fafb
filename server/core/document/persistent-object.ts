import type { JsonObject } from '../json.ts';
import { LargeObject, type DifferentKeys, type MemberChanges, type Part } from './document-tree.ts';

/** The most entries of a leaf and children of a branch: the length of the arrays that a change copies. */
const NODE_WIDTH = 16;

/**
 * A member and its place: members are in the order of `sequence`, which is that in which JavaScript would list them.
 */
export interface Entry {
  readonly key: string;
  readonly value: Part;
  readonly sequence: number;
}

interface Leaf {
  /** In the order of their keys; never empty. */
  readonly entries: readonly Entry[];
}

interface Branch {
  /** The least key that each child may hold; that of the first child is not looked at. */
  readonly keys: readonly string[];
  /** All of the same height; never empty. */
  readonly children: readonly Node[];
}

export type Node = Leaf | Branch;

/** The keys that JavaScript may list before all others; a few that it does not are among them. */
const INDEX_KEY = /^\d{1,10}$/;

const EMPTY: Leaf = { entries: [] };

/** The persistent form of a plain object that has one, and of every plain form that was made. */
const persistentForms = new WeakMap<JsonObject, PersistentObject>();

/**
 * An immutable JSON object of many members, whose versions share all that they have in common: a persistent B+ tree
 * (path copying, Driscoll et al. 1989) over the members' keys.
 *
 * A plain object cannot be changed without copying it, and an object of 18,000 members takes 15 ms to copy, as V8 keeps
 * such an object as a hash table. Here a change copies one path from the root to a leaf: four arrays of at most 16
 * elements, about two microseconds. Two versions are compared by skipping the nodes that they share.
 *
 * Invariants: no node changes once it is made; entries with equal keys do not occur; a member keeps its sequence number
 * while it is there, and one that is removed and added again gets a new one, so that the plain form lists its members
 * exactly as a plain object would after the same changes.
 *
 * Rejected: a mutable copy that is owned until it is handed out (every commit, snapshot and read hands it out, and the
 * next change copies again); rerooted versions (Baker 1991: an old version that somebody keeps holds all later changes
 * in memory); a hash trie (a caller can choose keys that collide, unless there is chance in it); Immutable.js (as large
 * as the whole SDK, and without the order of members).
 */
export class PersistentObject extends LargeObject {
  readonly size: number;
  /** Public for tests, which count the nodes that two versions do not share. */
  readonly root: Node;
  /** The same in all versions of an object: what is kept about the latest of them is kept under it. */
  readonly lineage: object;
  readonly #nextSequence: number;
  #plain: JsonObject | undefined;

  private constructor(root: Node, size: number, nextSequence: number, lineage: object, plain?: JsonObject) {
    super();
    this.root = root;
    this.size = size;
    this.#nextSequence = nextSequence;
    this.lineage = lineage;
    this.#plain = plain;
  }

  /** The persistent form of a plain object: made once, in time that follows the object's size. */
  static of(object: JsonObject): PersistentObject {
    const known = persistentForms.get(object);
    if (known) return known;
    const entries: Entry[] = [];
    for (const key of Object.keys(object)) {
      const value = object[key];
      if (value !== undefined) entries.push({ key, value, sequence: entries.length });
    }
    const made = new PersistentObject(build(entries.sort(byKey)), entries.length, entries.length, {}, object);
    persistentForms.set(object, made);
    return made;
  }

  /** The persistent form of that plain object, if it was made before. */
  static known(object: JsonObject): PersistentObject | undefined {
    return persistentForms.get(object);
  }

  get(key: string): Part | undefined {
    return find(this.root, key)?.value;
  }

  /** The version with that member: an existing one keeps its place, a new one comes last. */
  with(key: string, value: Part): PersistentObject {
    const before = find(this.root, key);
    if (before?.value === value) return this;
    const entry: Entry = { key, value, sequence: before?.sequence ?? this.#nextSequence };
    const nodes = put(this.root, entry);
    const [only] = nodes;
    const root = nodes.length === 1 && only ? only : branchOf(nodes);
    const added = before ? 0 : 1;
    return new PersistentObject(root, this.size + added, this.#nextSequence + added, this.lineage);
  }

  /** The version without that member. */
  without(key: string): PersistentObject {
    if (!find(this.root, key)) return this;
    return new PersistentObject(remove(this.root, key) ?? EMPTY, this.size - 1, this.#nextSequence, this.lineage);
  }

  /**
   * The version after all of these changes, `undefined` for a member that is removed: the same as by `with` and
   * `without` in the order of the map, in time that follows the size of the object and the number of changes.
   */
  withAll(changes: MemberChanges): PersistentObject {
    const entries = entriesOf([this.root]);
    const merged: Entry[] = [];
    let index = 0;
    for (const { key, value, sequence } of sortedChanges(changes, this.#nextSequence)) {
      for (let next = entries[index]; next && next.key < key; next = entries[index]) {
        merged.push(next);
        index += 1;
      }
      const before = entries[index]?.key === key ? entries[index] : undefined;
      if (before) index += 1;
      if (value !== undefined) merged.push({ key, value, sequence: before?.sequence ?? sequence });
    }
    const all = merged.concat(entries.slice(index));
    return new PersistentObject(build(all), all.length, this.#nextSequence + changes.length, this.lineage);
  }

  keys(): string[] {
    return this.inOrder().map(({ key }) => key);
  }

  /**
   * The keys whose members differ between this version and another, in time that follows the number of changes between
   * them. `removed` are in the order of this version, `present` (added or changed) in the order of the other one.
   */
  difference(to: JsonObject | LargeObject): DifferentKeys {
    const { root } = to instanceof PersistentObject ? to : PersistentObject.of(plainFormOf(to));
    const removed: Entry[] = [];
    const present: Entry[] = [];
    eachDifferent(this.root, root, (old, now) => {
      if (now && old?.value !== now.value) present.push(now);
      if (old && !now) removed.push(old);
    });
    return { removed: keysInOrder(removed), present: keysInOrder(present) };
  }

  /** The plain form: made once, in time that follows the object's size; what did not change is shared by reference. */
  toPlain(): JsonObject {
    if (this.#plain) return this.#plain;
    const plain: JsonObject = {};
    for (const { key, value } of this.inOrder()) plain[key] = value instanceof LargeObject ? value.toPlain() : value;
    this.#plain = plain;
    persistentForms.set(plain, this);
    return plain;
  }

  /** The text of the plain form as compact JSON, without making that form; `kept-text.ts` where it is taken often. */
  toText(): string {
    const members: string[] = [];
    for (const entry of this.inOrder()) {
      const text = memberText(entry, textOf);
      if (text === undefined) return JSON.stringify(this.toPlain());
      members.push(text);
    }
    return `{${members.join(',')}}`;
  }

  /** Its entries, in the order of the members. */
  inOrder(): Entry[] {
    const entries = entriesOf([this.root]);
    // Where members were removed again and again, most places are empty.
    if (this.#nextSequence > entries.length * 4) return entries.sort(bySequence);
    const places: Entry[] = [];
    places.length = this.#nextSequence;
    for (const entry of entries) places[entry.sequence] = entry;
    return places.length === entries.length ? places : places.filter((entry) => entry !== undefined);
  }
}

function plainFormOf(object: JsonObject | LargeObject): JsonObject {
  return object instanceof LargeObject ? object.toPlain() : object;
}

/**
 * The member as JSON; `undefined` for a key that may be an index, which JavaScript lists before all others.
 *
 * @param textOf the text of a value that is no number and no boolean: to write those without a call of the serialiser
 *   saves most of the time that a large object takes
 */
export function memberText({ key, value }: Entry, textOf: (value: Part) => string): string | undefined {
  if (INDEX_KEY.test(key)) return undefined;
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : textOf(value);
  return `${JSON.stringify(key)}:${text}`;
}

function textOf(value: Part): string {
  return value instanceof LargeObject ? value.toText() : JSON.stringify(value);
}

/** Changes in the order of their keys, each with the place of a new member. */
function sortedChanges(
  changes: MemberChanges,
  firstSequence: number,
): { readonly key: string; readonly value: Part | undefined; readonly sequence: number }[] {
  return changes.map(([key, value], index) => ({ key, value, sequence: firstSequence + index })).sort(byKey);
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : 1;
}

function bySequence(a: Entry, b: Entry): number {
  return a.sequence - b.sequence;
}

function keysInOrder(entries: Entry[]): string[] {
  return entries.sort(bySequence).map(({ key }) => key);
}

/** The index of the first entry whose key is not less: where the key is, or is to be. */
function positionOf(entries: readonly Entry[], key: string): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.key ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the child that may hold the key. */
function childOf(keys: readonly string[], key: string): number {
  let [low, high] = [1, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function find(root: Node, key: string): Entry | undefined {
  let node: Node | undefined = root;
  while (node && 'children' in node) node = node.children[childOf(node.keys, key)];
  const entry = node?.entries[positionOf(node.entries, key)];
  return entry?.key === key ? entry : undefined;
}

/** The node with that entry; two nodes where it would become too wide. */
function put(node: Node, entry: Entry): readonly Node[] {
  if ('entries' in node) {
    const index = positionOf(node.entries, entry.key);
    const replaced = node.entries[index]?.key === entry.key ? 1 : 0;
    const entries = node.entries.toSpliced(index, replaced, entry);
    return entries.length <= NODE_WIDTH ? [{ entries }] : halves(entries).map((half): Node => ({ entries: half }));
  }
  const index = childOf(node.keys, entry.key);
  const child = node.children[index];
  return withChildren(node, index, child ? put(child, entry) : [{ entries: [entry] }]);
}

/** The node without that key, or `undefined` where nothing is left. Nodes are not merged: a reload makes a new tree. */
function remove(node: Node, key: string): Node | undefined {
  if ('entries' in node) {
    const entries = node.entries.toSpliced(positionOf(node.entries, key), 1);
    return entries.length > 0 ? { entries } : undefined;
  }
  const index = childOf(node.keys, key);
  const child = node.children[index];
  const rest = child && remove(child, key);
  return withChildren(node, index, rest ? [rest] : [])[0];
}

/**
 * The branch with these in the place of a child: two branches where it would become too wide, none without children.
 */
function withChildren(branch: Branch, index: number, given: readonly Node[]): readonly Branch[] {
  const children = branch.children.toSpliced(index, 1, ...given);
  if (children.length > NODE_WIDTH) return halves(children).map(branchOf);
  const [only] = given;
  if (given.length === 1 && only && leastKey(only) === branch.keys[index]) return [{ keys: branch.keys, children }];
  return children.length > 0 ? [branchOf(children)] : [];
}

/** The tree of entries in the order of their keys. */
function build(entries: readonly Entry[]): Node {
  let nodes: Node[] = chunks(entries).map((chunk): Node => ({ entries: chunk }));
  while (nodes.length > 1) nodes = chunks(nodes).map(branchOf);
  return nodes[0] ?? EMPTY;
}

function branchOf(children: readonly Node[]): Branch {
  return { keys: children.map(leastKey), children };
}

function leastKey(node: Node): string {
  return ('children' in node ? node.keys[0] : node.entries[0]?.key) ?? '';
}

/** All entries of these nodes, in the order of their keys: one list that grows, as this is done for every commit. */
function entriesOf(nodes: readonly Node[], entries: Entry[] = []): Entry[] {
  for (const node of nodes) {
    if ('children' in node) entriesOf(node.children, entries);
    else for (const entry of node.entries) entries.push(entry);
  }
  return entries;
}

/**
 * The entries of the nodes that two trees do not share, in the order of their keys. Nodes are compared by reference,
 * level by level: where one of the trees is higher, its root is opened first, so that both sides are of one height.
 */
function unshared(before: Node, after: Node): [Entry[], Entry[]] {
  let [left, right]: [readonly Node[], readonly Node[]] = [[before], [after]];
  for (;;) {
    [left, right] = withoutShared(left, right);
    const [leftHeight, rightHeight] = [heightOf(left), heightOf(right)];
    if (leftHeight === 0 && rightHeight === 0) return [entriesOf(left), entriesOf(right)];
    if (leftHeight >= rightHeight) left = left.flatMap(childrenOf);
    if (rightHeight >= leftHeight) right = right.flatMap(childrenOf);
  }
}

function withoutShared(left: readonly Node[], right: readonly Node[]): [readonly Node[], readonly Node[]] {
  // Most changes touch one node of a level: what is equal before and behind it needs no sets.
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  let [leftEnd, rightEnd] = [left.length, right.length];
  while (leftEnd > start && rightEnd > start && left[leftEnd - 1] === right[rightEnd - 1]) {
    leftEnd -= 1;
    rightEnd -= 1;
  }
  const [some, others] = [left.slice(start, leftEnd), right.slice(start, rightEnd)];
  if (some.length <= 1 && others.length <= 1) return [some, others];
  const [known, given] = [new Set(some), new Set(others)];
  return [some.filter((node) => !given.has(node)), others.filter((node) => !known.has(node))];
}

/**
 * Calls back with the entries of two versions that are not the same entry, key by key: `undefined` on the side that has
 * none of that key.
 */
export function eachDifferent(
  before: Node,
  after: Node,
  callback: (old: Entry | undefined, now: Entry | undefined) => void,
): void {
  const [left, right] = unshared(before, after);
  let index = 0;
  for (const now of right) {
    let old = left[index];
    for (; old && old.key < now.key; old = left[(index += 1)]) callback(old, undefined);
    const same = old?.key === now.key ? old : undefined;
    if (same) index += 1;
    if (same !== now) callback(same, now);
  }
  for (const old of left.slice(index)) callback(old, undefined);
}

function childrenOf(node: Node): readonly Node[] {
  return 'children' in node ? node.children : [node];
}

/** Branches above the leaves; all of these nodes are of one height. */
function heightOf([first]: readonly Node[]): number {
  let height = 0;
  let node = first;
  while (node && 'children' in node) {
    height += 1;
    node = node.children[0];
  }
  return height;
}

function halves<T>(items: readonly T[]): [T[], T[]] {
  const middle = items.length >>> 1;
  return [items.slice(0, middle), items.slice(middle)];
}

/** Groups that leave room, so that a tree that was just built does not split with its first changes. */
function chunks<T>(items: readonly T[]): T[][] {
  const width = (NODE_WIDTH * 3) / 4;
  return Array.from({ length: Math.ceil(items.length / width) }, (_none, index) =>
    items.slice(index * width, (index + 1) * width),
  );
}
