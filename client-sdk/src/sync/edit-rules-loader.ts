import type { Clock } from '../clock.ts';

/** The rules for pages that edit, once they are loaded. */
export type EditRules = typeof import('./edit-rules.ts');

/** Code that is loaded when it is needed. */
export interface EditRulesLoader {
  /** The rules; `undefined` while they are not loaded. */
  readonly now: () => EditRules | undefined;
  /**
   * Loads them, unless they are loaded or on their way. After a failure they are tried again after 5 s, and at once by
   * another call.
   */
  readonly load: () => Promise<EditRules>;
  /** Calls back once they are loaded, in the order of the calls; at once where they are. */
  readonly whenLoaded: (callback: (rules: EditRules) => void) => void;
  /** Tries no more. */
  readonly stop: () => void;
}

const RETRY_MS = 5_000;

export function createEditRulesLoader(
  clock: Pick<Clock, 'after'>,
  fetchRules: () => Promise<EditRules> = () => import('./edit-rules.ts'),
): EditRulesLoader {
  let rules: EditRules | undefined;
  let loading: Promise<EditRules> | undefined;
  let isStopped = false;
  let cancelRetry = () => {};
  const waiting: ((rules: EditRules) => void)[] = [];

  function onLoaded(loaded: EditRules): EditRules {
    rules = loaded;
    for (const callback of waiting.splice(0)) callback(loaded);
    return loaded;
  }

  function onFailure(cause: unknown): never {
    loading = undefined;
    if (!isStopped) cancelRetry = clock.after(RETRY_MS, load);
    throw cause;
  }

  function load(): Promise<EditRules> {
    cancelRetry();
    if (!loading) {
      loading = fetchRules().then(onLoaded, onFailure);
      // Whoever waits for it is told.
      loading.catch(() => undefined);
    }
    return loading;
  }

  return {
    now: () => rules,
    load,
    whenLoaded(callback) {
      if (rules) callback(rules);
      else waiting.push(callback);
    },
    stop() {
      isStopped = true;
      cancelRetry();
    },
  };
}
