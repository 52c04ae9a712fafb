import { Figures } from './Figures.tsx';
import { TabNetwork } from './TabNetwork.tsx';
import { Trace } from './Trace.tsx';
import { useLive } from './use-live.ts';

/** The server as it runs: its figures, what is changed, and what becomes of it on a bad network. */
export default function LiveServer() {
  const { samples, events, statsError, traceError } = useLive();
  return (
    <>
      <Figures samples={samples} error={statsError} />
      <Trace events={events} error={traceError} />
      <TabNetwork />
    </>
  );
}
