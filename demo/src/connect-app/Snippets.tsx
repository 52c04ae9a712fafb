import { useState } from 'react';
import { useAccess } from '@campaign-state/client/react';
import { usePresence } from '@campaign-state/client/react/presence';
import { Choice } from '../fields/Choice.tsx';
import { CopyButton } from './CopyButton.tsx';
import { countApps } from './count-apps.ts';
import { SNIPPETS } from './snippets.ts';
import { useServer } from './use-server.ts';

/** The lines for one kind of app, filled in; and whether such an app is there. */
export function Snippets({ campaignId }: { campaignId: string }) {
  const server = useServer();
  const { id } = useAccess();
  const apps = countApps(usePresence(), id);
  const [name, choose] = useState(SNIPPETS[0]?.name ?? '');
  const snippet = SNIPPETS.find((each) => each.name === name);
  const lines = snippet?.lines({ ...server, campaignId });
  return (
    <div className="snippets">
      <p className="connect-light" data-on={apps > 0} role="status">
        {apps === 0
          ? 'Waiting for the first app of yours. This light turns on when it connects.'
          : apps === 1
            ? 'An app of yours is connected, and live.'
            : `${apps} apps of yours are connected, and live.`}
      </p>
      <p className="connect-id">
        Campaign <code>{campaignId}</code> <CopyButton of="the id" text={campaignId} />
      </p>
      <Choice label="Kind of app" options={SNIPPETS.map((each) => each.name)} value={name} choose={choose} />
      {snippet?.install !== undefined && (
        <div className="snippet">
          <pre tabIndex={0} role="region" aria-label="What to install">
            <code>{snippet.install}</code>
          </pre>
          <CopyButton of="the command" text={snippet.install} />
        </div>
      )}
      {lines !== undefined && (
        <div className="snippet">
          <pre tabIndex={0} role="region" aria-label={`Lines for ${name}`}>
            <code>{lines}</code>
          </pre>
          <CopyButton of="the lines" text={lines} />
        </div>
      )}
    </div>
  );
}
