import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { authenticodeDigests } from '../../../measurement/firmware/authenticode.ts';
import { allowingEntry } from '../../../measurement/firmware/authority.ts';
import { imageSignatures } from '../../../measurement/firmware/image-signers.ts';
import { parsePe } from '../../../measurement/firmware/pe.ts';
import { signatureEntries } from '../../../measurement/firmware/signature-lists.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { type Issued, issue, keyIn } from '../../lib/certificates.ts';
import { buildPe } from '../../lib/pe-builder.ts';
import { signatureList } from '../../lib/secure-boot.ts';
import { signImage } from '../../lib/sign-image.ts';

describe('the entry of db that lets firmware start a file', () => {
  let directory: string;
  let root: Issued;
  let middle: Issued;
  let signer: Issued;
  let other: Issued;
  const files = new Map<string, string>();
  const image = buildPe({ sections: [{ name: '.text', contents: Buffer.alloc(4001, 7) }] });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'authority-'));
    const make = (name: string, issuer?: Issued) =>
      issue(
        directory,
        {
          ...{
            subject: `/CN=${name}`,
            key: keyIn(directory, 2048, name),
            digest: 'sha256',
            days: 2,
          },
          ...{ extensions: { basicConstraints: 'critical,CA:TRUE' }, options: [] },
        },
        issuer,
      );
    root = await make('root');
    middle = await make('middle', root);
    signer = await make('signer', middle);
    other = await make('other');
    const key = { key: signer.keyFile, certificate: signer.file };
    await keep('unsigned', image);
    await keep('signed', await signImage(image, key));
    const chained = join(directory, 'chained');
    await runProgram('sbsign', [
      ...['--key', key.key, '--cert', key.certificate, '--addcert', middle.file],
      ...['--output', chained, named('unsigned')],
    ]);
    files.set('chained', chained);
    const twice = join(directory, 'twice');
    await runProgram('sbsign', [
      ...['--key', other.keyFile, '--cert', other.file, '--output', twice, named('signed')],
    ]);
    files.set('twice', twice);
  });
  after(() => rm(directory, { recursive: true }));

  const named = (name: string) => files.get(name) as string;
  async function keep(name: string, bytes: Buffer) {
    files.set(name, join(directory, `${name}.efi`));
    await writeFile(named(name), bytes);
  }
  const der = ({ certificate }: Issued) => signatureList('x509', certificate.raw);
  const allows = async (name: string, ...lists: Buffer[]) => {
    const { content } = await allowingEntry(named(name), Buffer.concat(lists));
    return content;
  };

  it('is the certificate that the file is signed with, wherever it stands', async () => {
    assert.deepEqual(await allows('signed', der(other), der(signer)), signer.certificate.raw);
    const entry = await allowingEntry(named('signed'), der(signer));
    assert.deepEqual(entry.signature, signatureEntries(der(signer), 'db')[0]?.signature);
  });

  it('is an authority above it: the first in db, through what the signature brings', async () => {
    assert.deepEqual(await allows('signed', der(middle), der(signer)), middle.certificate.raw);
    assert.deepEqual(await allows('chained', der(root)), root.certificate.raw);
    // The certificate between the two is not in the file.
    await assert.rejects(
      allows('signed', der(root)),
      /db has no certificate that its signer "CN=sig/,
    );
  });

  it('is that of the first signature that any entry allows', async () => {
    const signatures = await imageSignatures(named('twice'));
    assert.deepEqual(
      signatures.map((each) => each.signer.subject),
      ['CN=signer', 'CN=other'],
    );
    assert.deepEqual(await allows('twice', der(other), der(signer)), signer.certificate.raw);
    assert.deepEqual(await allows('twice', der(other)), other.certificate.raw);
  });

  it('is the digest of the file, signed or not', async () => {
    const digest = (await authenticodeDigests(named('unsigned'), ['sha256'])).get('sha256');
    const list = signatureList('sha256', Buffer.alloc(32), digest as Buffer);
    assert.deepEqual(await allows('unsigned', der(other), list), digest);
    assert.deepEqual(await allows('signed', list), digest);
    assert.deepEqual(await allows('signed', list, der(signer)), signer.certificate.raw);
  });

  it('is none for a file that would not start', async () => {
    await assert.rejects(allows('unsigned', der(signer)), /would not start it: it is not signed/);
    await assert.rejects(
      allows('signed', der(other)),
      /no certificate that its signer "CN=signer"/,
    );
    // Not a certificate at all.
    await assert.rejects(allows('signed', signatureList('x509', Buffer.alloc(99))), /no certific/);
  });

  it('is not looked for where a signature cannot be read', async () => {
    const bytes = await readFile(named('signed'));
    const { certificates } = parsePe(bytes, bytes.length);
    assert.ok(certificates);
    const { offset, size } = certificates;
    for (let at = offset; at < offset + size; at += 7) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x11, at);
      await keep('damaged', damaged);
      try {
        for (const { signer: found } of await imageSignatures(named('damaged'))) {
          assert.equal(typeof found.subject, 'string');
        }
      } catch (error) {
        assert.equal((error as Error).name, 'PeError', `byte ${at}: ${error}`);
      }
    }
  });
});
