import { useEffect, useRef, useState } from 'react';
import { moved } from './moved.ts';

/** An ordered set as chips: by drag, or by the arrows on each chip; the focus goes with the chip that is moved. */
export function FeatureList({
  features,
  isModule,
  reorder,
  remove,
}: {
  features: readonly string[];
  isModule: (feature: string) => boolean;
  reorder: (features: readonly string[]) => void;
  remove: (feature: string) => void;
}) {
  const list = useRef<HTMLOListElement>(null);
  const [dragged, setDragged] = useState<string>();
  const [announcement, setAnnouncement] = useState('');
  const refocus = useRef<{ feature: string; control: string }>(undefined);

  // A chip that reached an end has lost the arrow that was pressed: the focus goes to its other one.
  useEffect(() => {
    const target = refocus.current;
    if (!target) return;
    refocus.current = undefined;
    const chip = list.current?.querySelector(`[data-feature="${CSS.escape(target.feature)}"]`);
    const control = chip?.querySelector<HTMLButtonElement>(`[data-control="${target.control}"]:enabled`);
    (control ?? chip?.querySelector<HTMLButtonElement>('button:enabled'))?.focus();
  }, [features]);

  function move(feature: string, to: number, control: string): void {
    refocus.current = { feature, control };
    setAnnouncement(`${feature} is now ${to + 1} of ${features.length}`);
    reorder(moved(features, feature, to));
  }

  function drop(feature: string, index: number): void {
    const next = features[index + 1] ?? features[index - 1];
    if (next !== undefined) refocus.current = { feature: next, control: 'remove' };
    setAnnouncement(`${feature} removed`);
    remove(feature);
  }

  if (features.length === 0) return <p className="empty">No features yet. Add the first one below.</p>;
  return (
    <>
      <ol className="chips" ref={list} aria-label="Features">
        {features.map((feature, index) => (
          <li
            key={feature}
            className="chip"
            data-feature={feature}
            data-module={isModule(feature)}
            data-dragged={dragged === feature}
            draggable
            onDragStart={(event) => {
              event.dataTransfer.setData('text/plain', feature);
              setDragged(feature);
            }}
            onDragEnd={() => setDragged(undefined)}
            onDragOver={(event) => {
              if (dragged !== undefined) event.preventDefault();
            }}
            onDrop={(event) => {
              event.preventDefault();
              if (dragged !== undefined && dragged !== feature) reorder(moved(features, dragged, index));
            }}
          >
            <button
              type="button"
              data-control="earlier"
              aria-label={`Move ${feature} earlier`}
              disabled={index === 0}
              onClick={() => move(feature, index - 1, 'earlier')}
            >
              ‹
            </button>
            <span>{feature}</span>
            <button
              type="button"
              data-control="later"
              aria-label={`Move ${feature} later`}
              disabled={index === features.length - 1}
              onClick={() => move(feature, index + 1, 'later')}
            >
              ›
            </button>
            <button type="button" data-control="remove" aria-label={`Remove ${feature}`} onClick={() => drop(feature, index)}>
              ×
            </button>
          </li>
        ))}
      </ol>
      <p className="visually-hidden" role="status">
        {announcement}
      </p>
    </>
  );
}
