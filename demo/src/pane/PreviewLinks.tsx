import { useEffect, useId, useRef, useState, type SyntheticEvent } from 'react';
import { trpc } from '@campaign-state/client/react';
import { previewLink } from '../audience/preview-link.ts';
import { keptToken } from '../connect.ts';
import { CopyButton } from '../connect-app/CopyButton.tsx';
import { Choice } from '../fields/Choice.tsx';
import { FieldFrame } from '../fields/FieldFrame.tsx';
import { Ago } from '../history/Ago.tsx';
import { sayRefusal } from '../status/say-refusal.ts';
import { useKeptFocus } from '../ways/use-kept-focus.ts';

const HOUR_MS = 3_600_000;
const LIFETIMES = { '1 hour': HOUR_MS, '1 day': 24 * HOUR_MS, '7 days': 168 * HOUR_MS, '30 days': 720 * HOUR_MS };
type Lifetime = keyof typeof LIFETIMES;
const CHOICES: readonly Lifetime[] = ['1 hour', '1 day', '7 days', '30 days'];

/** What the contract allows. */
const LONGEST_NAME = 100;

const time = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** Makes links to a preview of a campaign, and shows and ends those that there are. */
export function PreviewLinks({ campaignId }: { campaignId: string }) {
  const id = useId();
  const utils = trpc.useUtils();
  const links = trpc.preview.list.useQuery({ campaignId }, { retry: false });
  const create = trpc.preview.create.useMutation();
  const revoke = trpc.preview.revoke.useMutation();
  const [name, setName] = useState('');
  const [lifetime, setLifetime] = useState<Lifetime>('7 days');
  const list = useRef<HTMLElement>(null);
  const live = (links.data ?? []).filter(({ revokedAt }) => revokedAt === undefined);
  useKeptFocus(list, live.length);
  const error = create.error ?? revoke.error ?? links.error;
  const made = create.data && live.some((link) => link.id === create.data.id) ? create.data : undefined;

  const reload = (): Promise<void> => utils.preview.list.invalidate({ campaignId });

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    create.mutate(
      { campaignId, name: name.trim() || 'Somebody', lifetimeMs: LIFETIMES[lifetime] },
      { onSuccess: () => void reload().then(() => setName('')) },
    );
  }

  return (
    <div className="preview-links-panel">
      <p className="panel-intro">
        Whoever has the link sees this campaign’s page as it is, live, also while it is a draft. It lets nobody change
        anything, and shows neither its history nor any other campaign.
      </p>
      {keptToken() === undefined && (
        <p className="field-advice">
          This server asks nobody for a token: whoever reaches it sees the page with any link, also when that has ended.
        </p>
      )}
      <form className="preview-form" onSubmit={submit}>
        <FieldFrame id={id} label="For whom, so that you know it again">
          <input
            id={id}
            type="text"
            dir="auto"
            autoComplete="off"
            maxLength={LONGEST_NAME}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </FieldFrame>
        <Choice label="Ends after" value={lifetime} options={CHOICES} choose={setLifetime} />
        <button type="submit" className="primary" disabled={create.isPending}>
          Make a link
        </button>
      </form>
      {error && (
        <p className="field-error" role="alert">
          {sayRefusal(error)}
        </p>
      )}
      {made && <MadeLink key={made.id} name={made.name} link={previewLink(campaignId, made.key)} />}
      <section ref={list} tabIndex={-1} aria-label="Links that open it now">
        <h3>Links that open it now</h3>
        {links.isPending && <div className="skeleton" role="status" aria-label="Loading the links" />}
        {links.isSuccess && live.length === 0 && <p className="empty">There are none.</p>}
        <ul className="preview-links">
          {live.map((link) => (
            <li key={link.id}>
              <p>
                <b dir="auto">{link.name}</b>
                <span>
                  {link.expiresAt !== undefined && `until ${time.format(link.expiresAt)} · `}
                  made by {link.createdBy} ·{' '}
                  {link.lastUsedAt === undefined ? (
                    'not opened yet'
                  ) : (
                    <>
                      last opened <Ago at={link.lastUsedAt} />
                    </>
                  )}
                </span>
              </p>
              <button
                type="button"
                className="small"
                disabled={revoke.isPending && revoke.variables.id === link.id}
                onClick={() => revoke.mutate({ campaignId, id: link.id }, { onSuccess: () => void reload() })}
              >
                End it<span className="visually-hidden"> for {link.name}</span>
              </button>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

/** A link that was just made, to be taken along. */
function MadeLink({ name, link }: { name: string; link: string }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  // It is what one came for; once, so that the next name can be typed.
  useEffect(() => field.current?.select(), []);
  return (
    <div className="preview-made" role="group" aria-labelledby={id}>
      <p id={id} role="status">
        The link for {name}, shown this once:
      </p>
      <input type="text" readOnly aria-labelledby={id} ref={field} value={link} />
      <CopyButton of="the link" text={link} />
    </div>
  );
}
