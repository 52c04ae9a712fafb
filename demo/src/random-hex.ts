/** A random number of that many bytes, in hexadecimal. `crypto.randomUUID` is missing where a page comes by `http`. */
export function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
}
