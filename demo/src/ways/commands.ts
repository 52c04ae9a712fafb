import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';

/** Something that can be done from anywhere: by the palette, and by its key. */
export interface Command {
  readonly name: string;
  /** What it does, as the palette says it. */
  readonly label: string;
  /** The key that does it while nothing is typed in. */
  readonly key?: string;
  readonly run: () => void;
}

const commands = new Map<string, Command>();
const listeners = new Set<() => void>();
let list: readonly Command[] = [];

function publish(): void {
  list = [...commands.values()];
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Offers a command for as long as the component is there; `false` offers nothing. */
export function useCommand(command: Command | false): void {
  const { name, label, key } = command === false ? {} : command;
  const run = useEffectEvent(() => {
    if (command !== false) command.run();
  });
  useEffect(() => {
    if (name === undefined || label === undefined) return undefined;
    const offered: Command = { name, label, run: () => run(), ...(key !== undefined && { key }) };
    commands.set(name, offered);
    publish();
    return () => {
      // Another one may have taken the name meanwhile.
      if (commands.get(name) !== offered) return;
      commands.delete(name);
      publish();
    };
  }, [name, label, key]);
}

/** What can be done now. */
export function useCommands(): readonly Command[] {
  return useSyncExternalStore(subscribe, () => list);
}
