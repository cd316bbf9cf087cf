/** As much of ACPI's machine language as processors need, ACPI specification 6.4, chapter 20.2. */

const latin1 = (characters: string): Buffer => Buffer.from(characters, 'latin1');

/** 20.2.2: a NamePath with its root is five characters, a NameSeg four. */
export function scope(path: string, ...terms: Buffer[]): Buffer {
  return packaged([0x10], latin1(path), ...terms);
}

export function device(segment: string, ...terms: Buffer[]): Buffer {
  return packaged([0x5b, 0x82], latin1(segment), ...terms);
}

export function name(segment: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x08), latin1(segment), value]);
}

export const byte = (value: number): Buffer => Buffer.of(0x0a, value);

export const text = (characters: string): Buffer => latin1(`\x0d${characters}\0`);

export const buffer = (bytes: Buffer): Buffer => packaged([0x11], byte(bytes.length), bytes);

function packaged(opcode: number[], ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(opcode), packageLength(body.length), body]);
}

/** 20.2.4: the length, counted with its own bytes. The first byte has 6 bits of it, or 4 with more bytes behind. */
function packageLength(body: number): Buffer {
  if (body + 1 < 0x40) return Buffer.of(body + 1);
  const more = body + 2 < 1 << 12 ? 1 : 2;
  const length = body + 1 + more;
  const bytes = [(more << 6) | (length & 0xf)];
  for (let i = 0; i < more; i++) bytes.push((length >> (4 + 8 * i)) & 0xff);
  return Buffer.from(bytes);
}
