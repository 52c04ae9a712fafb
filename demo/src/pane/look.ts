import { useSyncExternalStore } from 'react';
import type { Status } from '../audience/statuses.ts';

/** Devices that the page is shown on, with the width of their screens in CSS pixels. */
export const DEVICES = { phone: 390, tablet: 820, desktop: 1280 } as const;
export type Device = keyof typeof DEVICES;

export const SCHEMES = ['light', 'dark'] as const;
export type Scheme = (typeof SCHEMES)[number];

/** How the audience pane shows the page. What is missing is as it is: here, on this device, in the document. */
export interface Look {
  readonly device?: Device | undefined;
  readonly scheme?: Scheme | undefined;
  readonly status?: Status | undefined;
}

let current: Look = {};
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The look of this console's pane, for every campaign, and how to change it. */
export function useLook(): [Look, (change: Look) => void] {
  return [useSyncExternalStore(subscribe, () => current), change];
}

function change(part: Look): void {
  current = { ...current, ...part };
  listeners.forEach((listener) => listener());
}

const dark = matchMedia('(prefers-color-scheme: dark)');

function subscribeToDevice(listener: () => void): () => void {
  dark.addEventListener('change', listener);
  return () => dark.removeEventListener('change', listener);
}

/** Whether this device shows pages light or dark. */
export function useDeviceScheme(): Scheme {
  return useSyncExternalStore(subscribeToDevice, () => (dark.matches ? 'dark' : 'light'));
}
