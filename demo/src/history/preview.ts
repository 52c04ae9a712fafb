import { useSyncExternalStore } from 'react';

/** A version that the audience pane shows in the place of the present one. */
export interface Preview {
  readonly campaignId: string;
  readonly version: number;
}

let current: Preview | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Shows a version in the audience pane; `undefined` shows the present one again. */
export function setPreview(preview: Preview | undefined): void {
  current = preview;
  listeners.forEach((listener) => listener());
}

/** The version of that campaign that is shown; `undefined`: the present one. */
export function usePreview(campaignId: string | undefined): number | undefined {
  return useSyncExternalStore(subscribe, () => (current?.campaignId === campaignId ? current?.version : undefined));
}
