import type { Clock } from '../ports.ts';

/** Budget of work for each turn of the event loop, shared by the queues of all campaigns. */
export interface TurnBudget {
  /**
   * Resolves in a turn that has budget left for work of that weight (`weightOf`), which the caller does before it
   * awaits anything else. Callers take turns in the order in which they asked, so that a queue that asks for one group
   * after another leaves a turn to each of the others in between. Work that weighs more than a turn's budget has a turn
   * alone.
   */
  spend(weight: number): Promise<void>;
}

/**
 * Creates the budget of one instance.
 *
 * Everything else of the process waits for the end of a turn: sockets are not read, heartbeats are not answered. A
 * queue bounds its own groups, but a log in memory answers within the turn, and a thousand campaigns may decide in the
 * same one: so the budget is kept over all of them. Weights are counted, not time, so that simulated runs are the same
 * every time.
 */
export function createTurnBudget(clock: Pick<Clock, 'turn'>, weightPerTurn: number): TurnBudget {
  const waiting: { readonly weight: number; readonly begin: () => void }[] = [];
  let spent = 0;
  let isTurnOpen = false;

  const fits = (weight: number): boolean => !isTurnOpen || spent + weight <= weightPerTurn;

  const take = (weight: number): void => {
    spent += weight;
    if (isTurnOpen) return;
    isTurnOpen = true;
    clock.turn(nextTurn);
  };

  const nextTurn = (): void => {
    isTurnOpen = false;
    spent = 0;
    for (let next = waiting[0]; next && fits(next.weight); next = waiting[0]) {
      waiting.shift();
      take(next.weight);
      next.begin();
    }
  };

  return {
    spend(weight) {
      if (waiting.length === 0 && fits(weight)) {
        take(weight);
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push({ weight, begin: resolve }));
    },
  };
}
