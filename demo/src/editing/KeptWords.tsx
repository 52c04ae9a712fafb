import { useCampaign, useCampaignSnapshot, useCampaignUpdates } from '@campaign-state/client/react';
import { record, text as textOf } from '../audience/read.ts';
import { CopyButton } from '../connect-app/CopyButton.tsx';
import { useHeldPlaces, useHeldWords } from '../fields/held-words.ts';
import { useMeasured } from '../measure/use-measured.ts';
import { EDITOR, useKeptFocus } from '../ways/use-kept-focus.ts';
import { labelOf } from './forms/model/labels.ts';

/** What was typed when somebody archived or deleted the campaign: to be copied, and sent once that can be. */
export function KeptWords({ isOpen }: { isOpen: boolean }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const places = useHeldPlaces(campaignId);
  useKeptFocus(EDITOR, places.length);
  if (places.length === 0) return undefined;
  return (
    <section className="notice kept-words" aria-label="Words that were not sent">
      <p role="status">
        <strong>What you were typing is kept, and was not sent.</strong>{' '}
        {isOpen ? 'The campaign can be edited again.' : 'It can be sent once the campaign can be edited again.'}
      </p>
      <ul>
        {places.map((place) => (
          <KeptWord key={place} campaignId={campaignId} place={place} isOpen={isOpen} />
        ))}
      </ul>
    </section>
  );
}

function KeptWord({ campaignId, place, isOpen }: { campaignId: string; place: string; isOpen: boolean }) {
  const [held, hold] = useHeldWords(campaignId, place);
  const path: string[] = JSON.parse(place);
  const now = useCampaign((document) => textOf(path.reduce<unknown>((at, key) => record(at)[key], document)));
  const { updateCampaign } = useCampaignUpdates();
  const measure = useMeasured();
  if (!held) return undefined;
  const label = labelOf(path.at(-1) ?? '');

  function send(words: NonNullable<typeof held>): void {
    hold(undefined);
    void measure(updateCampaign(words.updates(words.text)));
  }

  return (
    <li>
      <p>
        <b>{label}</b> <q dir="auto">{held.text}</q>
        {isOpen && now !== held.base && (
          <>
            {' '}
            Somebody else wrote <q dir="auto">{now}</q> meanwhile.
          </>
        )}
      </p>
      <span className="kept-buttons">
        <CopyButton of={label} text={held.text} />
        {isOpen && (
          <button type="button" className="small" onClick={() => send(held)}>
            Send<span className="visually-hidden"> {label}</span>
          </button>
        )}
        <button type="button" className="small" onClick={() => hold(undefined)}>
          Drop<span className="visually-hidden"> {label}</span>
        </button>
      </span>
    </li>
  );
}
