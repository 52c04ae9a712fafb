import type { ModuleProps } from './module.ts';
import { list, record, text } from '../read.ts';

/** A script, told step by step. */
export function Steps({ component, campaign }: ModuleProps) {
  const script = campaign.scripts?.[text(component['script'])];
  if (!script) return undefined;
  return (
    <section className="module steps">
      <h2 dir="auto">{text(component['title']) || 'How it works'}</h2>
      <p className="module-lead" dir="auto">
        {text(script.main_text)}
      </p>
      <ol>
        {list(script.steps).map((item, index) => {
          const step = record(item);
          return (
            <li key={index} dir="auto">
              {typeof item === 'string' ? item : <strong>{text(step['title'])}</strong>}{' '}
              <span>{text(step['text'])}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
