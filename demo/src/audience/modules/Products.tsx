import { price } from './amount.ts';
import type { ModuleProps } from './module.ts';
import { list, number, record, text } from '../read.ts';

/** What is for sale, from the document's commerce module. */
export function Products({ component, campaign }: ModuleProps) {
  const shop = record(campaign[text(component['module']) || 'commerce']);
  const config = record(shop['config']);
  if (shop['enabled'] === false) return undefined;
  return (
    <section className="module products">
      <h2 dir="auto">{text(component['title']) || 'Shop'}</h2>
      <p className="module-lead" dir="auto">
        {text(shop['description'])}
      </p>
      <ul>
        {list(config['products']).map((item, index) => {
          const product = record(item);
          return (
            <li key={text(product['sku']) || index}>
              <strong>{text(product['name'])}</strong>
              <span>{text(product['note'])}</span>
              <b>{price(number(product['price']) ?? 0, text(config['currency']))}</b>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
