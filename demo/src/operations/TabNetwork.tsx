import { useId, useSyncExternalStore } from 'react';
import { useConnection } from '@campaign-state/client/react';
import { networkMode, onNetworkMode, setNetworkMode, SLOW_MS, type NetworkMode } from '../status/tab-network.ts';

const WORDS: Readonly<Record<NetworkMode, { readonly label: string; readonly says: string }>> = {
  'as it is': { label: 'As it is', says: 'Nothing is done to this tab\u2019s network.' },
  slow: {
    label: 'Slow it',
    says: `Everything that this tab sends and is sent takes ${SLOW_MS} ms longer, each way. What is typed is shown at once all the same.`,
  },
  cut: {
    label: 'Cut it',
    says: 'This tab\u2019s connections are closed, and none are made. What is typed is kept, and sent once the network is back.',
  },
};
const MODES = ['as it is', 'slow', 'cut'] as const;

/** Cuts and slows the network of this tab alone, so that one can see what the page makes of it. */
export function TabNetwork() {
  const mode = useSyncExternalStore(onNetworkMode, networkMode);
  const { status } = useConnection();
  const id = useId();
  return (
    <section aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>The network of this tab</h3>
      <p className="panel-intro">
        Done in the page, to both of its clients. The server and other people notice what they would of a bad network.
      </p>
      <div className="network-modes" role="group" aria-labelledby={`${id}-title`}>
        {MODES.map((each) => (
          <button key={each} type="button" aria-pressed={mode === each} onClick={() => setNetworkMode(each)}>
            {WORDS[each].label}
          </button>
        ))}
      </div>
      <p role="status">
        {WORDS[mode].says} Connection: {status}.
      </p>
    </section>
  );
}
