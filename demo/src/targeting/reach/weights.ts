import type { Arm } from '@campaign-state/client/targeting';

type Arms = Readonly<Record<string, Arm>>;

/** What an arm gets of those who are covered, from 0 to 100. */
export function shareOf(arms: Arms, name: string): number {
  const sum = Object.values(arms).reduce((all, { weight }) => all + weight, 0);
  return sum === 0 ? 0 : ((arms[name]?.weight ?? 0) / sum) * 100;
}

/** The arms with another share for one of them; the others divide what is left as they did before. */
export function withShare(arms: Arms, name: string, share: number): Record<string, Arm> {
  const others = Object.keys(arms).filter((other) => other !== name);
  const sum = others.reduce((all, other) => all + (arms[other]?.weight ?? 0), 0);
  const left = 100 - share;
  const weightOf = (other: string, weight: number): number =>
    other === name ? share : sum === 0 ? left / others.length : (left * weight) / sum;
  return Object.fromEntries(
    Object.entries(arms).map(([other, arm]) => [other, { ...arm, weight: rounded(weightOf(other, arm.weight)) }]),
  );
}

function rounded(weight: number): number {
  return Math.round(weight * 100) / 100;
}

/** A share, from 0 to 1, as people say it: 33.3 %. */
export function sayShare(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 0.1 ? '< 0.1' : Math.round(percent * 10) / 10} %`;
}
