import { sayRefusal } from './say-refusal.ts';
import type { Refused } from './say-refusal.ts';

/** Something that cannot be shown, and why. */
export function Problem({ title, error }: { title: string; error: Refused | undefined | null }) {
  return (
    <div className="problem" role="alert">
      <h2>{title}</h2>
      {error && <p>{sayRefusal(error)}</p>}
    </div>
  );
}
