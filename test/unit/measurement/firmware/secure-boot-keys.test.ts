import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  EFI_GLOBAL_VARIABLE,
  EFI_IMAGE_SECURITY_DATABASE,
} from '../../../../measurement/firmware/efi-guids.ts';
import { readSecureBootKeys } from '../../../../measurement/firmware/secure-boot-keys.ts';
import { signatureEntries } from '../../../../measurement/firmware/signature-lists.ts';
import { readVariableStore } from '../../../../measurement/firmware/variable-store.ts';
import { type StoredShape, signatureList, variableStore } from '../../../lib/secure-boot.ts';

const PK = signatureList('x509', Buffer.from('the platform key'));
const KEK = signatureList('x509', Buffer.from('the key exchange key'));
const db = Buffer.concat([
  signatureList('x509', Buffer.from('one certificate')),
  signatureList('sha256', Buffer.alloc(32, 1), Buffer.alloc(32, 2)),
]);
const VARIABLES = new Map([
  ['PK', PK],
  ['KEK', KEK],
  ['db', db],
]);

const STORED: readonly StoredShape[] = [
  { owner: EFI_GLOBAL_VARIABLE, name: 'PK', data: PK },
  { owner: EFI_GLOBAL_VARIABLE, name: 'KEK', data: Buffer.from('older'), state: 0x3c },
  { owner: EFI_GLOBAL_VARIABLE, name: 'KEK', data: KEK, state: 0x3e },
  { owner: EFI_GLOBAL_VARIABLE, name: 'db', data: Buffer.from("somebody else's") },
  { owner: EFI_IMAGE_SECURITY_DATABASE, name: 'db', data: db },
];
const SWITCH = { owner: 'f0a30bc7-af08-4556-99c4-001009c93a44', name: 'SecureBootEnable' };

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keys-'));
});
after(() => rm(directory, { recursive: true }));

/** A directory, or a file, with these contents. */
async function made(name: string, content: Buffer | Record<string, Buffer>): Promise<string> {
  const path = join(directory, name);
  if (Buffer.isBuffer(content)) await writeFile(path, content);
  else {
    await mkdir(path);
    for (const [file, bytes] of Object.entries(content)) await writeFile(join(path, file), bytes);
  }
  return path;
}

const efivars = (on: boolean) => {
  const attributes = Buffer.of(0x27, 0, 0, 0);
  const file = (name: string, owner: string, data: Buffer) =>
    [`${name}-${owner}`, Buffer.concat([attributes, data])] as const;
  return Object.fromEntries([
    file('SecureBoot', EFI_GLOBAL_VARIABLE, Buffer.from([on ? 1 : 0])),
    file('PK', EFI_GLOBAL_VARIABLE, PK),
    file('KEK', EFI_GLOBAL_VARIABLE, KEK),
    file('db', EFI_IMAGE_SECURITY_DATABASE, db),
  ]);
};

test('a variable store, efivarfs and .esl files say the same', async () => {
  const sources = [
    await made('vars.fd', variableStore(STORED)),
    await made('efivars', efivars(true)),
    await made('lists', { 'PK.esl': PK, 'KEK.esl': KEK, 'db.esl': db, 'dbx.esl': Buffer.alloc(0) }),
  ];
  for (const source of sources) {
    const keys = await readSecureBootKeys(source);
    assert.deepEqual(keys, { on: true, variables: VARIABLES }, source);
  }
});

test('Secure Boot is off where the user switched it off, or there is no platform key', async () => {
  const off = await made('off.fd', variableStore([...STORED, { ...SWITCH, data: Buffer.of(0) }]));
  assert.deepEqual(await readSecureBootKeys(off), { on: false, variables: VARIABLES });
  const on = await made('on.fd', variableStore([...STORED, { ...SWITCH, data: Buffer.of(1) }]));
  assert.equal((await readSecureBootKeys(on)).on, true);
  const empty = await made('empty.fd', variableStore([]));
  assert.deepEqual(await readSecureBootKeys(empty), { on: false, variables: new Map() });
  const setup = await made('efivars-off', efivars(false));
  assert.deepEqual(await readSecureBootKeys(setup), { on: false, variables: VARIABLES });
});

test('entries of a variable, with what firmware measures of each', () => {
  const entries = signatureEntries(db, 'db');
  assert.deepEqual(
    entries.map(({ content }) => content),
    [Buffer.from('one certificate'), Buffer.alloc(32, 1), Buffer.alloc(32, 2)],
  );
  for (const { signature, content } of entries) {
    assert.deepEqual(signature.subarray(16), content);
    assert.equal(db.includes(signature), true);
  }
});

test('anything else is refused, in words that help', async () => {
  const store = variableStore(STORED);
  const changed = (at: number, byte: number) => {
    const copy = Buffer.from(store);
    copy.writeUInt8(byte, at);
    return copy;
  };
  const cases: [Buffer | Record<string, Buffer>, RegExp][] = [
    [Buffer.from('x'), /not a variable store of UEFI firmware/],
    [changed(16, 0), /not one of variables/],
    [changed(72, 0), /not authenticated ones/],
    [changed(72 + 20, 0), /not formatted/],
    [changed(72 + 19, 0x70), /cut off/],
    [changed(72 + 28 + 43, 0x70), /a variable is cut off/],
    [{}, /neither SecureBoot-8be4df61-\S+ nor PK.esl is in it/],
    [{ 'PK.esl': PK, 'db.esl': db }, /nor KEK.esl/],
    [{ 'PK.esl': PK, 'KEK.esl': Buffer.from('-----BEGIN'), 'db.esl': db }, /KEK: no EFI signature/],
    [{ ...efivars(true), [`dbx-${EFI_IMAGE_SECURITY_DATABASE}`]: Buffer.of(1) }, /4 bytes of attr/],
  ];
  for (const [index, [content, message]] of cases.entries()) {
    const path = await made(`bad-${index}`, content);
    await assert.rejects(readSecureBootKeys(path), message);
  }
});

test('hostile lists and stores end in an error or a result, never in more', () => {
  const store = variableStore(STORED);
  for (let bit = 0; bit < 8 * 200; bit++) {
    for (const [bytes, read] of [
      [db, (each: Buffer) => signatureEntries(each, 'db')],
      [store, readVariableStore],
    ] as const) {
      if (bit >= 8 * bytes.length) continue;
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      try {
        read(copy);
      } catch (error) {
        assert.equal((error as Error).name, 'MeasurementError', `bit ${bit}`);
      }
    }
  }
});
