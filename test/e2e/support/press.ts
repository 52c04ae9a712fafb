import type { Locator } from '../../tools/browser.ts';
import { eventually } from './eventually.ts';

/** Presses a key in a control once it can be used: where one is disabled, as while a page loads, keys do nothing. */
export async function press(control: Locator, key: string): Promise<void> {
  await eventually(() => control.isEnabled()).toBe(true);
  await control.press(key);
}
