import { describe, expect, inject, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

describe('the usage example of the SDK', () => {
  it('D14 shows the default campaign, and each of its buttons changes it', async () => {
    const { page, errors } = await stage.open(`${inject('pages')}usage-page/?server=${stage.server.url}`);
    const title = page.getByRole('heading', { level: 2 });
    const features = page.getByText(/^Features:/);
    await eventually(() => title.innerText()).toBe('Ovasabi opens its doors');
    await eventually(() => features.innerText()).toMatch(/^Features: countdown, progress/);

    await page.getByRole('button', { name: 'Update Campaign' }).click();
    await eventually(() => title.innerText()).toBe('Updated Campaign Title');
    await page.getByRole('button', { name: 'Add Features' }).click();
    await eventually(() => features.innerText()).toMatch(/, analytics, notifications$/);
    await page.getByRole('button', { name: 'Update UI' }).click();

    // Not only shown early where it was clicked: it is what everybody else sees.
    const other = consolePage((await stage.open()).page);
    await eventually(() => other.name.innerText()).toBe('Updated Campaign Title');
    await eventually(() => other.banner.innerText()).toBe('Welcome to our updated campaign!');
    await other.tab('Features').click();
    await eventually(() => other.chips.last().innerText()).toContain('notifications');
    expect(errors).toEqual([]);
  });
});
