import { useId } from 'react';
import type { RefObject } from 'react';
import { countFilters, EVERYTHING, SORT_CHOICES, STATUS_CHOICES } from './list-query.ts';
import type { Wanted } from './list-query.ts';

/** What is looked for in the list, and in which order it stands. */
export function ListSearch({
  input,
  wanted,
  change,
  owners,
  tags,
}: {
  input: RefObject<HTMLInputElement | null>;
  wanted: Wanted;
  change: (wanted: Wanted) => void;
  /** Those of the campaigns in view, to choose from. */
  owners: readonly string[];
  tags: readonly string[];
}) {
  const id = useId();
  const filters = countFilters(wanted);
  return (
    <div className="list-search" role="search" aria-label="Campaigns">
      <input
        ref={input}
        type="search"
        aria-label="Search campaigns"
        placeholder="Search"
        autoComplete="off"
        dir="auto"
        value={wanted.search}
        onChange={(event) => change({ ...wanted, search: event.target.value })}
      />
      <details>
        <summary>
          Filter and sort
          {filters > 0 && <span className="count"> · {filters === 1 ? '1 filter' : `${filters} filters`}</span>}
        </summary>
        <div className="list-filters">
          <label htmlFor={`${id}-status`}>
            <span className="visually-hidden">Filter by </span>
            status
          </label>
          <select
            id={`${id}-status`}
            value={wanted.status}
            onChange={({ target }) =>
              change({ ...wanted, status: STATUS_CHOICES.find(({ value }) => value === target.value)?.value ?? 'any' })
            }
          >
            {STATUS_CHOICES.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
          <label htmlFor={`${id}-owner`}>
            <span className="visually-hidden">Filter by </span>
            owner
          </label>
          <input
            id={`${id}-owner`}
            type="text"
            list={`${id}-owners`}
            autoComplete="off"
            placeholder="Anyone"
            value={wanted.owner}
            onChange={(event) => change({ ...wanted, owner: event.target.value })}
          />
          <datalist id={`${id}-owners`}>
            {owners.map((owner) => (
              <option key={owner} value={owner} />
            ))}
          </datalist>
          <label htmlFor={`${id}-tag`}>
            <span className="visually-hidden">Filter by </span>
            tag
          </label>
          <input
            id={`${id}-tag`}
            type="text"
            list={`${id}-tags`}
            autoComplete="off"
            placeholder="Any"
            value={wanted.tag}
            onChange={(event) => change({ ...wanted, tag: event.target.value })}
          />
          <datalist id={`${id}-tags`}>
            {tags.map((tag) => (
              <option key={tag} value={tag} />
            ))}
          </datalist>
          <label htmlFor={`${id}-sort`}>sorted by</label>
          <select
            id={`${id}-sort`}
            value={wanted.sort}
            onChange={({ target }) =>
              change({ ...wanted, sort: SORT_CHOICES.find(({ value }) => value === target.value)?.value ?? 'updated' })
            }
          >
            {SORT_CHOICES.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
          {filters > 0 && (
            <button
              type="button"
              className="small"
              onClick={() => {
                change({ ...EVERYTHING, search: wanted.search, sort: wanted.sort });
                input.current?.focus();
              }}
            >
              Clear filters
            </button>
          )}
        </div>
      </details>
    </div>
  );
}
