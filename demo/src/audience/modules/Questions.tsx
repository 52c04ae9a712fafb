import type { ModuleProps } from './module.ts';
import { list, record, text } from '../read.ts';

/** A script's questions, each with its answer behind it. */
export function Questions({ component, campaign }: ModuleProps) {
  const script = campaign.scripts?.[text(component['script'])];
  if (!script) return undefined;
  return (
    <section className="module questions">
      <h2 dir="auto">{text(component['title']) || 'Questions'}</h2>
      {list(script.questions).map((item, index) => {
        const { question, answer } = record(item);
        return (
          <details key={index} dir="auto">
            <summary>{text(question ?? item)}</summary>
            <p>{text(answer)}</p>
          </details>
        );
      })}
    </section>
  );
}
