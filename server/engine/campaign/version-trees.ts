import type { DocumentTree } from '../../core/document/document-tree.ts';
import { hasTargeting } from '../../core/targeting/targeting.ts';

/**
 * The documents behind a campaign's newest entries, as far as somebody's view of them depends on rules. Versions of a
 * document share what they have in common, so that keeping them costs about as much as their entries. Of a campaign
 * without targeting none are kept.
 */
export interface VersionTrees {
  /**
   * Records an entry.
   *
   * @param floor the version before the oldest entry in the ring
   */
  push(step: {
    readonly version: number;
    readonly before: DocumentTree;
    readonly after: DocumentTree;
    /** Whether the entry names targeting. */
    readonly touches: boolean;
    readonly floor: number;
  }): void;
  /**
   * The document at a version, or `'plain'` where it is known that it had no targeting, so that all of its entries up
   * to the next change of the targeting are what they are; `undefined` where neither is known.
   */
  at(version: number): DocumentTree | 'plain' | undefined;
  /** The document at a version, if it is kept: of each entry that names targeting, those before and after it are. */
  document(version: number): DocumentTree | undefined;
  /** The first version after that one whose entry names targeting. */
  nextTouched(version: number): number | undefined;
  /** Takes over what another one knows of the versions up to that one: those of a timeline that both share. */
  adopt(older: VersionTrees, upTo: number): void;
  /** All of it, for {@link adopt}. */
  readonly held: {
    readonly trees: ReadonlyMap<number, DocumentTree>;
    readonly touched: ReadonlySet<number>;
    readonly newest: { readonly version: number; readonly document: DocumentTree };
  };
}

/**
 * Creates it for a campaign at a version.
 *
 * @param touched versions up to that one whose entries, which are in the ring, name targeting
 * @param floor the version before the oldest entry in the ring: of what lies before it nothing is known
 */
export function createVersionTrees(
  head: { readonly version: number; readonly document: DocumentTree },
  touched: readonly number[],
  floor: number,
): VersionTrees {
  const trees = new Map<number, DocumentTree>();
  const touchedVersions = new Set(touched);
  let newest = head;
  let knownFrom = floor;

  const nextTouched = (version: number): number | undefined => {
    // In the order of versions, which is that of insertion.
    for (const candidate of touchedVersions) if (candidate > version) return candidate;
    return undefined;
  };

  const known = (version: number): DocumentTree | undefined =>
    version === newest.version ? newest.document : trees.get(version);

  return {
    push({ version, before, after, touches, floor: ringFloor }) {
      knownFrom = ringFloor;
      if (touches || hasTargeting(before)) trees.set(version - 1, before);
      if (touches) {
        trees.set(version, after);
        touchedVersions.add(version);
      }
      newest = { version, document: after };
      for (const old of trees.keys()) {
        if (old >= ringFloor) break;
        trees.delete(old);
      }
      for (const old of touchedVersions) {
        if (old > ringFloor) break;
        touchedVersions.delete(old);
      }
    },

    at(version) {
      const document = known(version);
      if (document) return hasTargeting(document) ? document : 'plain';
      if (version < knownFrom || version > newest.version) return undefined;
      const next = nextTouched(version);
      const later = known(next === undefined ? newest.version : next - 1);
      return later && !hasTargeting(later) ? 'plain' : undefined;
    },

    document: known,
    nextTouched,

    adopt({ held }, upTo) {
      const kept = [...held.trees, [held.newest.version, held.newest.document] as const];
      const merged = new Map([...kept.filter(([version]) => version <= upTo), ...trees]);
      const versions = [...held.touched].filter((version) => version <= upTo);
      const allTouched = new Set([...versions, ...touchedVersions]);
      trees.clear();
      for (const [version, document] of inOrder(merged)) trees.set(version, document);
      touchedVersions.clear();
      for (const version of [...allTouched].sort((a, b) => a - b)) touchedVersions.add(version);
    },

    get held() {
      return { trees, touched: touchedVersions, newest };
    },
  };
}

function inOrder<T>(byVersion: ReadonlyMap<number, T>): (readonly [number, T])[] {
  return [...byVersion].sort(([a], [b]) => a - b);
}
