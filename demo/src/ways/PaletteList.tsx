import { useState } from 'react';
import { Command } from 'cmdk';
import { useCampaignTable } from '@campaign-state/client/react/campaigns';
import { useSettled } from '../use-settled.ts';
import { useCommands } from './commands.ts';
import { openCampaign } from './place.ts';

/** Campaigns that are shown, at most. */
const MAX_CAMPAIGNS = 8;
/** How long somebody has to pause before the server is asked, in milliseconds. */
const TYPING_MS = 150;

/** What the palette finds: campaigns by the server's search, tabs and actions by their names. */
export function PaletteList({ close }: { close: () => void }) {
  const [text, setText] = useState('');
  const asked = useSettled(text.trim(), TYPING_MS);
  const { rows, total, status } = useCampaignTable({ archived: false, ...(asked !== '' && { search: asked }) });
  const commands = useCommands();
  const wanted = text.trim().toLowerCase();
  const found = commands.filter(({ label }) => label.toLowerCase().includes(wanted));
  // Until the server has answered, what is known already: whoever hits Enter at once gets what he has typed.
  const isAnswered = status !== 'pending' && asked === text.trim();
  const campaigns = [...rows.values()]
    .filter(({ campaignId, title }) => isAnswered || `${campaignId} ${title}`.toLowerCase().includes(wanted))
    .slice(0, MAX_CAMPAIGNS);

  /** Closed first: what it does may move the focus. */
  function run(act: () => void): void {
    close();
    requestAnimationFrame(act);
  }

  return (
    <Command label="Go to, or do" shouldFilter={false} loop>
      <Command.Input autoFocus placeholder="A campaign, a tab, an action" value={text} onValueChange={setText} />
      <Command.List>
        {found.length === 0 && campaigns.length === 0 && (
          <p className="empty" role="status">
            {isAnswered ? 'Nothing of that name.' : 'Looking…'}
          </p>
        )}
        {campaigns.length > 0 && (
          <Command.Group
            heading={isAnswered && total > campaigns.length ? `Campaigns, the first of ${total}` : 'Campaigns'}
          >
            {campaigns.map(({ campaignId, title, status: word }) => (
              <Command.Item
                key={campaignId}
                value={`campaign ${campaignId}`}
                onSelect={() => run(() => openCampaign(campaignId))}
              >
                <span dir="auto">{title || campaignId}</span> <small>{word}</small>
              </Command.Item>
            ))}
          </Command.Group>
        )}
        {found.length > 0 && (
          <Command.Group heading="Tabs and actions">
            {found.map(({ name, label, key, run: act }) => (
              <Command.Item key={name} value={`command ${name}`} onSelect={() => run(act)}>
                <span>{label}</span> {key !== undefined && <kbd>{key}</kbd>}
              </Command.Item>
            ))}
          </Command.Group>
        )}
      </Command.List>
    </Command>
  );
}
