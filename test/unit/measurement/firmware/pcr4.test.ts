import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hashId } from 'node-tpm2-pts';
import { authenticodeDigests } from '../../../../measurement/firmware/authenticode.ts';
import { predictPcr4 } from '../../../../measurement/firmware/pcr4.ts';
import { PeError } from '../../../../measurement/firmware/pe.ts';
import { buildPe } from '../../../lib/pe-builder.ts';

describe('the prediction of PCR 4', () => {
  let directory: string;
  let file: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pcr4-'));
    file = join(directory, 'boot.efi');
    await writeFile(
      file,
      buildPe({ sections: [{ name: '.text', contents: Buffer.alloc(99, 1) }] }),
    );
  });
  after(() => rm(directory, { recursive: true }));

  it('begins with the two events that all firmware logs have there', async () => {
    const { events } = await predictPcr4(file, ['sha1', 'sha256']);
    // As they stand in published firmware logs.
    const known = [
      [
        0x80000007,
        'cd0fdb4531a6ec41be2753ba042637d6e5f7f256',
        '3d6772b4f84ed47595d72a2c4c5ffd15f5bb72c7507fe26f2aaee2c69d5633ba',
      ],
      [
        4,
        '9069ca78e7450a285173431b3e52c5c25299e473',
        'df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119',
      ],
    ];
    const seen = events
      .slice(0, 2)
      .map(({ type, digests }) => [
        type,
        digests.get(hashId('sha1'))?.toString('hex'),
        digests.get(hashId('sha256'))?.toString('hex'),
      ]);
    assert.deepEqual(seen, known);
    assert.ok(events.every(({ pcr }) => pcr === 4));
  });

  it('ends with the application, and gives the PCR after all three', async () => {
    const { events, values } = await predictPcr4(file, ['sha384']);
    assert.equal(events.length, 3);
    assert.equal(events[2]?.type, 0x80000003);
    const application = (await authenticodeDigests(file, ['sha384'])).get('sha384');
    assert.deepEqual(events[2]?.digests.get(hashId('sha384')), application);
    let pcr = Buffer.alloc(48);
    for (const { digests } of events) {
      const by = digests.get(hashId('sha384')) as Buffer;
      pcr = createHash('sha384').update(pcr).update(by).digest();
    }
    assert.deepEqual(values.get('sha384'), pcr);
  });

  it('refuses what is no EFI application', async () => {
    const text = join(directory, 'text');
    await writeFile(text, 'no image');
    await assert.rejects(predictPcr4(text), PeError);
  });
});
