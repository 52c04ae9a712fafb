import { useSyncExternalStore } from 'react';
import type { Viewer } from '@campaign-state/client';
import { valueOf } from './condition.ts';

/** An attribute as it is typed. */
export interface TypedAttribute {
  readonly name: string;
  readonly value: string;
}

/** Somebody whom one makes up, to see the page with their eyes. */
export interface MadeUpViewer {
  readonly attributes: readonly TypedAttribute[];
  /** Whether the audience pane shows the page as they see it. */
  readonly isShown: boolean;
}

const FIRST: MadeUpViewer = { attributes: [{ name: 'userId', value: 'u-1' }], isShown: false };

let current = FIRST;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The viewer of this console, in every campaign, and how to change it. */
export function useMadeUpViewer(): [MadeUpViewer, (change: Partial<MadeUpViewer>) => void] {
  const viewer = useSyncExternalStore(subscribe, () => current);
  return [viewer, change];
}

function change(part: Partial<MadeUpViewer>): void {
  current = { ...current, ...part };
  listeners.forEach((listener) => listener());
}

/** What the server is told of them: attributes without a name, or without a value, are none. */
export function viewerOf({ attributes }: Pick<MadeUpViewer, 'attributes'>): Viewer {
  const known = attributes.filter(isComplete).map(({ name, value }) => [name.trim(), valueOf(value)] as const);
  return { attributes: Object.fromEntries(known) };
}

/** Who they are, in a few words. */
export function sayViewer({ attributes }: Pick<MadeUpViewer, 'attributes'>): string {
  const [first, ...others] = attributes.filter(isComplete);
  if (!first) return 'somebody unknown';
  return `${first.name} ${first.value}${others.length === 0 ? '' : ` and ${others.length} more`}`;
}

function isComplete({ name, value }: TypedAttribute): boolean {
  return name.trim() !== '' && value.trim() !== '';
}
