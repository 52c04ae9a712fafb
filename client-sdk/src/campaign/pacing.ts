import type { EditCommand } from '../../../server/core/commands/command.ts';
import type { Clock } from '../clock.ts';
import { composePatches } from '../sync/compose-patch.ts';
import type { CampaignUpdates } from '../document.ts';
import { updateCommand } from './commands.ts';
import { CampaignError } from '../errors.ts';
import { refuseUnsendable } from './outbox.ts';
import type { Campaign, Change, Pace } from '../types.ts';

/** The edits of a campaign, as pacing sees them. */
export interface HeldEdit {
  /** The command of the edit that is held, if one is. */
  readonly command: () => EditCommand | undefined;
  /** A new edit, shown and held. */
  readonly begin: (build: () => EditCommand) => Change;
  /** The held edit with another command. */
  readonly amend: (command: EditCommand) => Change | undefined;
  /** It may be sent. */
  readonly release: () => void;
}

export interface Pacing extends Pick<Campaign, 'pacedUpdate' | 'flush'> {
  /** What was held is being sent for another reason. */
  readonly cancel: () => void;
}

/** Updates that follow each other closely are shown one by one, and sent as one mutation. */
export function createPacing(held: HeldEdit, clock: Clock): Pacing {
  let cancel = () => {};

  function flush(): void {
    cancel();
    held.release();
  }

  function amend(updates: CampaignUpdates): Change | undefined {
    const command = composed(held.command(), updates);
    return command && held.amend(command);
  }

  return {
    cancel: () => cancel(),
    flush,
    pacedUpdate(updates, { wait, mode = 'debounce' }: Pace) {
      const more = amend(updates);
      if (more && mode === 'throttle') return more;
      const change = more ?? held.begin(() => updateCommand(updates));
      cancel();
      cancel = clock.after(wait, flush);
      return change;
    },
  };
}

/** Both as one command; `undefined` where none says both, and where what is new must be refused on its own. */
function composed(before: EditCommand | undefined, updates: CampaignUpdates): EditCommand | undefined {
  if (before?.type !== 'update') return undefined;
  try {
    const patch = composePatches(before.updates, updateCommand(updates).updates);
    if (!patch) return undefined;
    const command: EditCommand = { type: 'update', updates: patch };
    refuseUnsendable(command, 0);
    return command;
  } catch (thrown) {
    if (thrown instanceof CampaignError) return undefined;
    throw thrown;
  }
}
