import { useEffect, useId, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { useAccess, useConnection } from '@campaign-state/client/react';
import { readStored, writeStored } from '../storage.ts';
import { KillButton } from '../status/KillButton.tsx';
import { useCommand } from './commands.ts';
import { go } from './place.ts';
import { EDITOR, useKeptFocus } from './use-kept-focus.ts';

const STORED = 'campaign-state-tour';

interface Stop {
  readonly title: string;
  readonly words: ReactNode;
  /** What it is about, which is framed meanwhile. */
  readonly at: string;
  readonly before?: () => void;
}

const STOPS: readonly Stop[] = [
  {
    title: 'Two panes, two connections',
    words: 'You edit here; beside it is the page as its audience sees it, sent by the server like to any visitor.',
    at: '.audience-pane',
  },
  {
    title: 'Change the title',
    words: 'Type in it. Every stroke is on the page within milliseconds, and the badge above says how many.',
    at: '.console-pane',
    before: () => go({ tab: undefined }),
  },
  {
    title: 'Any of ten thousand',
    words: 'Search the list by title, id, tag or owner, or press Ctrl K (⌘K) from anywhere.',
    at: '.campaigns',
  },
  {
    title: 'Nothing is lost',
    words: 'Who changed what, and when; any version can be looked at, compared and brought back.',
    at: '.editor',
    before: () => go({ tab: 'history' }),
  },
];

/** A minute's way through the console, which ends with the server's end. Offered once, and by the palette. */
export function Tour() {
  const { role } = useAccess();
  const { status } = useConnection();
  const id = useId();
  const card = useRef<HTMLElement>(null);
  const [isOffered, setOffered] = useState(() => readStored(STORED) === undefined);
  const [at, setAt] = useState<number>();
  const stop = at === undefined ? undefined : STOPS[at];
  const isLast = at === STOPS.length;
  const target = isLast ? '.masthead' : stop?.at;

  function settle(next: number | undefined): void {
    writeStored(STORED, 'seen');
    setOffered(false);
    if (next !== undefined) STOPS[next]?.before?.();
    setAt(next);
  }

  useKeptFocus(EDITOR, `${at} ${isOffered}`);
  useCommand({ name: 'tour', label: 'Take the tour of one minute', run: () => settle(0) });

  useEffect(() => {
    if (at !== undefined) card.current?.focus();
  }, [at]);

  useEffect(() => {
    const element = target === undefined ? null : document.querySelector(target);
    element?.setAttribute('data-toured', '');
    return () => element?.removeAttribute('data-toured');
  }, [target]);

  if (at === undefined) {
    if (!isOffered || status !== 'connected') return undefined;
    return (
      <aside className="tour-offer" aria-label="Tour">
        <p>New here? A tour takes a minute.</p>
        <button type="button" className="small" onClick={() => settle(0)}>
          Take it
        </button>
        <button type="button" className="small" onClick={() => settle(undefined)}>
          Not now
        </button>
      </aside>
    );
  }
  return (
    <aside
      ref={card}
      className="tour"
      tabIndex={-1}
      aria-labelledby={`${id}-title`}
      onKeyDown={(event) => event.key === 'Escape' && settle(undefined)}
    >
      <p className="tour-count">
        {at + 1} of {STOPS.length + 1}
      </p>
      <h2 id={`${id}-title`}>{stop?.title ?? 'Now end the server'}</h2>
      <p>
        {stop?.words ??
          'Go on typing while it is gone. It comes back, and with it every change: yours, and those of others.'}
      </p>
      {isLast &&
        (role === 'viewer' ? (
          <p>Your role only looks; somebody who edits can show you.</p>
        ) : (
          <KillButton otherwise="This server does not let itself be ended from here: cut your network instead." />
        ))}
      <p className="tour-buttons">
        {at > 0 && (
          <button type="button" className="small" onClick={() => settle(at - 1)}>
            Back
          </button>
        )}
        {isLast ? (
          <button type="button" className="small primary" onClick={() => settle(undefined)}>
            Done
          </button>
        ) : (
          <>
            <button type="button" className="small" onClick={() => settle(undefined)}>
              Leave
            </button>
            <button type="button" className="small primary" onClick={() => settle(at + 1)}>
              Next
            </button>
          </>
        )}
      </p>
    </aside>
  );
}
