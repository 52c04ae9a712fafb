import { SignJWT } from 'jose';
import type { Page } from '../../tools/browser.ts';
import { consolePage } from './console-page.ts';

/** Somebody with a token. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly role: 'viewer' | 'editor' | 'admin';
}

/**
 * Shows the page a token of that person, as its form takes it.
 *
 * @param shows what is waited for: the editor, or the page alone
 */
export async function enterAs(
  page: Page,
  { id, name, role }: Person,
  secret: string,
  shows: 'editor' | 'page' = 'editor',
): Promise<void> {
  const token = await new SignJWT({ campaigns: { '*': role }, attributes: { name } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(id)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
  await page.getByLabel(/^This server wants a token/).fill(token);
  await page.getByRole('button', { name: 'Use it' }).click();
  await (shows === 'editor' ? consolePage(page).field('Title') : page.getByRole('heading', { level: 1 })).waitFor();
}
