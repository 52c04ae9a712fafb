import { useCampaignSnapshot } from '@campaign-state/client/react';
import { Badge } from './measure/Badge.tsx';
import { Operations } from './operations/Operations.tsx';
import { ConnectionPill } from './status/ConnectionPill.tsx';
import { Instance } from './status/Instance.tsx';
import { ConnectApp } from './connect-app/ConnectApp.tsx';
import { Palette } from './ways/Palette.tsx';

/** The name, the figures of the newest change, and the server at the other end. */
export function Masthead() {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const version = useCampaignSnapshot((snapshot) => snapshot.version);
  return (
    <header className="masthead">
      <h1>
        <img src="/mark.svg" alt="" width="24" height="24" /> campaign-state
      </h1>
      {version > 0 ? (
        <Badge campaignId={campaignId} version={version} />
      ) : (
        // The place of what comes.
        <p className="badge badge-place" aria-hidden="true">
          <span>v0</span>
        </p>
      )}
      <div className="masthead-server">
        <Instance />
        <ConnectionPill of="The console's connection" />
        <Palette />
        <ConnectApp />
        <Operations />
      </div>
    </header>
  );
}
