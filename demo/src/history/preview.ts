import { go, usePlace } from '../ways/place.ts';

/** Shows a version in the audience pane, and in the address; `undefined` shows the present one again. */
export function setPreview(version: number | undefined): void {
  go({ version });
}

/** The version that is shown; `undefined`: the present one. */
export function usePreview(): number | undefined {
  return usePlace().version;
}
