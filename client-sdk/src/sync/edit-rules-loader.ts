/** The rules for pages that edit, once they are loaded. */
export type EditRules = typeof import('./edit-rules.ts');

/** Code that is loaded when it is needed. */
export interface EditRulesLoader {
  /** The rules; `undefined` while they are not loaded. */
  readonly now: () => EditRules | undefined;
  /** Loads them, unless they are loaded or on their way. After a failure, another call tries again. */
  readonly load: () => void;
  /** Calls back once they are loaded, in the order of the calls; at once where they are. */
  readonly whenLoaded: (callback: (rules: EditRules) => void) => void;
}

/** Once one campaign has loaded them, all others have them at once. */
let loadedBefore: EditRules | undefined;

export function createEditRulesLoader(): EditRulesLoader {
  let rules: EditRules | undefined;
  let isLoading = false;
  const waiting: ((rules: EditRules) => void)[] = [];

  function onLoaded(loaded: EditRules): void {
    rules = loadedBefore = loaded;
    for (const callback of waiting.splice(0)) callback(loaded);
  }

  return {
    now: () => rules,
    load() {
      if (rules || isLoading) return;
      if (loadedBefore) return onLoaded(loadedBefore);
      isLoading = true;
      import('./edit-rules.ts').then(onLoaded, () => (isLoading = false));
    },
    whenLoaded(callback) {
      if (rules) callback(rules);
      else waiting.push(callback);
    },
  };
}
