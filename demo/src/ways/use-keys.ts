import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';
import { readStored, writeStored } from '../storage.ts';
import { useCommands } from './commands.ts';

const STORED = 'campaign-state-keys';
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function areOn(): boolean {
  return readStored(STORED) !== 'off';
}

/** Whether single keys are shortcuts. Who speaks to his computer, or hits keys by chance, turns them off. */
export function useSingleKeys(): [boolean, (areOn: boolean) => void] {
  return [
    useSyncExternalStore(subscribe, areOn),
    (on) => {
      writeStored(STORED, on ? 'on' : 'off');
      listeners.forEach((listener) => listener());
    },
  ];
}

/** Runs the commands of the keys that are pressed, and `openPalette` at Ctrl or ⌘ and K. */
export function useKeys(openPalette: () => void): void {
  const commands = useCommands();
  const [areSingle] = useSingleKeys();
  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing) return;
    const isPalette = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k';
    if (isPalette) {
      event.preventDefault();
      openPalette();
      return;
    }
    if (!areSingle || event.ctrlKey || event.metaKey || event.altKey || isTyped(event.target)) return;
    if (document.querySelector('dialog:modal')) return;
    const command = commands.find(({ key }) => key === event.key);
    if (!command) return;
    event.preventDefault();
    command.run();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKeyDown(event);
    addEventListener('keydown', listener);
    return () => removeEventListener('keydown', listener);
  }, []);
}

function isTyped(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.matches('textarea, select, input:not([type=radio], [type=checkbox], [type=range], [type=color])'))
  );
}
