import { useId, useRef, useState, type SyntheticEvent } from 'react';
import { useCampaign, useCampaignUpdates } from '@campaign-state/client/react';
import { STATUSES, type Status } from '../audience/statuses.ts';
import { ChoiceField } from '../fields/ChoiceField.tsx';
import { useMeasured } from '../measure/use-measured.ts';
import { commentOf, WhyField } from '../status/WhyField.tsx';
import { useKeptFocus } from '../ways/use-kept-focus.ts';

/** What each comes to for those who look at the page. */
const EFFECTS: Readonly<Record<Status, string>> = {
  draft: 'The page will say that it is for its editors alone.',
  active: 'The page will be open to its audience.',
  paused: 'The page will say that it is paused.',
  ended: 'The page will say that it has ended, and its form will be closed.',
};

/** In which state the campaign is. Another one is said twice: the audience sees it at once. */
export function StatusField() {
  const status = useCampaign((document) => document.status);
  const { updateCampaign } = useCampaignUpdates();
  const measure = useMeasured();
  const [chosen, setChosen] = useState<Status>();
  const [why, setWhy] = useState('');
  const element = useRef<HTMLDivElement>(null);
  const id = useId();
  useKeptFocus(element, chosen);
  // Somebody else may have made it so meanwhile.
  const next = chosen === status ? undefined : chosen;

  function choose(word: Status | undefined): void {
    setChosen(word);
    if (word === undefined) setWhy('');
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    if (next === undefined) return;
    choose(undefined);
    // Where it is refused, that stands above all fields.
    void measure(updateCampaign({ status: next }, commentOf(why)));
  }

  return (
    <div ref={element} className="status-field" tabIndex={-1} role="group" aria-label="Status of the campaign">
      <ChoiceField label="Status" path={['status']} value={next ?? status} options={STATUSES} choose={choose} />
      {next !== undefined && (
        <form className="status-change" aria-labelledby={`${id}-effect`} onSubmit={submit}>
          <p id={`${id}-effect`} role="status">
            <strong>Not {next} yet.</strong> {EFFECTS[next]}
          </p>
          <WhyField why={why} change={setWhy} />
          <p className="section-buttons">
            <button type="submit" className="primary">
              Make it {next}
            </button>
            <button type="button" onClick={() => choose(undefined)}>
              {status === undefined ? 'Leave it' : `Leave it ${status}`}
            </button>
          </p>
        </form>
      )}
    </div>
  );
}
