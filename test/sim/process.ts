import type { Clock } from '../../server/engine/ports.ts';

/** A process of the simulation: its timers end with it, and stand still while it does. */
export interface SimProcess {
  readonly clock: Clock;
  /** `draining`: it stops, and takes no new connections. */
  phase: 'up' | 'draining' | 'down';
  /** Calls back when it is gone; returns how to stop that. */
  onDown(callback: () => void): () => void;
  /** SIGSTOP for that long: nothing of it happens, and then all that was due does. */
  pause(milliseconds: number): void;
  /** SIGCONT, before its time. */
  resume(): void;
  /** Resolves at once, or when it goes on. */
  awake(): Promise<void>;
  /** Nothing of it happens from now on. */
  end(): void;
}

export function createProcess(clock: Clock): SimProcess {
  const cancels = new Set<() => void>();
  const downs = new Set<() => void>();
  /** What was due while it was paused. */
  let held: (() => void)[] | undefined;

  const own: Clock = {
    ...clock,
    after(milliseconds, callback) {
      if (process.phase === 'down') return () => undefined;
      const cancel = clock.after(milliseconds, () => {
        cancels.delete(cancel);
        if (cancelled) return;
        if (held) held.push(() => !cancelled && callback());
        else callback();
      });
      let cancelled = false;
      cancels.add(cancel);
      return () => {
        cancelled = true;
        cancels.delete(cancel);
        cancel();
      };
    },
  };

  const process: SimProcess = {
    clock: own,
    phase: 'up',
    onDown(callback) {
      downs.add(callback);
      return () => downs.delete(callback);
    },
    pause(milliseconds) {
      if (process.phase === 'down' || held) return;
      const standing: (() => void)[] = (held = []);
      clock.after(milliseconds, () => held === standing && process.resume());
    },
    resume() {
      const due = held ?? [];
      held = undefined;
      for (const callback of due) callback();
    },
    awake: () => new Promise((resolve) => (held ? held.push(resolve) : resolve())),
    end() {
      process.phase = 'down';
      held = undefined;
      for (const cancel of cancels) cancel();
      cancels.clear();
      for (const callback of downs) callback();
      downs.clear();
    },
  };
  return process;
}
