import { useRef, useState } from 'react';
import type { DragEvent, ReactNode } from 'react';
import { toCampaignError } from '@campaign-state/client';
import { trpc } from '@campaign-state/client/react';
import { sayRefusal } from '../status/say-refusal.ts';
import { useCommand } from '../ways/commands.ts';
import { useKeptFocus } from '../ways/use-kept-focus.ts';
import { nextId, readFile } from './campaign-file.ts';
import type { FiledCampaign } from './campaign-file.ts';

/** Ids that are tried for one campaign, at most. */
const MAX_ATTEMPTS = 20;

/** What became of the files that were handed over. */
interface Report {
  readonly made: readonly string[];
  readonly refused: readonly string[];
}

/** Takes campaigns from files: dropped on what it is around, or chosen. */
export function Import({
  mayCreate,
  opened,
  children,
}: {
  mayCreate: boolean;
  opened: (campaignId: string) => void;
  children: (importButton: ReactNode) => ReactNode;
}) {
  const create = trpc.campaign.create.useMutation();
  const chooser = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [report, setReport] = useState<Report>();
  const button = useRef<HTMLButtonElement>(null);
  useKeptFocus(button, `${isBusy} ${report === undefined}`);

  async function make({ campaignId, state }: FiledCampaign): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      const id = nextId(campaignId, attempt);
      try {
        await create.mutateAsync({ campaignId: id, state });
        return id;
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || toCampaignError(error).reason !== 'CONFLICT') throw error;
      }
    }
  }

  async function take(files: readonly File[]): Promise<void> {
    setBusy(true);
    const [made, refused]: [string[], string[]] = [[], []];
    for (const file of files) {
      try {
        for (const campaign of await readFile(file)) {
          await make(campaign).then(
            (id) => made.push(id),
            (error: Error) => refused.push(`${campaign.campaignId}: ${sayRefusal(error)}`),
          );
        }
      } catch (error) {
        refused.push(error instanceof Error ? error.message : String(error));
      }
    }
    setBusy(false);
    setReport({ made, refused });
    const [first] = made;
    if (first !== undefined) opened(first);
  }

  const choose = () => chooser.current?.click();
  useCommand(mayCreate && { name: 'import', label: 'Import campaigns from a file', run: choose });

  function isOfFiles(event: DragEvent): boolean {
    return mayCreate && event.dataTransfer.types.includes('Files');
  }

  return (
    <div
      className="import"
      data-over={isOver}
      onDragOver={(event) => {
        if (!isOfFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))) setOver(false);
      }}
      onDrop={(event) => {
        if (!isOfFiles(event)) return;
        event.preventDefault();
        setOver(false);
        void take([...event.dataTransfer.files]);
      }}
    >
      <input
        ref={chooser}
        type="file"
        accept="application/json,.json"
        multiple
        hidden
        aria-label="Files of campaigns"
        onChange={(event) => {
          void take([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
      {children(
        mayCreate && (
          <button ref={button} type="button" className="text-button" disabled={isBusy} onClick={choose}>
            {isBusy ? 'Importing…' : 'Import'}
          </button>
        ),
      )}
      {report && (
        <div className="import-report" role="status">
          {report.made.length > 0 && <p>Imported as a campaign of its own: {report.made.join(', ')}.</p>}
          {report.refused.length > 0 && (
            <ul className="field-error">
              {report.refused.map((words) => (
                <li key={words}>{words}</li>
              ))}
            </ul>
          )}
          <button type="button" className="text-button" onClick={() => setReport(undefined)}>
            Dismiss
          </button>
        </div>
      )}
    </div>
  );
}
