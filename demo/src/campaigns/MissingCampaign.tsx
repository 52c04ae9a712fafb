import { useAccess, useCampaignSnapshot } from '@campaign-state/client/react';
import { Problem } from '../status/Problem.tsx';
import type { Refused } from '../status/say-refusal.ts';
import { useCommands } from '../ways/commands.ts';
import { go } from '../ways/place.ts';

/** A campaign that is not there, or not for one's eyes; and the ways on from there. */
export function MissingCampaign({ error }: { error: Refused }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const { role } = useAccess();
  const commands = useCommands();
  const run = (name: string) => commands.find((command) => command.name === name)?.run();
  return (
    <section className="missing" id="editor" tabIndex={-1} aria-label="Ways on">
      <Problem title="This campaign cannot be opened" error={error} />
      <p>
        Its address may be an old one, or it was deleted
        {campaignId === undefined ? '' : `: nothing is called ${campaignId}`}. Others are in the list.
      </p>
      <p className="missing-ways">
        <button type="button" className="primary" onClick={() => run('search')}>
          Search campaigns
        </button>
        {role === 'admin' && (
          <button type="button" onClick={() => run('create')}>
            New campaign
          </button>
        )}
        <button
          type="button"
          onClick={() => go({ campaign: undefined, tab: undefined, version: undefined, section: undefined })}
        >
          Open the first one
        </button>
      </p>
    </section>
  );
}
