import { useEffect } from 'react';
import { trpc, useCampaignSnapshot } from '@campaign-state/client/react';
import { sayRefusal } from '../status/say-refusal.ts';
import { useMadeUpViewer, viewerOf, type TypedAttribute } from './made-up-viewer.ts';
import { sayReason } from './say-reason.ts';

/** Makes up a viewer, says what each rule makes of them and why, and shows the page with their eyes. */
export function ExplainViewer() {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const version = useCampaignSnapshot((snapshot) => snapshot.version);
  const [viewer, change] = useMadeUpViewer();
  const asked = viewerOf(viewer);
  const explained = trpc.campaign.explain.useQuery({ campaignId, viewer: asked }, { placeholderData: (last) => last });
  const { refetch } = explained;
  useEffect(() => {
    if (version > 0) void refetch();
  }, [version, refetch]);
  const { attributes } = viewer;
  const set = (next: readonly TypedAttribute[]) => change({ attributes: next });
  return (
    <section className="explain" aria-label="Explain a viewer">
      <h3>Explain a viewer</h3>
      <p className="panel-intro">
        Somebody whom you make up: what they see, and why. Numbers, true and false are read as such.
      </p>
      <ol className="condition">
        {attributes.map(({ name, value }, index) => (
          <li key={index} className="clause">
            <input
              type="text"
              aria-label={`Name of attribute ${index + 1}`}
              placeholder="city"
              autoComplete="off"
              spellCheck={false}
              value={name}
              onChange={(event) => set(attributes.with(index, { name: event.target.value, value }))}
            />
            <input
              type="text"
              dir="auto"
              aria-label={`Value of attribute ${index + 1}`}
              placeholder="Lagos"
              autoComplete="off"
              spellCheck={false}
              value={value}
              onChange={(event) => set(attributes.with(index, { name, value: event.target.value }))}
            />
            <button
              type="button"
              className="small"
              aria-label={`Remove attribute ${index + 1}`}
              onClick={() => set(attributes.toSpliced(index, 1))}
            >
              ×
            </button>
          </li>
        ))}
      </ol>
      <p className="section-buttons">
        <button type="button" className="small" onClick={() => set([...attributes, { name: '', value: '' }])}>
          Add an attribute
        </button>
        <button
          type="button"
          className="small"
          aria-pressed={viewer.isShown}
          onClick={() => change({ isShown: !viewer.isShown })}
        >
          {viewer.isShown ? 'Show the page to everybody again' : 'Show the page as they see it'}
        </button>
      </p>
      {explained.isError && <p className="field-error">{sayRefusal(explained.error, 'The viewer')}</p>}
      {explained.data && (
        <div aria-live="polite">
          {explained.data.segments.length > 0 && (
            <p>
              In {explained.data.segments.length === 1 ? 'the segment' : 'the segments'}{' '}
              {explained.data.segments.join(', ')}.
            </p>
          )}
          {explained.data.rules.length === 0 && (
            <p className="empty">There are no rules: they see what everybody sees.</p>
          )}
          <ul className="reasons">
            {explained.data.rules.map((rule) => (
              <li key={rule.rule} data-has-arm={rule.arm !== undefined}>
                <b dir="auto">{rule.rule}</b> <span>{sayReason(rule)}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
