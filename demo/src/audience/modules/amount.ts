const plain = new Intl.NumberFormat('en');

/** A number with its unit: signs such as £ stand before it, words after it. */
export function amount(value: number, unit: string): string {
  if (unit === '') return plain.format(value);
  return unit.length === 1 ? `${unit}${plain.format(value)}` : `${plain.format(value)} ${unit}`;
}

/** A price in a currency such as EUR; an unknown currency stands after the number. */
export function price(value: number, currency: string): string {
  try {
    return new Intl.NumberFormat('en', {
      style: 'currency',
      currency,
      maximumFractionDigits: 2,
      minimumFractionDigits: 0,
    }).format(value);
  } catch {
    return amount(value, currency);
  }
}
