import { sql, type RawBuilder } from 'kysely';

/** Rows that travel as one JSON text, whatever their number. */
export function recordset<T, A extends string = 'row'>(rows: readonly T[], definition: RawBuilder<unknown>) {
  return sql<T>`json_to_recordset(${JSON.stringify(rows)}::text::json)`.as<A>(definition);
}

/** Whether a column has one of these values; one statement for any number of them. */
export function isAnyOf(column: string, values: readonly string[]) {
  return sql<boolean>`${sql.ref(column)} = any(${[...values]}::text[])`;
}
