import { useSyncExternalStoreWithSelector } from 'use-sync-external-store/with-selector';
import type { Readable } from '../types.ts';

/** Options of {@link useSelected}. */
export interface SelectOptions<T> {
  /** When two selections count as the same. Default `Object.is`. */
  readonly isEqual?: ((a: T, b: T) => boolean) | undefined;
  /** With `false`, what is known is shown, and nothing is subscribed to. Default true. */
  readonly enabled?: boolean | undefined;
  /**
   * What hydration shows: the snapshot that the page was rendered with (`initial`, the default), or the present one
   * (`current`), for components that were not rendered before there was something.
   */
  readonly hydrateWith?: 'initial' | 'current' | undefined;
}

const NO_SUBSCRIPTION = () => () => {};

/**
 * A selection of a store, read without tearing: the component renders only when its selection changes.
 *
 * @param select should be stable; a new function selects again, and an equal selection keeps its identity.
 */
export function useSelected<S, T>(store: Readable<S>, select: (snapshot: S) => T, options: SelectOptions<T> = {}): T {
  const { isEqual = Object.is, enabled = true, hydrateWith = 'initial' } = options;
  return useSyncExternalStoreWithSelector(
    enabled ? store.subscribe : NO_SUBSCRIPTION,
    store.getSnapshot,
    hydrateWith === 'current' ? store.getSnapshot : store.getInitialSnapshot,
    select,
    isEqual,
  );
}
