import { useId, useRef } from 'react';
import { useCommand, useCommands } from './commands.ts';
import { useSingleKeys } from './use-keys.ts';

/** The keys that do something, shown at `?`. */
export function Shortcuts() {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const commands = useCommands();
  const [areOn, turn] = useSingleKeys();
  useCommand({ name: 'shortcuts', label: 'Keyboard shortcuts', key: '?', run: () => dialog.current?.showModal() });
  return (
    <dialog ref={dialog} className="confirm shortcuts" aria-labelledby={id}>
      <div>
        <h2 id={id}>Keyboard shortcuts</h2>
        <dl>
          <dt>
            <kbd>Ctrl</kbd> or <kbd>⌘</kbd> <kbd>K</kbd>
          </dt>
          <dd>Go to a campaign or a tab, or do something</dd>
          {commands
            .filter(({ key }) => key !== undefined)
            .map(({ name, key, label }) => (
              <div className="contents" key={name}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{label}</dd>
              </div>
            ))}
          <dt>
            <kbd>↑</kbd> <kbd>↓</kbd> <kbd>Home</kbd> <kbd>End</kbd>
          </dt>
          <dd>Along the list of campaigns, and the versions of the history</dd>
          <dt>
            <kbd>←</kbd> <kbd>→</kbd>
          </dt>
          <dd>Along the tabs</dd>
        </dl>
        <label className="check">
          <input type="checkbox" checked={areOn} onChange={(event) => turn(event.target.checked)} /> Single keys are
          shortcuts
        </label>
        <p className="confirm-buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </p>
      </div>
    </dialog>
  );
}
