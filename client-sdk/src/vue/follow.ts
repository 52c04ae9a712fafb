import {
  computed,
  getCurrentInstance,
  onMounted,
  onScopeDispose,
  shallowRef,
  toValue,
  watch,
  type MaybeRefOrGetter,
  type ShallowRef,
} from 'vue';
import { watchSelection } from '../selection.ts';
import type { Readable } from '../types.ts';

/** Options of {@link follow}. */
export interface FollowOptions<T> {
  /** When two selections count as the same. Default `Object.is`. */
  readonly isEqual?: ((a: T, b: T) => boolean) | undefined;
  /** With `false`, what is known is shown, and nothing is subscribed to. Default true. */
  readonly enabled?: MaybeRefOrGetter<boolean | undefined>;
}

/**
 * A selection of a store, live for as long as the scope. A component subscribes once it is mounted, so that a page that
 * is rendered on a server opens no stream.
 *
 * @param source may be another store from time to time
 */
export function follow<S, T>(
  source: () => Readable<S>,
  select: (snapshot: S) => T,
  { isEqual = Object.is, enabled = true }: FollowOptions<T> = {},
): Readonly<ShallowRef<T>> {
  const store = computed(source);
  const selection = shallowRef<T>(select(store.value.getSnapshot()));
  const show = (next: T) => isEqual(selection.value, next) || (selection.value = next);
  let stop = () => {};
  const start = () =>
    watch(
      [store, () => toValue(enabled) ?? true] as const,
      ([current, isEnabled]) => {
        stop();
        stop = isEnabled ? watchSelection(current, select, show, isEqual) : () => {};
        if (!isEnabled) show(select(current.getSnapshot()));
      },
      { immediate: true, flush: 'sync' },
    );
  if (getCurrentInstance()) onMounted(start);
  else start();
  onScopeDispose(() => stop());
  return selection;
}

/** A store as it is. */
export function itself<T>(snapshot: T): T {
  return snapshot;
}
