import { useId } from 'react';
import type { CSSProperties } from 'react';
import { amount } from './amount.ts';
import { Flash } from '../Flash.tsx';
import type { ModuleProps } from './module.ts';
import { number, text } from '../read.ts';

/** How far a goal has been reached. */
export function Progress({ component }: ModuleProps) {
  const label = useId();
  const goal = number(component['goal']) ?? 0;
  const value = number(component['value']) ?? 0;
  const unit = text(component['unit']);
  if (goal <= 0) return undefined;
  const share = Math.min(1, Math.max(0, value / goal));
  const filled: CSSProperties & Record<'--share', number> = { '--share': share };
  return (
    <section className="module progress">
      <h2 className="module-label" id={label} dir="auto">
        {text(component['label']) || 'Progress'}
      </h2>
      <p className="progress-figures">
        <strong>
          <Flash>{amount(value, unit.length === 1 ? unit : '')}</Flash>
        </strong>{' '}
        of {amount(goal, unit)}
      </p>
      <div
        className="progress-track"
        role="progressbar"
        aria-labelledby={label}
        aria-valuemin={0}
        aria-valuemax={goal}
        aria-valuenow={Math.min(value, goal)}
        style={filled}
      >
        <span />
      </div>
      <p className="progress-share">{Math.round(share * 100)} %</p>
    </section>
  );
}
