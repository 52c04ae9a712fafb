import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type { Readable } from '../types.ts';

export interface SelectOptions<T> {
  /** When two selections count as the same. Default `Object.is`. */
  readonly isEqual?: ((a: T, b: T) => boolean) | undefined;
  /** With `false`, what is known is shown, and nothing is subscribed to. Default true. */
  readonly enabled?: boolean | undefined;
  /**
   * What to show while a page that was rendered elsewhere is taken over: what it began with there (default), or what is
   * known now, for components that were not rendered before there was something.
   */
  readonly takeOver?: 'initial' | 'current';
}

const NO_SUBSCRIPTION = () => () => {};

/** A part of a store, read without tearing; renders only when the part changes. */
export function useSelected<S, T>(store: Readable<S>, select: (snapshot: S) => T, options: SelectOptions<T> = {}): T {
  const { isEqual = Object.is, enabled = true, takeOver = 'initial' } = options;
  /** What is on the screen: a new selector that selects an equal value must not replace it. */
  const shown = useRef<{ selection: T } | undefined>(undefined);
  const getSelection = useMemo(() => {
    let last: { snapshot: S; selection: T } | undefined;
    return () => {
      const snapshot = store.getSnapshot();
      if (last && Object.is(last.snapshot, snapshot)) return last.selection;
      const selection = select(snapshot);
      const before = last ?? shown.current;
      last = { snapshot, selection: before && isEqual(before.selection, selection) ? before.selection : selection };
      return last.selection;
    };
  }, [store, select, isEqual]);
  const getInitialSelection = useMemo(() => {
    if (takeOver === 'current') return getSelection;
    let first: { selection: T } | undefined;
    return () => (first ??= { selection: select(store.getInitialSnapshot()) }).selection;
  }, [store, select, takeOver, getSelection]);
  const selection = useSyncExternalStore(
    enabled ? store.subscribe : NO_SUBSCRIPTION,
    getSelection,
    getInitialSelection,
  );
  useEffect(() => {
    shown.current = { selection };
  }, [selection]);
  return selection;
}

/**
 * Whether two flat records have the same members: for a selector that puts some together.
 *
 * @example useCampaign((s) => ({ title: s.title, status: s.status }), { isEqual: shallowEqual });
 */
export function shallowEqual<T extends object>(a: T, b: T): boolean {
  const entries = Object.entries(a);
  const others = new Map(Object.entries(b));
  return (
    entries.length === others.size &&
    entries.every(([key, value]) => others.has(key) && Object.is(value, others.get(key)))
  );
}
