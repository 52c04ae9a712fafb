import { conflictsOf, type ConflictsView } from '../views/campaign-views.ts';
import type { CampaignHookOptions } from './types.ts';
import { useView } from './use-view.ts';

/** What {@link useConflicts} returns. */
export type { ConflictsView as UseConflictsResult } from '../views/campaign-views.ts';

/**
 * The conflicts of this client's edits with those of others, and how to resolve them.
 *
 * @example
 * const { conflicts, resolve } = useConflicts();
 * conflicts.map(({ mutationId, path, theirs, mine, actor }) => (
 *   <p key={path.join()}>
 *     {actor?.id} wrote {String(theirs)}, you wrote {String(mine)}.
 *     <button onClick={() => resolve(mutationId, 'theirs')}>Take theirs</button>
 *     <button onClick={() => resolve(mutationId, 'mine')}>Keep mine</button>
 *   </p>
 * ));
 */
export function useConflicts(options?: CampaignHookOptions): ConflictsView {
  return useView(conflictsOf, options);
}
