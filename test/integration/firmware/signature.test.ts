import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { authenticodeDigests } from '../../../measurement/firmware/authenticode.ts';
import { predictPcr4 } from '../../../measurement/firmware/pcr4.ts';
import { parsePe } from '../../../measurement/firmware/pe.ts';
import type { SigningKey } from '../../../platform/firmware/sign.ts';
import { unifiedImage } from '../../../platform/firmware/unified-image.ts';
import { joined } from '../../../platform/lib/pieces.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { buildPe } from '../../lib/pe-builder.ts';
import { signImage } from '../../lib/sign-image.ts';

/** Size of a WIN_CERTIFICATE's header, before the PKCS #7 message; its first field is the length of both. */
const CERTIFICATE_HEADER = 8;

describe('signing with sbsign', () => {
  let directory: string;
  let key: SigningKey;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'signature-'));
    key = await makeKey('one');
  });
  after(() => rm(directory, { recursive: true }));

  async function makeKey(name: string): Promise<SigningKey> {
    const files = {
      key: join(directory, `${name}.key`),
      certificate: join(directory, `${name}.pem`),
    };
    await runProgram('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
      ...['-keyout', files.key, '-out', files.certificate],
    ]);
    return files;
  }

  async function written(name: string, bytes: Uint8Array): Promise<string> {
    const file = join(directory, name);
    await writeFile(file, bytes);
    return file;
  }

  const image = joined(
    unifiedImage({
      xenEfi: buildPe({
        sections: [{ name: '.text', contents: Buffer.alloc(1001, 1) }],
        trailer: Buffer.from('symbols'),
      }),
      options: ['boot-domain'],
      kernel: Buffer.alloc(3333, 2),
      kernelOptions: ['pci=off'],
      initramfs: [Buffer.alloc(77_777, 3)],
      policy: Buffer.alloc(11, 4),
    }),
  );

  it('signs the very digest that we compute', async () => {
    const file = await written('signed.efi', await signImage(image, key));
    const bytes = await readFile(file);
    const { certificates } = parsePe(bytes, bytes.length);
    assert.ok(certificates);
    const [start, length] = [certificates.offset, bytes.readUInt32LE(certificates.offset)];
    const message = await written(
      'message.p7',
      bytes.subarray(start + CERTIFICATE_HEADER, start + length),
    );
    // The first SHA-256 value in an Authenticode message is the image's, in SpcIndirectDataContent.
    const asn1 = await runProgram('openssl', ['asn1parse', '-inform', 'DER', '-in', message]);
    const signed = /OCTET STRING\s+\[HEX DUMP\]:([0-9A-F]{64})$/m.exec(asn1)?.[1];
    const digests = await authenticodeDigests(file, ['sha256']);
    assert.equal(digests.get('sha256')?.toString('hex'), signed?.toLowerCase());
  });

  it('does not change what firmware measures', async () => {
    const unsigned = await predictPcr4(await written('plain.efi', image));
    const signed = await predictPcr4(await written('signed.efi', await signImage(image, key)));
    assert.deepEqual(signed.values, unsigned.values);
  });

  it('makes signatures that hold for this image and this certificate only', async () => {
    const signed = await signImage(image, key);
    const other = await makeKey('two');
    const file = await written('signed.efi', signed);
    await runProgram('sbverify', ['--cert', key.certificate, file]);
    await assert.rejects(runProgram('sbverify', ['--cert', other.certificate, file]));
    const changed = Buffer.from(signed);
    changed.writeUInt8(changed.readUInt8(2000) ^ 1, 2000);
    const tampered = await written('tampered.efi', changed);
    await assert.rejects(runProgram('sbverify', ['--cert', key.certificate, tampered]));
  });

  it('fails when key and certificate do not belong together', async () => {
    const other = await makeKey('three');
    await assert.rejects(signImage(image, { key: other.key, certificate: key.certificate }));
  });
});
