import { useId } from 'react';
import { STATUSES } from '../audience/statuses.ts';
import { Choice } from '../fields/Choice.tsx';
import { DEVICES, SCHEMES, useDeviceScheme, useLook, type Device } from './look.ts';

/** The pane's own width, beside those of devices. */
const PANE = 'pane';

const isDevice = (word: string): word is Device => word in DEVICES;

/** Chooses how the audience pane shows the page: to this console alone, nothing of the campaign is changed. */
export function LookBar() {
  const [{ device, scheme, status }, change] = useLook();
  const own = useDeviceScheme();
  const id = useId();
  return (
    <div className="look-bar" role="group" aria-label="How the page is shown here">
      <Choice
        label="Screen"
        value={device ?? PANE}
        options={[PANE, ...Object.keys(DEVICES)]}
        choose={(next) => change({ device: isDevice(next) ? next : undefined })}
      />
      <Choice
        label="Colours"
        value={scheme ?? own}
        options={SCHEMES}
        choose={(next) => change({ scheme: next === own ? undefined : next })}
      />
      <div className="field">
        <div className="field-head">
          <label htmlFor={id}>As if it were</label>
        </div>
        <select
          id={id}
          value={status ?? ''}
          onChange={({ target: { value } }) => change({ status: STATUSES.find((each) => each === value) })}
        >
          <option value="">what it is</option>
          {STATUSES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </div>
    </div>
  );
}

/** What of the look is not as it is, each with the way back. */
export function LookChips() {
  const [{ device, scheme, status }, change] = useLook();
  return (
    <>
      {device && (
        <button type="button" className="small" onClick={() => change({ device: undefined })}>
          On a {device} ×
        </button>
      )}
      {scheme && (
        <button type="button" className="small" onClick={() => change({ scheme: undefined })}>
          In {scheme} colours ×
        </button>
      )}
      {status && (
        <button type="button" className="small" onClick={() => change({ status: undefined })}>
          As if {status} ×
        </button>
      )}
    </>
  );
}
