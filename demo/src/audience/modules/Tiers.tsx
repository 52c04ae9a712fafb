import type { ModuleProps } from './module.ts';
import { list, number, record, text } from '../read.ts';

/** What bringing people is worth, from the document's referral module. */
export function Tiers({ component, campaign }: ModuleProps) {
  const referral = record(campaign[text(component['module']) || 'referral']);
  if (referral['enabled'] === false) return undefined;
  return (
    <section className="module tiers">
      <h2 dir="auto">{text(component['title']) || 'Pass it on'}</h2>
      <p className="module-lead" dir="auto">
        {text(referral['description'])}
      </p>
      <ol>
        {list(record(referral['config'])['tiers']).map((item, index) => {
          const tier = record(item);
          return (
            <li key={index}>
              <b>{number(tier['count']) ?? '·'}</b>
              <span>{text(tier['reward'])}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
