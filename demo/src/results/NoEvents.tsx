import { useCampaignSnapshot } from '@campaign-state/client/react';
import { clientOf } from '../connect-app/client-lines.ts';
import { useServer } from '../connect-app/use-server.ts';
import { AloneLink } from '../ways/AloneLink.tsx';

/** What there is to do before there is anything to see. */
export function NoEvents({ rule }: { rule: string | undefined }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const server = useServer();
  return (
    <div className="no-events">
      <p>
        {rule === undefined
          ? 'No rule divides the people of this campaign yet. Make one in the tab Audience, with two arms and a metric; then an app tells what they see and do:'
          : `Nobody has been seen by ${rule} yet. An app tells what its viewers see and do:`}
      </p>
      <pre tabIndex={0} aria-label="How to send the first event">
        <code>{`const client = ${clientOf(server, ['viewer: { attributes: { deviceId } }', 'tracking: { consent: true }'])};
const campaign = client.campaign('${campaignId}');

campaign.expose('${rule ?? 'price'}');     // the viewer is shown its arm
campaign.track('lead');       // and has done what a metric counts
campaign.track('paid', { value: 19.9 });`}</code>
      </pre>
      <p>
        With React, <code>useExperiment</code> exposes by itself. Or look at it with people who are made up:{' '}
        <code>npm run demo:traffic</code>. Or <AloneLink campaignId={campaignId}>open the page alone</AloneLink>, and
        let yourself be counted.
      </p>
    </div>
  );
}
